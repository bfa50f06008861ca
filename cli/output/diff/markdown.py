"""For a pull request: what matters first, the details folded, always short enough for a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cli.capacity import columns, pool_lines
from cli.output.diff.comparison import Comparison
from cli.output.diff.words import SIGNS, cluster_lines, counts, detail_lines, headline, notes, npus_lines, some
from models.rules.capacity import packing
from models.words import duration
from review import ServiceChange, StackChange

LONGEST = 60_000
"""Most characters; GitHub takes 65,536 in a comment."""

_MOST_LINES = 8
_MOST_NAMES = 5


def render(comparisons: Sequence[Comparison]) -> str:
    """A section a stack; each has its share of the room."""
    share = LONGEST // max(len(comparisons), 1) - 2
    return "\n\n".join(_section(one, share) for one in comparisons)


def _section(comparison: Comparison, room: int) -> str:
    """Summary, warnings and NPUs in any case, then as many services as there is room for."""
    change = comparison.change
    head = "\n".join(_head(comparison))
    if change.is_empty and not comparison.errors:
        return head
    nodes = folded("NPUs, node by node", _nodes(comparison))
    if len(head) + len(nodes) > room // 2:
        nodes = ""
    services = (
        _service(comparison, one) for index, one in enumerate(_shown(change)) if one.details or index >= _MOST_LINES
    )
    blocks = [block for block in (folded("cluster", "\n".join(cluster_lines(change))), *services) if block]
    kept = fitting(blocks, room - len(head) - len(nodes) - 200)
    left = len(blocks) - len(kept)
    more = f"_{left} left out for their length; all of it: `ascend-vllm diff {plain(comparison.argument)}`_"
    return "\n\n".join(part for part in (head, *kept, more if left else "", nodes) if part)


def _shown(change: StackChange) -> list[ServiceChange]:
    return [one for one in change.services if one.kind != "unchanged"]


def _head(comparison: Comparison) -> Iterator[str]:
    change = comparison.change
    yield f"### `{plain(change.new)}` against `{plain(comparison.against)}`\n"
    yield f"{counts(change)}\n"
    yield from _warnings(comparison)
    shown = _shown(change)
    rows = ((f"{SIGNS[one.kind]} {one.name}", headline(change, one)) for one in shown[:_MOST_LINES])
    lines = [*columns(rows)]
    if len(shown) > _MOST_LINES:
        lines.append(f"  and {len(shown) - _MOST_LINES} more")
    lines += [*npus_lines(change)][: _MOST_LINES // 2]
    if lines:
        yield fenced("\n".join(lines), "diff")
    yield from (f"\n{plain(note)}" for note in [*notes(comparison)][:_MOST_LINES])


def _warnings(comparison: Comparison) -> Iterator[str]:
    change = comparison.change
    if not change.is_update:
        return
    if change.moves:
        yield "> [!CAUTION]\n> Everything is made anew elsewhere, and deleted where it was.\n"
    elif gone := [*(f"`{one.name}`" for one in change.ending), *change.deletions]:
        yield f"> [!CAUTION]\n> Deleted, or left without pods: {some(gone, _MOST_NAMES)}\n"
    if change.replacements:
        anew = some([plain(one) for one in change.replacements], _MOST_NAMES)
        yield f"> [!CAUTION]\n> Deleted and made anew: {anew}\n"
    if change.down:
        longest = max(one.downtime for one in change.down)
        names = some([f"`{one.name}`" for one in change.down], _MOST_NAMES)
        yield f"> [!WARNING]\n> Downtime of up to {duration(longest)}: {names}\n"


def _service(comparison: Comparison, service: ServiceChange) -> str:
    """A service with its details folded; one without is a line in the summary already."""
    title = f"{service.name} {headline(comparison.change, service)}"
    return folded(title, "\n".join(detail_lines(service.details, "")) or title)


def _nodes(comparison: Comparison) -> str:
    before, after = ("\n".join(pool_lines(one, packing(one))) for one in (comparison.old, comparison.new))
    if before == after or not before:
        return after
    names = ("before", "after") if comparison.change.is_update else (comparison.against, comparison.argument)
    return f"{names[0]}\n{before}\n\n{names[1]}\n{after}"


def fitting(blocks: Sequence[str], room: int) -> list[str]:
    """The blocks that there is room for; one that is too long does not hide those behind it."""
    kept = []
    for block in blocks:
        if len(block) + 2 <= room:
            kept.append(block)
            room -= len(block) + 2
    return kept


def folded(title: str, text: str) -> str:
    """A text in a block that is opened by its title."""
    return f"<details><summary>{_html(title)}</summary>\n\n{fenced(text, 'text')}\n\n</details>" if text else ""


def fenced(text: str, language: str) -> str:
    """A block of code; the fence is longer than any in the text."""
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str) -> str:
    """A text that ends no code span and no line."""
    return text.replace("`", "'").replace("\n", " ")
