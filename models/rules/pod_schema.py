"""Rules that hold `podTemplate` against Kubernetes: its schema, and the checks of the API server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.finding import Finding, Mark, Path, error
from models.kubernetes.pod import template_problems
from models.kubernetes.problem import Edit, Problem, remove
from models.kubernetes.schema import Schema, pod_schema
from models.kubernetes.structure import Structure
from models.manifests import template_without_patch
from models.manifests.pod_fields import OWNED_ITEMS, OWNED_POD_FIELDS
from models.manifests.pod_template import with_patch
from models.rules.pod_template import owned_paths
from models.rules.registry import rule
from models.service.resolved import ResolvedService
from models.stack_file.pod_template import PodTemplate
from models.yaml_scalar import as_yaml

_KEY = "podTemplate"
_VOLUMES = ("spec", "volumes")


@rule("error")
def pod_template_unknown(service: ResolvedService) -> Iterator[Finding]:
    """Every field of `podTemplate` is a field of Kubernetes and has its type.

    The fields are those of the OpenAPI schema of `cluster.kubernetes`. The API server refuses others in the middle of
    an update.
    """
    if service.pod_template is None:
        return
    structure = _structure_of(service, service.pod_template)
    for problem in structure.problems:
        yield _finding(problem)


@rule("error")
def pod_template_refused(service: ResolvedService) -> Iterator[Finding]:
    """The API server accepts the pods with `podTemplate`.

    It checks more than its schema says: choices, formats of names, ranges, fields that exclude each other, and names
    that other fields refer to. It would refuse the pods in the middle of an update.
    """
    if service.pod_template is None:
        return
    structure = _structure_of(service, service.pod_template)
    template = template_without_patch(service)
    added = _Offsets.after(template["spec"])
    merged = with_patch(
        template,
        metadata=service.pod_template.metadata.model_dump(),
        spec=structure.spec,
    )
    reported = [problem.path for problem in structure.problems]
    for problem in structure.problems:
        reported += [
            (*edit.path[:-1], edit.value)
            for edit in problem.edits
            if edit.verb == "rename"
        ]
    for path, _ in owned_paths(service.pod_template, service):
        is_name = path[-1] == "name" and path[1] in OWNED_ITEMS
        reported.append(path[:-1] if is_name else path)
    volumes_are_known = not any(path[:2] == _VOLUMES for path in reported)
    for problem in template_problems(
        structure.schema, merged["metadata"], merged["spec"]
    ):
        located = added.in_patch(problem)
        if _is_reported(located.path, reported):
            continue
        is_missing_volume = "is not a volume" in problem.words
        if is_missing_volume and not volumes_are_known:
            continue
        yield _finding(located)


@dataclass(frozen=True)
class _Structured:
    """A patch after the comparison with the schema."""

    schema: Schema
    spec: dict[str, Any]
    """The well-formed part of the patch of the spec."""
    problems: Sequence[Problem]


def _structure_of(service: ResolvedService, patch: PodTemplate) -> _Structured:
    """Compare a patch with the schema, without the fields that no patch may set."""
    schema = pod_schema(service.cluster.kubernetes)
    structure = Structure(schema)
    spec = {
        key: value for key, value in patch.spec.items() if key not in OWNED_POD_FIELDS
    }
    formed = structure.patch("PodSpec", spec, ("spec",))
    problems = list(structure.problems)
    for key in OWNED_ITEMS:
        if key in spec and spec[key] is None:
            path = ("spec", key)
            words = "must be a list: the items of the program cannot be removed"
            problem = Problem(
                path=path, words=words, source="core/v1, PodSpec", edits=remove(path)
            )
            problems.append(problem)
    return _Structured(schema=schema, spec=formed, problems=problems)


@dataclass(frozen=True)
class _Offsets:
    """How many items the program has in each list before those of the patch."""

    before: dict[str, int] = field(default_factory=dict)

    @classmethod
    def after(cls, spec: dict[str, Any]) -> _Offsets:
        """The offsets of items that come after those of a spec."""
        return cls({key: len(spec.get(key, ())) for key in OWNED_ITEMS})

    def in_patch(self, problem: Problem) -> Problem:
        """A problem of the patched template, with the paths of the patch."""
        edits = tuple(
            Edit(edit.verb, self._path(edit.path), edit.value) for edit in problem.edits
        )
        others = tuple(self._path(path) for path in problem.others)
        return Problem(
            path=self._path(problem.path),
            words=self._words(problem),
            source=problem.source,
            edits=edits,
            others=others,
        )

    def _path(self, path: Path) -> Path:
        """The path of an item in the patch. An item of the program keeps its path."""
        if len(path) < 3 or path[1] not in self.before:
            return path
        index = int(path[2]) - self.before[path[1]]
        if index < 0:
            return path
        return (*path[:2], str(index), *path[3:])

    def _words(self, problem: Problem) -> str:
        """The words of a problem, in which other parts have the paths of the patch."""
        words = problem.words
        for path in problem.others:
            shown = ".".join(path)
            words = words.replace(shown, self._name(path))
        return words

    def _name(self, path: Path) -> str:
        """How a message names an item of the patch, or one of the program."""
        is_item = len(path) > 2 and path[1] in self.before
        if is_item and int(path[2]) < self.before[path[1]]:
            return f"the {path[1]} of the program"
        return _dotted(self._path(path))


def _is_reported(path: Path, reported: Iterable[Path]) -> bool:
    """Whether a finding about this part of the patch, or about a part of it, is reported already."""
    for other in reported:
        shorter = min(len(path), len(other))
        if path[:shorter] == other[:shorter]:
            return True
    return False


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
