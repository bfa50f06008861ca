"""Drift as text and as JSON; both are written from the same record, and neither shows a secret."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cli.capacity import columns
from cli.output.diff.text import coloured
from cli.output.diff.words import because, printable, values
from models.credentials import masked
from models.service.resolved import ResolvedStack
from models.words import counted
from review import Detail
from review.drift import RESTARTED, Drift, ObjectDrift, cause, is_restored, is_seen_by_refresh
from review.field_words import field_detail
from review.fields import FieldDrift

VERSION = 1
"""Of the JSON, see docs/reference/drift-json.md; raised when a key changes its meaning or goes."""

_SIGNS = {"changed": "~", "deleted": "-", "missing": "-", "extra": "+"}
_MOST_LINES = 20
_MARK = "pulumi.com/patchForce"


@dataclass(frozen=True)
class Told:
    """What was found out of a stack."""

    stack: ResolvedStack
    drift: Drift
    unread: Mapping[str, str]
    """What could not be read, and why."""
    objects: int
    """How many objects the stack gives."""


def as_text(told: Told) -> str:
    """An object after the other with what differs and by whom, a line that counts, and how to restore."""
    return coloured("\n".join(_lines(told)))


def as_json(told: Told) -> str:
    """The contract for programs."""
    document = {
        "version": VERSION,
        "stack": told.stack.name,
        "context": told.stack.cluster.context,
        "namespace": told.stack.cluster.namespace.name,
        "drift": bool(told.drift.objects),
        "restore": restoring(told),
        "objects": [_object(told, one) for one in told.drift.objects],
        "others": [
            {"kind": kind, "name": name, **_field(told, kind, name, field)} for kind, name, field in told.drift.others
        ],
        "unread": dict(told.unread),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def restoring(told: Told) -> list[str]:
    """The commands that make the cluster what the stack gives, but for what programs have added."""
    changed = [one for one in told.drift.objects if one.state != "changed" or any(map(is_restored, one.fields))]
    if not changed:
        return []
    place = f"kubectl --context {told.stack.cluster.context} --namespace {told.stack.cluster.namespace.name}"
    touched = [
        f"{place} annotate {one.kind.lower()} {one.name} {_MARK}-" for one in changed if not is_seen_by_refresh(one)
    ]
    causes = {cause(field) for one in changed for field in one.fields}
    only_new = causes <= {"not applied"} and all(one.state == "changed" for one in changed)
    return [*touched, f"pulumi up {'' if only_new else '--refresh '}--stack {told.stack.name}"]


def changed_lines(field: FieldDrift) -> list[str]:
    """The lines of a file that differ, `-` as they are in the cluster and `+` as the stack has them."""
    live, wanted = (str(text or "").splitlines() for text in (field.live, field.wanted))
    compared = [*difflib.unified_diff(live, wanted, n=0, lineterm="")][2:]
    return [printable(masked(line)) for line in compared if not line.startswith("@@")]


def _lines(told: Told) -> Iterator[str]:
    for one in told.drift.objects:
        yield f"{_SIGNS[one.state]} {one.kind} {one.name}: {_heading(told, one)}"
        yield from columns(_row(told, one, field) for field in one.fields if not _is_file(one.kind, field))
        for field in one.fields:
            if _is_file(one.kind, field):
                yield from _file_lines(field)
    yield from (f"not drift: {line}" for line in _others(told))
    yield _counts(told)
    yield from _advice(told)


def _heading(told: Told, one: ObjectDrift) -> str:
    if one.state == "deleted":
        return "deleted"
    if one.state == "missing":
        return "not there: never deployed, or deleted" + (" with all of its service" if one.service else "")
    if one.state == "extra":
        return f"not in stack {told.stack.name}; pulumi up deletes it if it made it"
    what = f"in the place of {one.instead_of}" if one.instead_of else "changed"
    return f"{what}{'; an update restarts its pods' if one.restarts else ''}"


def _row(told: Told, one: ObjectDrift, field: FieldDrift) -> tuple[str, ...]:
    detail = _detail(told, one.kind, one.service, field)
    return f"    {detail.name}", values(detail), who(field), because(detail) if field.wanted is not None else ""


def who(field: FieldDrift) -> str:
    """How a field came to be what it is, in words."""
    if field.by is None:
        return f"{'removed' if field.live is None else 'changed'} by hand, or not applied yet"
    if cause(field) == "not applied":
        return "not applied yet"
    when = f", {field.by.time.replace('T', ' ').replace('Z', ' UTC')}" if field.by.time else ""
    hand = "by hand: " if cause(field) == "by hand" else "by "
    return f"{hand}{field.by.name}{when}{'' if is_restored(field) else '; pulumi up leaves it'}"


def _file_lines(field: FieldDrift) -> Iterator[str]:
    yield f"    {field.path.removeprefix('data.')}, {who(field)}"
    lines = changed_lines(field)
    yield from (f"      {line}" for line in lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield f"      and {counted(len(lines) - _MOST_LINES, 'line')} more"


def _others(told: Told) -> Iterator[str]:
    for kind, name, field in told.drift.others:
        detail = _detail(told, kind, name, field)
        setter = field.by.name if field.by else "nobody"
        if RESTARTED in field.path:
            yield f"{name} was restarted with kubectl; the next update of its Deployment restarts it again"
        elif field.wanted is not None:
            yield (
                f"{kind} {name}: {detail.name} {detail.old}, set by an autoscaler ({setter});"
                f" the next update of the {kind} sets {detail.new}"
            )
        else:
            shown = values(replace(detail, new=None)).removeprefix("- ")
            yield f"{kind} {name}: {detail.name} {shown}, set by {setter}"


def _counts(told: Told) -> str:
    found = told.drift.objects
    if not found:
        return f"no drift: {counted(told.objects, 'object')} as stack {told.stack.name} has them"
    words = {"changed": "changed", "deleted": "deleted", "missing": "not there", "extra": "not in the stack"}
    numbers = ((sum(one.state == state for one in found), word) for state, word in words.items())
    return "drift: " + ", ".join(f"{number} {word}" for number, word in numbers if number)


def _advice(told: Told) -> Iterator[str]:
    *touched, last = restoring(told) or [""]
    if last:
        yield f"{'restore' if '--refresh' in last else 'apply'}:"
        if touched:
            yield "  # Pulumi does not see what was only added; it sets an object again that lacks a mark of its own"
            yield from (f"  {command}" for command in touched)
        yield f"  {last}"
    place = f"kubectl --context {told.stack.cluster.context} --namespace {told.stack.cluster.namespace.name}"
    for one in told.drift.objects:
        if left := [field for field in one.fields if not is_restored(field)]:
            names = ", ".join(_detail(told, one.kind, one.service, field).name for field in left)
            yield f"remove {names}:\n  {place} edit {one.kind.lower()} {one.name}"


def _object(told: Told, one: ObjectDrift) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "service": one.service or None,
        "state": one.state,
        "insteadOf": one.instead_of or None,
        "restarts": one.restarts,
        "fields": [_field(told, one.kind, one.service, field) for field in one.fields],
    }


def _field(told: Told, kind: str, service: str, field: FieldDrift) -> dict[str, Any]:
    detail, is_file = _detail(told, kind, service, field), _is_file(kind, field)
    return {
        "field": detail.name,
        "path": field.path,
        "live": None if is_file else detail.old,
        "wanted": None if is_file else detail.new,
        "lines": changed_lines(field) if is_file else None,
        "because": detail.because,
        "cause": cause(field),
        "by": field.by.name if field.by else None,
        "at": (field.by.time or None) if field.by else None,
        "restarts": detail.restarts,
        "restored": is_restored(field),
    }


def _is_file(kind: str, field: FieldDrift) -> bool:
    return kind == "ConfigMap" and field.path.startswith("data.")


def _detail(told: Told, kind: str, service: str, field: FieldDrift) -> Detail:
    return field_detail(told.stack, service, kind, field)
