"""The parts of a patch of a service's pods that Kubernetes refuses, with their paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.finding import Path
from models.kubernetes.pod import template_problems
from models.kubernetes.ports import repeated_ports
from models.kubernetes.problem import Edit, Problem, remove
from models.kubernetes.schema import Schema, pod_schema
from models.kubernetes.structure import Structure
from models.manifests import Manifest, template_without_patch
from models.manifests.pod_fields import OWNED_ITEMS, OWNED_POD_FIELDS
from models.manifests.pod_template import with_patch
from models.service.resolved import ResolvedService
from models.stack_file.keys.pod_template import PodTemplate

_SPEC = ("spec",)
_VOLUMES = ("spec", "volumes")


class PatchedPods:
    """The pods of a service with the well-formed part of a patch."""

    def __init__(self, service: ResolvedService, patch: PodTemplate) -> None:
        template = template_without_patch(service)
        self._structure = structure_of(service, patch)
        self._added = _Offsets.after(template["spec"])
        self._merged = _with(template, patch, self._structure)

    @property
    def unknown_parts(self) -> Sequence[Problem]:
        """The parts of the patch that do not have the form of the schema."""
        return self._structure.problems

    def refused_parts(self, owned: Iterable[Path]) -> Iterator[Problem]:
        """The parts of the pods that have the form of the schema, and that the API server refuses.

        Args:
            owned: Parts of the patch that another rule refuses.
        """
        reported = _Reported([*_reported_parts(self.unknown_parts), *owned])
        volumes_are_known = not reported.overlaps(_VOLUMES)
        metadata, spec = self._merged["metadata"], self._merged["spec"]
        problems = template_problems(
            self._structure.schema, metadata, spec, self._added.before
        )
        for problem in problems:
            located = self._added.in_patch(problem)
            if reported.overlaps(located.path):
                continue
            is_missing_volume = "is not a volume" in problem.words
            if is_missing_volume and not volumes_are_known:
                continue
            yield located

    def repeated_ports(self) -> Iterator[Problem]:
        """Ports of the patch that another container of the pods opens."""
        for problem in repeated_ports(self._merged["spec"]):
            yield self._added.in_patch(problem)


class _Latest:
    """The pods of the latest service. All rules on one service run before those on the next."""

    pods: tuple[ResolvedService, PatchedPods] | None = None


def patched_pods(service: ResolvedService) -> PatchedPods | None:
    """The pods of a service with its patch, or None without a patch."""
    if service.pod_template is None:
        return None
    if _Latest.pods is not None:
        latest, pods = _Latest.pods
        if latest is service:
            return pods
    pods = PatchedPods(service, service.pod_template)
    _Latest.pods = (service, pods)
    return pods


def _with(template: Manifest, patch: PodTemplate, structure: Structured) -> Manifest:
    """The template with the well-formed part of a patch."""
    metadata = patch.metadata.model_dump()
    return with_patch(template, metadata=metadata, spec=structure.spec)


@dataclass(frozen=True)
class Structured:
    """A patch after the comparison with the schema."""

    schema: Schema
    spec: dict[str, Any]
    """The well-formed part of the patch of the spec."""
    problems: Sequence[Problem]


def structure_of(service: ResolvedService, patch: PodTemplate) -> Structured:
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
    return Structured(schema=schema, spec=formed, problems=problems)


@dataclass(frozen=True)
class _Offsets:
    """How many items the program has in each list before those of the patch."""

    before: dict[str, int] = field(default_factory=dict)

    @classmethod
    def after(cls, spec: dict[str, Any]) -> _Offsets:
        """The offsets of items that come after those of a spec."""
        return cls({key: len(spec.get(key, ())) for key in OWNED_ITEMS})

    def in_patch(self, problem: Problem) -> Problem:
        """A problem of the patched template, with the paths of the patch.

        A problem of an item of the program is one of the part of the patch that contradicts it.
        """
        others = [path for path in problem.others if not self._is_of_program(path)]
        path, edits = problem.path, problem.edits
        if self._is_of_program(path):
            path = others[0] if others else _SPEC
            edits = remove(path)
        return Problem(
            path=self._path(path),
            words=self._words(problem),
            source=problem.source,
            edits=tuple(self._edit(edit) for edit in edits),
            others=tuple(self._path(other) for other in others),
        )

    def _edit(self, edit: Edit) -> Edit:
        return Edit(edit.verb, self._path(edit.path), edit.value)

    def _is_of_program(self, path: Path) -> bool:
        """Whether a path is in an item that the program has before those of the patch."""
        is_item = len(path) > 2 and path[1] in self.before
        return is_item and int(path[2]) < self.before[path[1]]

    def _path(self, path: Path) -> Path:
        """The path of an item in the patch. An item of the program keeps its path."""
        is_item = len(path) > 2 and path[1] in self.before
        if not is_item or self._is_of_program(path):
            return path
        index = int(path[2]) - self.before[path[1]]
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
        if self._is_of_program(path):
            return f"the {path[1]} of the program"
        return ".".join(("podTemplate", *self._path(path)))


def _reported_parts(problems: Iterable[Problem]) -> Iterator[Path]:
    """The parts of a patch that have a problem, and those that a corrected name would have."""
    for problem in problems:
        yield problem.path
        for edit in problem.edits:
            if edit.verb == "rename":
                yield (*edit.path[:-1], edit.value)


class _Reported:
    """The parts of a patch with a finding."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = set(paths)
        self._around = {
            path[:length] for path in self._paths for length in range(len(path) + 1)
        }

    def overlaps(self, path: Path) -> bool:
        """Whether there is a finding about this part of the patch, about a part of it, or about what contains it."""
        if path in self._around:
            return True
        return any(path[:length] in self._paths for length in range(len(path)))
