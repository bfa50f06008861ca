"""What Kubernetes refuses of a patch of a service's pods, with the paths of the patch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.finding import Path
from models.kubernetes.pod import template_problems
from models.kubernetes.problem import Edit, Problem, remove
from models.kubernetes.schema import Schema, pod_schema
from models.kubernetes.structure import Structure
from models.manifests import template_without_patch
from models.manifests.pod_fields import OWNED_ITEMS, OWNED_POD_FIELDS
from models.manifests.pod_template import with_patch
from models.service.resolved import ResolvedService
from models.stack_file.pod_template import PodTemplate

_VOLUMES = ("spec", "volumes")


def refused_parts(
    service: ResolvedService, patch: PodTemplate, owned: Iterable[Path]
) -> Iterator[Problem]:
    """What the API server refuses of the pods with a patch that has the form of the schema.

    Args:
        service: The service.
        patch: The patch of its pods.
        owned: Parts of the patch that another rule refuses.
    """
    structure = structure_of(service, patch)
    template = template_without_patch(service)
    added = _Offsets.after(template["spec"])
    merged = with_patch(
        template, metadata=patch.metadata.model_dump(), spec=structure.spec
    )
    reported = [*_reported_parts(structure.problems), *owned]
    volumes_are_known = not any(path[:2] == _VOLUMES for path in reported)
    problems = template_problems(structure.schema, merged["metadata"], merged["spec"])
    for problem in problems:
        located = added.in_patch(problem)
        if _is_reported(located.path, reported):
            continue
        is_missing_volume = "is not a volume" in problem.words
        if is_missing_volume and not volumes_are_known:
            continue
        yield located


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
        return ".".join(("podTemplate", *self._path(path)))


def _reported_parts(problems: Iterable[Problem]) -> Iterator[Path]:
    """The parts of a patch that have a problem, and those that a corrected name would have."""
    for problem in problems:
        yield problem.path
        for edit in problem.edits:
            if edit.verb == "rename":
                yield (*edit.path[:-1], edit.value)


def _is_reported(path: Path, reported: Iterable[Path]) -> bool:
    """Whether a finding about this part of the patch, or about a part of it, is reported already."""
    for other in reported:
        shorter = min(len(path), len(other))
        if path[:shorter] == other[:shorter]:
            return True
    return False
