"""For people: the values that a conversion kept, changed, assumed and dropped, and the findings on the stack file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cli.output import text
from cli.output.terminal import folded, paragraph
from convert import Adoption, Comparison, Conversion, Difference, compared

_MOST_REASONS = 3
_NOT_ADOPTED = (
    "not in the list: its Deployment has another name, namespace or selector, and Kubernetes never changes a selector."
    " Its pods run next to the new ones until you delete it"
)


def render(conversion: Conversion) -> str:
    """The report on a conversion, without the stack file itself."""
    comparisons = [compared(draft, conversion.cluster) for draft in conversion.drafts]
    lines = [*_note_lines(conversion, "dropped")]
    for comparison in comparisons:
        label = ""
        if len(comparisons) > 1:
            label = f"{comparison.service}  "
        lines += _comparison_lines(comparison, label)
    for kind in ("assumed", "replaced", "remains"):
        lines += _note_lines(conversion, kind)
    lines.append("")
    lines.append(text.render([conversion.report]))
    return "\n".join(lines)


def render_adoption(adoption: Adoption) -> str:
    """The effect on the pods of each service when the stack takes over the objects."""
    lines: list[str] = []
    for service in adoption.services:
        effect = _NOT_ADOPTED
        if service.adopted:
            effect = _restart_effect(service.restarts)
        lines += folded(f"{service.service}: {effect}")
    return "\n".join(lines)


def _restart_effect(causes: Sequence[str]) -> str:
    if not causes:
        return "taken over, no pod restarts"
    shown = ", ".join(causes[:_MOST_REASONS])
    hidden = len(causes) - _MOST_REASONS
    if hidden > 0:
        shown += f" and {hidden} more"
    return f"taken over, its pods restart once, because these change: {shown}"


def _comparison_lines(comparison: Comparison, label: str) -> Iterator[str]:
    yield from _kept_lines(comparison.kept, label)
    for difference in (*comparison.differences, *comparison.added):
        kind, change = _difference(difference)
        line = f"{label}{difference.name}  {change}  ({difference.why})"
        yield from paragraph(f"{kind:<8}  ", line)


def _kept_lines(names: Sequence[str], label: str) -> Iterator[str]:
    """The kept flags and variables."""
    kept = " ".join(names) or "no flag and no variable"
    yield from paragraph(f"{'kept':<8}  {label}", kept)


def _difference(difference: Difference) -> tuple[str, str]:
    """The kind of a difference, and its values on one line."""
    if difference.old is None:
        kind, change = "added", difference.new or ""
    elif difference.new is None:
        kind, change = "left out", difference.old
    else:
        kind, change = "changed", f"{difference.old} → {difference.new}"
    return kind, change.replace("\n", "\\n")


def _note_lines(conversion: Conversion, kind: str) -> Iterator[str]:
    for note in conversion.notes:
        if note.kind != kind:
            continue
        place = ""
        if note.place:
            place = f"{note.place}  "
        yield from paragraph(f"{kind:<8}  ", f"{place}{note.subject}: {note.why}")
