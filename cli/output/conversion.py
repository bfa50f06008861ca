"""For people: what a conversion kept, changed, assumed and dropped, and the findings on the stack file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cli.output import text
from convert import Adoption, Comparison, Conversion, Difference, compared

_WIDTH = 100


def render(conversion: Conversion) -> str:
    """All that is to be said of a stack file beside its text."""
    comparisons = [compared(draft, conversion.cluster) for draft in conversion.drafts]
    lines = [line for one in comparisons for line in _comparison(one, named=len(comparisons) > 1)]
    for kind in ("assumed", "dropped"):
        notes = [note for note in conversion.notes if note.kind == kind]
        lines += [f"{kind:<8}  {f'{note.place}  ' if note.place else ''}{note.what}: {note.why}" for note in notes]
    return "\n".join([*lines, "", text.render([conversion.report])])


def render_adoption(found: Adoption) -> str:
    """What becomes of the pods when the stack takes their objects over."""
    return "\n".join(
        f"{one.service}: {_taken_over(one.restarts) if one.adopted else _NOT_ADOPTED}" for one in found.services
    )


_NOT_ADOPTED = (
    "not in the list; its Deployment has another name, namespace or selector, and Kubernetes never changes a selector."
    " Its pods go on beside the new ones until you delete it"
)


def _taken_over(restarts: Sequence[str]) -> str:
    if not restarts:
        return "taken over, no pod restarts"
    more = f" and {len(restarts) - 3} more" if len(restarts) > 3 else ""
    return f"taken over, its pods restart once, as these change: {', '.join(restarts[:3])}{more}"


def _comparison(comparison: Comparison, *, named: bool) -> Iterator[str]:
    of = f"{comparison.service}  " if named else ""
    line = f"kept      {of}"
    for name in comparison.kept:
        if len(line) + len(name) > _WIDTH:
            yield line.rstrip()
            line = " " * 10
        line += f"{name} "
    yield line.rstrip() if comparison.kept else f"kept      {of}nothing of the launch"
    for one in (*comparison.differences, *comparison.added):
        yield f"{_kind(one):<8}  {of}{one.name}  {_change(one)}  ({one.why})"


def _kind(difference: Difference) -> str:
    return "added" if difference.old is None else "left out" if difference.new is None else "changed"


def _change(difference: Difference) -> str:
    if difference.old is None or difference.new is None:
        return (difference.new or difference.old or "").replace("\n", "\\n")
    return f"{difference.old} → {difference.new}".replace("\n", "\\n")
