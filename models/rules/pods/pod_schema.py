"""Rules that hold `podTemplate` against Kubernetes: its schema, and the checks of the API server.

The modules of `models/kubernetes` are loaded for the first service with a patch, so that other stacks do not wait for
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from models.finding import Finding, Mark, Path, error, warning
from models.manifests.pod_fields import OWNED_ITEMS
from models.rules.pods.pod_template import owned_paths
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.keys.pod_template import PodTemplate
from models.yaml_scalar import as_yaml

if TYPE_CHECKING:
    from models.kubernetes.patch import PatchedPods
    from models.kubernetes.problem import Edit, Problem

_KEY = "podTemplate"


@rule("error")
def pod_template_unknown(service: ResolvedService) -> Iterator[Finding]:
    """Every field of `podTemplate` is a field of Kubernetes and has its type.

    The fields are those of the OpenAPI schema of `cluster.kubernetes`. The API server refuses others in the middle of
    an update.
    """
    pods = _patched_pods(service)
    if pods is None:
        return
    for problem in pods.unknown_parts:
        yield _finding(problem)


@rule("error")
def pod_template_refused(service: ResolvedService) -> Iterator[Finding]:
    """The API server accepts the pods with `podTemplate`.

    It checks more than its schema says: choices, formats of names, ranges, fields that exclude each other, and names
    that other fields refer to. It would refuse the pods in the middle of an update.
    """
    pods = _patched_pods(service)
    if pods is None or service.pod_template is None:
        return
    owned = _owned_parts(service, service.pod_template)
    for problem in pods.refused_parts(owned):
        yield _finding(problem)


@rule("warning")
def pod_template_port(service: ResolvedService) -> Iterator[Finding]:
    """Each port of the pods is opened by one container.

    The containers of a pod share one network. The second container that listens on a port ends with "address already
    in use", and a second port named http can get the requests of the Service.
    """
    pods = _patched_pods(service)
    if pods is None:
        return
    for problem in pods.repeated_ports():
        yield warning(
            f"{_dotted(problem.path)} {problem.words}",
            why="the containers of a pod share one network, so only one of them can listen on a port",
            fix=" and ".join(_edit_text(edit) for edit in problem.edits),
            marks=[_mark(problem.path), *map(_mark, problem.others)],
        )


def _patched_pods(service: ResolvedService) -> PatchedPods | None:
    """The pods of a service with its patch, or None without a patch."""
    if service.pod_template is None:
        return None
    from models.kubernetes.patch import patched_pods

    return patched_pods(service)


def _owned_parts(service: ResolvedService, patch: PodTemplate) -> list[Path]:
    """The parts of a patch that another rule refuses. An item with a name of the program is one as a whole."""
    parts = []
    for path, _ in owned_paths(patch, service):
        is_name = path[-1] == "name" and path[1] in OWNED_ITEMS
        if is_name:
            parts.append(path[:-1])
        else:
            parts.append(path)
    return parts


def _finding(problem: Problem) -> Finding:
    message = f"{_dotted(problem.path)} {problem.words}"
    if problem.name:
        message = problem.words
    marks = [_mark(problem.path)]
    marks += [_mark(path) for path in problem.others]
    return error(
        message,
        why=f"the API server refuses the pods in the middle of an update ({problem.source})",
        fix=" and ".join(_edit_text(edit) for edit in problem.edits),
        marks=marks,
    )


def _mark(path: Path) -> Mark:
    return Mark((_KEY, *path))


def _dotted(path: Path) -> str:
    return ".".join((_KEY, *path))


def _edit_text(edit: Edit) -> str:
    name = _dotted(edit.path)
    if edit.verb == "write":
        return f"write {name}: {as_yaml(edit.value)}"
    if edit.verb == "rename":
        return f"rename {name} to {edit.value}"
    return f"remove {name}"
