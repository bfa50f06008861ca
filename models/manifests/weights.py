"""The volumes with the weights of a service, and where the container sees them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from models.engines.features import EagleHead, SpeculativeWeights
from models.launch.init_steps import STORE_DIRECTORY, store_name
from models.manifests.metadata import Manifest
from models.manifests.node_mounts import host_path, read_only
from models.service.resolved import ResolvedService
from models.stack_file.keys.source import BucketSource, ClaimSource, HostPathSource
from models.stack_file.keys.storage import ClaimTarget

MODEL_VOLUME = "model-path"
"""Name of the weights' volume, the manual's."""

DRAFT_VOLUME = "draft-model-path"
"""Name of the draft model's volume."""


def weight_volumes(service: ResolvedService) -> list[Manifest]:
    """The pod's volumes with weights. A pod fails on a node that lacks one of the directories."""
    volumes = [_model_volume(service)]
    for name, path in weights(service).items():
        if name != MODEL_VOLUME:
            volumes.append(host_path(name, path, "Directory"))
    return volumes


def weight_mounts(service: ResolvedService) -> list[Manifest]:
    """Where the container sees the weights, read-only. A volume with several models shows this model's directory."""
    mounts = {name: read_only(name, path) for name, path in weights(service).items()}
    source = service.model.source
    if isinstance(source, BucketSource):
        mounts[MODEL_VOLUME]["subPath"] = store_name(service, source)
    elif isinstance(source, ClaimSource) and source.directory:
        mounts[MODEL_VOLUME]["subPath"] = source.directory
    return [*mounts.values()]


def store_mount() -> Manifest:
    """The mount of the container that fetches weights: the directory of all models, writable."""
    return {"name": MODEL_VOLUME, "mountPath": STORE_DIRECTORY}


def _model_volume(service: ResolvedService) -> Manifest:
    source = service.model.source
    if isinstance(source, HostPathSource):
        return host_path(MODEL_VOLUME, source.path, "Directory")
    if isinstance(source, ClaimSource):
        claim = {"claimName": source.name, "readOnly": True}
        return {"name": MODEL_VOLUME, "persistentVolumeClaim": claim}
    if isinstance(source.to, ClaimTarget):
        return {
            "name": MODEL_VOLUME,
            "persistentVolumeClaim": {"claimName": source.to.claim},
        }
    return host_path(MODEL_VOLUME, source.to.path, "DirectoryOrCreate")


def weights(service: ResolvedService) -> dict[str, str]:
    """The directories of weights in the container, by volume: of the model, of the draft model and of the adapters.

    The path is the node's, except for a model from a claim or a bucket. A directory below another one needs no volume,
    unless the pod writes to it.
    """
    directories = {MODEL_VOLUME: service.model.path}
    written = ""
    guess = service.speculative
    if isinstance(guess, SpeculativeWeights):
        directories[DRAFT_VOLUME] = guess.source
    if isinstance(guess, EagleHead) and guess.convert:
        written = guess.source
    if service.lora:
        for number, path in enumerate(service.lora.adapters.values(), 1):
            directories[f"lora-path-{number}"] = path
    mounted: dict[str, str] = {}
    tree: _Tree = {}
    for name, directory in directories.items():
        parts = PurePosixPath(directory).parts
        is_written = name == DRAFT_VOLUME and directory == written
        if is_written or not _is_below(parts, tree):
            mounted[name] = directory
            _add(parts, tree)
    return mounted


_Tree = dict[str, "_Tree"]
"""Directories by the parts of their paths. A directory that is in the tree itself contains the part `/` once more."""


def _is_below(parts: Sequence[str], tree: _Tree) -> bool:
    """Whether a path is a directory of a tree, or is below one."""
    for part in parts:
        if part not in tree:
            return False
        tree = tree[part]
        if "/" in tree:
            return True
    return False


def _add(parts: Sequence[str], tree: _Tree) -> None:
    for part in parts:
        tree = tree.setdefault(part, {})
    tree["/"] = {}
