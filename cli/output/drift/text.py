"""For people: each object with its different fields and who set them, a summary line, and how to restore.

Commands and the lines of files are not folded, because they are copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cli.output.diff.text import coloured
from cli.output.diff.words import because, values
from cli.output.drift.report import (
    DriftReport,
    changed_lines,
    is_file,
    restore_commands,
)
from cli.output.table import Row, columns
from cli.output.terminal import fits, folded
from models.words import counted
from review.drift import RESTARTED, ObjectDrift, State, cause, is_restored
from review.fields import FieldDrift

_SIGNS = {"changed": "~", "deleted": "-", "missing": "-", "extra": "+"}
_STATES: Mapping[State, str] = {
    "changed": "changed",
    "deleted": "deleted",
    "missing": "missing",
    "extra": "not in the stack",
}
_MOST_LINES = 20


def render(report: DriftReport) -> str:
    """The drift of a stack."""
    return coloured("\n".join(_lines(report)))


def who(field: FieldDrift) -> str:
    """Who set a field, and when: `by hand: kubectl-edit, 2026-11-29 08:00:00 UTC`."""
    if field.by is None:
        change = "changed"
        if field.live is None:
            change = "removed"
        return f"{change} by hand, or not applied yet"
    if cause(field) == "not applied":
        return "not applied yet"
    setter = f"by {field.by.name}"
    if cause(field) == "by hand":
        setter = f"by hand: {field.by.name}"
    if field.by.time:
        time = field.by.time.replace("T", " ").replace("Z", " UTC")
        setter += f", {time}"
    if not is_restored(field):
        setter += "; pulumi up leaves it"
    return setter


def _lines(report: DriftReport) -> Iterator[str]:
    for drifted in report.drift.objects:
        sign = _SIGNS[drifted.state]
        heading = _heading(report, drifted)
        yield from folded(f"{sign} {drifted.kind} {drifted.name}: {heading}")
        yield from _field_lines(report, drifted)
    yield from _other_lines(report)
    yield _summary(report)
    yield from _restore_lines(report)
    yield from _removal_lines(report)


def _heading(report: DriftReport, drifted: ObjectDrift) -> str:
    if drifted.state == "deleted":
        return "deleted"
    if drifted.state == "missing":
        reason = "missing: never deployed, or deleted"
        if drifted.service:
            reason += " with all objects of its service"
        return reason
    if drifted.state == "extra":
        return (
            f"not in stack {report.stack.name}; pulumi up deletes it if it created it"
        )
    heading = "changed"
    if drifted.instead_of:
        heading = f"replaces {drifted.instead_of}"
    if drifted.restarts:
        heading += "; an update restarts its pods"
    return heading


def _field_lines(report: DriftReport, drifted: ObjectDrift) -> Iterator[str]:
    rows = []
    files = []
    for field in drifted.fields:
        if is_file(drifted.kind, field):
            files.append(field)
        else:
            rows.append(_row(report, drifted, field))
    yield from _table(rows)
    for field in files:
        yield from _file_lines(field)


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each field. Where the table is too wide, who set a field stands below it."""
    lines = list(columns(rows))
    if all(fits(line) for line in lines):
        yield from lines
        return
    for name, change, setter, reason in rows:
        yield from folded(f"{name}  {change}  {reason}".rstrip())
        yield from folded(f"        {setter}")


def _row(report: DriftReport, drifted: ObjectDrift, field: FieldDrift) -> Row:
    detail = report.detail(drifted.kind, drifted.service, field)
    reason = ""
    if field.wanted is not None:
        reason = because(detail)
    return f"    {detail.name}", values(detail), who(field), reason


def _file_lines(field: FieldDrift) -> Iterator[str]:
    name = field.path.removeprefix("data.")
    setter = who(field)
    yield from folded(f"    {name}, {setter}")
    lines = changed_lines(field)
    for line in lines[:_MOST_LINES]:
        yield f"      {line}"
    hidden = len(lines) - _MOST_LINES
    if hidden > 0:
        more = counted(hidden, "line")
        yield f"      and {more} more"


def _other_lines(report: DriftReport) -> Iterator[str]:
    """Fields that others may set; they are not drift."""
    for kind, name, field in report.drift.others:
        line = _other_line(report, kind, name, field)
        yield from folded(f"not drift: {line}")


def _other_line(report: DriftReport, kind: str, name: str, field: FieldDrift) -> str:
    if RESTARTED in field.path:
        return f"{name} was restarted with kubectl; the next update of its {kind} restarts it again"
    detail = report.detail(kind, name, field)
    setter = "nobody"
    if field.by:
        setter = field.by.name
    if field.wanted is None:
        live = values(replace(detail, new=None)).removeprefix("- ")
        return f"{kind} {name}: {detail.name} {live}, set by {setter}"
    return (
        f"{kind} {name}: {detail.name} {detail.old}, set by an autoscaler ({setter});"
        f" the next update of the {kind} sets {detail.new}"
    )


def _summary(report: DriftReport) -> str:
    states = [drifted.state for drifted in report.drift.objects]
    if not states:
        objects = counted(report.objects, "object")
        return f"no drift: stack {report.stack.name} matches its cluster ({objects})"
    counts = []
    for state, word in _STATES.items():
        number = states.count(state)
        if number:
            counts.append(f"{number} {word}")
    summary = ", ".join(counts)
    return f"drift: {summary}"


def _restore_lines(report: DriftReport) -> Iterator[str]:
    commands = restore_commands(report)
    if not commands:
        return
    *annotations, update = commands
    yield "restore:" if "--refresh" in update else "apply:"
    if annotations:
        yield "  # Pulumi does not see added fields. It sets an object again if its"
        yield "  # annotation is missing."
    for command in commands:
        yield f"  {command}"


def _removal_lines(report: DriftReport) -> Iterator[str]:
    """How to remove the fields that `pulumi up` leaves."""
    for drifted in report.drift.objects:
        names = []
        for field in drifted.fields:
            if not is_restored(field):
                detail = report.detail(drifted.kind, drifted.service, field)
                names.append(detail.name)
        if names:
            kind = drifted.kind.lower()
            yield from folded(f"remove {', '.join(names)}:")
            yield f"  {report.kubectl} edit {kind} {drifted.name}"
