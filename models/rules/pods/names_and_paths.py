"""Rules on names and paths that have another meaning for Kubernetes or in the container."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from models.catalog.node_directories import is_inside
from models.engines.features import SpeculativeWeights
from models.engines.server import TemplateFile
from models.finding import Finding, Mark, at, error
from models.record import OWN_DIRECTORY, SYSTEM
from models.rules.registry import rule
from models.service.resolved import ResolvedService

_PLACEHOLDER = re.compile(r"\$\{[A-Za-z_][\w-]*\}")
_FREE_TEXT = ("server.chatTemplate.inline",)
_MA_USER = "/home/ma-user"


@rule("error")
def service_name_vllm(service: ResolvedService) -> Iterator[Finding]:
    """No service is named `vllm`.

    Kubernetes would give every pod of the namespace that enables service links the variable `VLLM_PORT=tcp://…`. vLLM
    reads it as a number and exits. The pods of this program disable service links, others do not.
    """
    if service.name == "vllm":
        yield error(
            "the service name vllm stops other vLLM pods of the namespace",
            why="Kubernetes sets VLLM_PORT=tcp://… in them, and vLLM expects a number there"
            f" ({service.release.variable_values['VLLM_PORT'].where})",
            fix="rename services.vllm to vllm-service, or name it after its model",
            marks=[Mark(())],
        )


@rule("error")
def placeholder(service: ResolvedService) -> Iterator[Finding]:
    """No value contains a placeholder `${…}` of the manual.

    Readers of the manual replace it by hand. Here, nothing replaces it, and bash does not expand it, because every
    value is quoted (manual, Step 2 and 3).
    """
    for field, origin in service.origins.items():
        if not isinstance(origin.value, str) or field in _FREE_TEXT:
            continue
        match = _PLACEHOLDER.search(origin.value)
        if match:
            yield error(
                f"{field} contains the placeholder {match[0]}",
                why="nothing replaces it: every value is quoted (manual, Step 2 and 3)",
                fix=f"remove {field}, or replace {match[0]} with the value",
                marks=[at(field)],
            )


@rule("error")
def model_source_path(service: ResolvedService) -> Iterator[Finding]:
    """Weights are mounted where they hide nothing else.

    The container sees weights under the node's path, or under `model.mountPath`. They must not cover the root, a path
    of the driver or of the launch script, or `/home/ma-user`, where the image keeps its Python: the container would not
    start (ModelArts, Lite Cluster: do not mount onto /home/ma-user).
    """
    taken = _taken_paths(service)
    for mark, path in _weight_directories(service):
        hidden = _hidden_path(posixpath.normpath(path), taken)
        if hidden:
            yield error(
                f"{mark.field} {path} covers {hidden} in the container",
                why=f"the weights are mounted there and hide {hidden}, so the container does not start",
                fix=_own_directory(service, mark),
                marks=[mark],
            )


def _taken_paths(service: ResolvedService) -> list[str]:
    """The paths of the container at which the driver and the launch script are mounted."""
    mounts = service.cluster.platform.mounts.values()
    paths = [posixpath.normpath(mount.mount_path) for mount in mounts]
    return [*paths, OWN_DIRECTORY]


def _hidden_path(weights: str, taken: list[str]) -> str | None:
    """The path of the container that a mount of weights would hide or lie in."""
    if weights in SYSTEM:
        return weights
    if is_inside(_MA_USER, weights):
        return _MA_USER
    for path in taken:
        if is_inside(weights, path) or is_inside(path, weights):
            return path
    return None


def _own_directory(service: ResolvedService, mark: Mark) -> str:
    """The edit that names a free directory; the weights have to be moved there on the nodes."""
    name = PurePosixPath(service.model.name).name
    if mark.field == "model.mountPath":
        return f"write model.mountPath: /mnt/models/{name}"
    if mark.field == "model.source":
        return f"write model.source: /mnt/models/{name}, and move the weights there"
    return (
        f"write {mark.field}: /mnt/models/{mark.path[-1]}, and move the weights there"
    )


@rule("error")
def chat_template_path(service: ResolvedService) -> Iterator[Finding]:
    """The path of a chat template is absolute.

    The server looks for a relative path in its working directory and exits if it finds no file. It takes a text with
    `{` or `}` for the template itself.
    """
    template = service.server.chat_template
    if not isinstance(template, TemplateFile) or template.path.startswith("/"):
        return
    if "{" in template.path or "}" in template.path:
        return
    yield error(
        f"server.chatTemplate {template.path} is not an absolute path",
        why=f"the server exits if it does not find its template ({service.release.code_places.chat_template})",
        fix=f"write server.chatTemplate: /opt/vllm/{template.path}, with the directory of your image",
        marks=[at("server.chatTemplate")],
    )


def _weight_directories(service: ResolvedService) -> Iterator[tuple[Mark, str]]:
    """Every directory of weights in the container, with its key in the stack file."""
    if service.model.mount_path:
        yield at("model.mountPath"), service.model.path
    else:
        yield at("model.source"), service.model.path
    if isinstance(service.speculative, SpeculativeWeights):
        yield at("speculative.source"), service.speculative.source
    if service.lora:
        for name, path in service.lora.adapters.items():
            yield at("lora.adapters", key=name), path
