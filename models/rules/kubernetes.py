"""Names and paths that Kubernetes or the container gives another meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from models.finding import Finding, Mark, at, error
from models.record import OWN_DIRECTORY, SYSTEM
from models.rules.registry import rule
from models.service.resolved import ResolvedService

_PLACEHOLDER = re.compile(r"\$\{[A-Za-z_][\w-]*\}")
_FREE_TEXT = ("server.chatTemplate.inline",)
_HOME = PurePosixPath("/home/ma-user")


@rule
def service_name_vllm(service: ResolvedService) -> Iterator[Finding]:
    """No service is named `vllm`.

    Kubernetes would give every pod of the namespace that asks for service links the variable `VLLM_PORT=tcp://…`, which
    vLLM reads as a number and dies of (vllm/envs.py:160). The pods made here ask for none, others do.
    """
    if service.name == "vllm":
        yield error(
            "a service named vllm ends other vLLM pods of its namespace",
            why="Kubernetes gives them VLLM_PORT=tcp://…, and vLLM wants a number there (vllm/envs.py:160)",
            fix="rename the service, for instance after its model",
            marks=[Mark(())],
        )


@rule
def placeholder(service: ResolvedService) -> Iterator[Finding]:
    """No `${…}` of the manual's is left in a value.

    The manual has people put a value in its place; here nothing does, and bash does not see it either, since every
    value is quoted (manual, Step 2 and 3).
    """
    for field, origin in service.origins.items():
        if isinstance(origin.value, str) and field not in _FREE_TEXT and (found := _PLACEHOLDER.search(origin.value)):
            yield error(
                f"{field} holds the placeholder {found[0]}",
                why="nothing puts a value in its place (manual, Step 2 and 3)",
                fix="write the value itself",
                marks=[at(field)],
            )


@rule
def model_source_path(service: ResolvedService) -> Iterator[Finding]:
    """Weights are mounted where they hide nothing else.

    The container sees weights under the node's path, or where `model.mountPath` says. The root, a path of the driver's
    or the launch script's, and `/home/ma-user`, where the image keeps its Python, cannot be covered: the container
    would not start (ModelArts, Lite Cluster: do not mount onto /home/ma-user).
    """
    taken = [PurePosixPath(mount.mount_path) for mount in service.cluster.platform.mounts.values()]
    taken += [PurePosixPath(OWN_DIRECTORY), _HOME]
    for mark, path in _sources(service):
        source = PurePosixPath(path)
        hidden = next((one for one in taken if source == one or source in one.parents or one in source.parents), None)
        hidden = source if str(source) in SYSTEM else hidden
        if hidden and not (hidden == _HOME and _HOME in source.parents):
            yield error(
                f"{mark.field} {path} covers {hidden} in the container",
                why="the weights are mounted there, and something else lies there",
                fix="keep the weights in a directory of their own, such as /mnt/models/NAME",
                marks=[mark],
            )


@rule
def chat_template_path(service: ResolvedService) -> Iterator[Finding]:
    """The path of a chat template is absolute.

    The server looks for a relative one where the image happens to start it, and ends when it finds none; text with `{`
    or `}` it takes for the template itself (vllm/entrypoints/chat_utils.py:308).
    """
    template = service.server.chat_template
    if template and template.path and not template.path.startswith("/") and not {*"{}"} & {*template.path}:
        yield error(
            f"{template.path} is no absolute path",
            why="the server ends when it does not find its template (vllm/entrypoints/chat_utils.py:308)",
            fix="write the whole path in the image, or the template itself under inline",
            marks=[at("server.chatTemplate")],
        )


def _sources(service: ResolvedService) -> Iterator[tuple[Mark, str]]:
    """Every directory of weights, and where the stack file names it."""
    yield at("model.mountPath" if service.model.mount_path else "model.source"), service.model.path
    if service.speculative and service.speculative.source:
        yield at("speculative.source"), service.speculative.source
    for name, path in service.lora.adapters.items() if service.lora else ():
        yield at("lora.adapters", key=name), path
