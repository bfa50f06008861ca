"""What `pulumi preview --json` says and a comparison of stacks does not see: objects that go, or are made anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.manifests.metadata import INSTANCE_LABEL
from review.record import StackChange

_ANEW = ("replace", "create-replacement", "delete-replaced")


@dataclass(frozen=True)
class Step:
    """Something that Pulumi would do to an object."""

    operation: str
    kind: str
    """`Deployment`, or the last part of the resource's type."""
    name: str
    service: str
    """The service that it belongs to by its labels; empty when it belongs to none."""
    reasons: tuple[str, ...] = ()
    """The fields for which it is made anew."""


@dataclass(frozen=True)
class Preview:
    """What Pulumi would do to a stack."""

    stack: str
    steps: tuple[Step, ...]


def read_preview(document: Any) -> Preview:
    """A preview as `pulumi preview --json` prints it.

    Raises:
        ValueError: It is none.
    """
    steps = document.get("steps") if isinstance(document, dict) else None
    if not isinstance(steps, list) or not steps:
        raise ValueError("it has no steps")
    try:
        stack = str(steps[0]["urn"]).removeprefix("urn:pulumi:").partition("::")[0]
        return Preview(stack, tuple(_step(step) for step in steps if _is_object(step["urn"])))
    except (LookupError, TypeError, AttributeError) as problem:
        raise ValueError(f"a step of it has another form: {problem}") from None


def with_preview(change: StackChange, preview: Preview) -> StackChange:
    """A comparison with the deletions and replacements that it does not tell by itself.

    Launch maps are made anew with every changed launch, and the objects of a service go with it; what moves elsewhere
    is all made anew. None of this is said twice.
    """
    if change.moves:
        return change
    steps = [step for step in preview.steps if not _is_expected(step, change)]
    deleted = (f"{step.kind} {step.name}" for step in steps if step.operation == "delete")
    anew = dict.fromkeys(_with_reasons(step) for step in _merged(steps))
    return replace(change, deletions=tuple(dict.fromkeys((*change.deletions, *deleted))), replacements=tuple(anew))


def _is_expected(step: Step, change: StackChange) -> bool:
    service = next((one for one in change.services if one.name == step.service), None)
    if step.operation == "delete":
        if step.kind == "PersistentVolumeClaim":
            return True  # it leaves the state and stays in the cluster
        told = any(gone.startswith(f"{step.kind.lower()} {step.name}") for gone in change.deletions)
        return told or (service is not None and service.kind == "removed")
    launch = service is not None and any(one.part == "launch" for one in service.details)
    return step.kind == "ConfigMap" and launch


def _merged(steps: Sequence[Step]) -> Iterator[Step]:
    """One step for each object that is made anew; of the three that Pulumi may list, the one with reasons."""
    by_object: dict[tuple[str, str], Step] = {}
    for step in steps:
        known = by_object.get((step.kind, step.name))
        if step.operation in _ANEW and not (known and known.reasons):
            by_object[step.kind, step.name] = step
    yield from by_object.values()


def _with_reasons(step: Step) -> str:
    return f"{step.kind} {step.name}" + (f" ({', '.join(step.reasons)})" if step.reasons else "")


def _is_object(urn: str) -> bool:
    """Whether a resource is in the cluster: neither the stack nor a component."""
    kind = _type(urn)
    return kind.startswith(("kubernetes:", "pulumi:providers:"))


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _step(step: Mapping[str, Any]) -> Step:
    state = step.get("oldState") or step.get("newState") or {}
    inputs = state.get("inputs") or {}
    metadata = inputs.get("metadata") or {}
    urn = str(step["urn"])
    return Step(
        str(step["op"]),
        str(inputs.get("kind") or _type(urn).rpartition(":")[2]),
        str(metadata.get("name") or urn.split("::")[3]),
        str((metadata.get("labels") or {}).get(INSTANCE_LABEL) or ""),
        tuple(map(str, step.get("replaceReasons") or ())),
    )
