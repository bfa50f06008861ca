"""Rules on directories of the node that keys of the stack file mount into the pods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from models.catalog.node_directories import (
    NodeDirectory,
    normal_path,
    overlap_text,
    protected_directory,
    secret_directory,
)
from models.engines.features import EagleHead, SpeculativeWeights
from models.finding import Finding, Mark, Path, error
from models.rules.registry import stack_rule
from models.service.feature_defaults import GRAPH_CACHE
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.keys.source import BucketSource, HostPathSource
from models.stack_file.keys.storage import STORE, DirectoryTarget

_MODELS = "/mnt/models"

_PLATFORM_KEYS = {
    "driver": "driver",
    "add_ons": "addOns",
    "hccn_conf": "hccnConf",
    "localtime": "localtime",
    "npu_smi": "npuSmi",
    "dcmi": "dcmi",
    "install_info": "installInfo",
}
"""The mounts of a platform, each with its key below `cluster.platform`."""


@dataclass(frozen=True)
class _Mount:
    """A directory of the node that a key mounts."""

    key: Path
    """The key, from the top of the stack file."""
    path: str
    writable: bool
    fix: str
    """The edit that names a harmless directory."""


@stack_rule("error")
def node_directory(stack: ResolvedStack) -> Iterator[Finding]:
    """The pods mount no directory of the node that controls the node or holds its secrets.

    Everybody who can ask the model or change its code would read them, and whoever writes there controls the node:
    `/etc`, `/root`, `/boot`, `/proc`, `/sys`, `/run`, and the directories of the kubelet and of the container runtime.
    A directory that contains one of them, such as `/` or `/var`, is refused, too. Paths are compared without `//` and
    `.`. Below `/root` and `/usr`, weights may be read, but a pod writes nothing there.
    """
    for mount in _platform_mounts(stack):
        yield from _findings(mount)
    for service in stack.services:
        for mount in _service_mounts(service):
            yield from _findings(mount)


def _findings(mount: _Mount) -> Iterator[Finding]:
    directory = _sensitive(mount)
    if directory is None:
        return
    mark = Mark(mount.key)
    access = "can write to" if mount.writable else "can read"
    yield error(
        f"{mark.field} is {mount.path}, so the pods {access} it",
        why=f"{normal_path(mount.path)} {overlap_text(mount.path, directory)}",
        fix=mount.fix,
        marks=[mark],
    )


def _sensitive(mount: _Mount) -> NodeDirectory | None:
    if mount.writable:
        return protected_directory(mount.path)
    return secret_directory(mount.path)


def _platform_mounts(stack: ResolvedStack) -> Iterator[_Mount]:
    """The paths of the platform, which the pods of all services only read. Some releases need further paths."""
    mounts = dict(stack.cluster.platform.mounts)
    for service in stack.services:
        mounts |= service.cluster.platform.mounts
    for name, mount in mounts.items():
        key = ("cluster", "platform", _PLATFORM_KEYS[name])
        yield _Mount(
            key=key,
            path=mount.host_path,
            writable=False,
            fix=f"remove {'.'.join(key)}",
        )


def _service_mounts(service: ResolvedService) -> Iterator[_Mount]:
    yield from _source_mounts(service)
    guess = service.speculative
    if isinstance(guess, SpeculativeWeights):
        is_converted = isinstance(guess, EagleHead) and guess.convert is not None
        yield _weights(
            service, ("speculative", "source"), guess.source, writable=is_converted
        )
    if service.lora:
        for name, path in service.lora.adapters.items():
            yield _weights(service, ("lora", "adapters", name), path, writable=False)
    if service.pta_graph:
        yield _Mount(
            key=("services", service.name, "graph", "cache"),
            path=service.pta_graph.cache,
            writable=True,
            fix=f"write graph.cache: {GRAPH_CACHE}",
        )


def _source_mounts(service: ResolvedService) -> Iterator[_Mount]:
    """The directory of the weights, or the directory to which they are downloaded."""
    source = service.model.source
    if isinstance(source, HostPathSource):
        yield _weights(service, ("model", "source"), source.path, writable=False)
    elif isinstance(source, BucketSource) and isinstance(source.to, DirectoryTarget):
        yield _Mount(
            key=("services", service.name, "model", "source", "to"),
            path=source.to.path,
            writable=True,
            fix=f"write model.source.to: {STORE}",
        )


def _weights(
    service: ResolvedService, key: Path, path: str, *, writable: bool
) -> _Mount:
    """A directory of weights. The fix keeps the last part of its path."""
    name = PurePosixPath(path).name.lstrip(".") or "model"
    return _Mount(
        key=("services", service.name, *key),
        path=path,
        writable=writable,
        fix=f"write {'.'.join(key)}: {_MODELS}/{name}, and move the files there",
    )
