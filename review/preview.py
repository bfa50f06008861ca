"""Add to a comparison what only `pulumi preview --json` knows: further objects that are deleted or recreated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.manifests.metadata import INSTANCE_LABEL
from review.changes import ServiceChange, StackChange

_REPLACEMENTS = ("replace", "create-replacement", "delete-replaced")
"""Operations of Pulumi that delete an object and recreate it."""


@dataclass(frozen=True)
class Step:
    """An operation that Pulumi plans for an object."""

    operation: str
    kind: str
    """Kind of the object, or the last part of the Pulumi type."""
    name: str
    service: str
    """The service in its labels. Empty: it belongs to no service."""
    reasons: tuple[str, ...] = ()
    """The fields that require a replacement."""


@dataclass(frozen=True)
class Preview:
    """Pulumi's plan for a stack."""

    stack: str
    steps: tuple[Step, ...]


def read_preview(document: Any) -> Preview:
    """Read the output of `pulumi preview --json`.

    Raises:
        ValueError: It is not such an output.
    """
    steps = None
    if isinstance(document, dict):
        steps = document.get("steps")
    if not isinstance(steps, list) or not steps:
        raise ValueError("it has no steps")
    try:
        return Preview(_stack_name(steps[0]["urn"]), tuple(_steps(steps)))
    except (LookupError, TypeError, AttributeError):
        raise ValueError("a step has an unexpected form") from None


def _stack_name(urn: Any) -> str:
    """The stack in a URN such as `urn:pulumi:prod::project::type::name`."""
    return str(urn).removeprefix("urn:pulumi:").partition("::")[0]


def _steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    for step in steps:
        if _is_object(step["urn"]):
            yield _step(step)


def _is_object(urn: str) -> bool:
    """Whether a resource is an object of the cluster. The stack and components are not."""
    return _type(urn).startswith(("kubernetes:", "pulumi:providers:"))


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _step(step: Mapping[str, Any]) -> Step:
    urn = str(step["urn"])
    state = step.get("oldState") or step.get("newState") or {}
    inputs = state.get("inputs") or {}
    metadata = inputs.get("metadata") or {}
    labels = metadata.get("labels") or {}
    kind = inputs.get("kind")
    if not kind:
        kind = _type(urn).rpartition(":")[2]
    name = metadata.get("name")
    if not name:
        name = urn.split("::")[3]
    service = labels.get(INSTANCE_LABEL)
    reasons = step.get("replaceReasons") or ()
    return Step(
        operation=str(step["op"]),
        kind=str(kind),
        name=str(name),
        service=str(service or ""),
        reasons=tuple(str(reason) for reason in reasons),
    )


def with_preview(change: StackChange, preview: Preview) -> StackChange:
    """Add the deletions and replacements that the comparison does not contain.

    A changed launch always replaces its ConfigMap, and a removed service deletes its objects. A stack that moves
    recreates everything. These steps are left out.
    """
    if change.moves:
        return change
    steps = [step for step in preview.steps if not _is_expected(step, change)]
    deletions = dict.fromkeys(change.deletions)
    for step in steps:
        if step.operation == "delete":
            deletions[f"{step.kind} {step.name}"] = None
    replacements = dict.fromkeys(change.replacements)
    for step in _replacements(steps):
        replacements[_replacement_text(step)] = None
    return replace(
        change,
        deletions=tuple(deletions),
        replacements=tuple(replacements),
    )


def _is_expected(step: Step, change: StackChange) -> bool:
    service = _service(change, step.service)
    if step.operation == "delete":
        return _is_expected_deletion(step, change, service)
    if step.kind != "ConfigMap" or service is None:
        return False
    return any(detail.part == "launch" for detail in service.details)


def _service(change: StackChange, name: str) -> ServiceChange | None:
    for service in change.services:
        if service.name == name:
            return service
    return None


def _is_expected_deletion(
    step: Step,
    change: StackChange,
    service: ServiceChange | None,
) -> bool:
    if step.kind == "PersistentVolumeClaim":
        return True  # It leaves Pulumi's state and stays in the cluster.
    if service is not None and service.kind == "removed":
        return True
    beginning = f"{step.kind.lower()} {step.name}"
    return any(deletion.startswith(beginning) for deletion in change.deletions)


def _replacements(steps: Sequence[Step]) -> list[Step]:
    """One step for each recreated object. Pulumi may list three for one object; the one with reasons is kept."""
    by_object: dict[tuple[str, str], Step] = {}
    for step in steps:
        if step.operation not in _REPLACEMENTS:
            continue
        key = (step.kind, step.name)
        known = by_object.get(key)
        if known is None or not known.reasons:
            by_object[key] = step
    return list(by_object.values())


def _replacement_text(step: Step) -> str:
    if not step.reasons:
        return f"{step.kind} {step.name}"
    reasons = ", ".join(step.reasons)
    return f"{step.kind} {step.name} ({reasons})"
