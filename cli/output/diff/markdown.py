"""For a pull request: the most important first, the details folded, always short enough for a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cli.output.capacity.text import pool_lines
from cli.output.diff.comparison import Comparison
from cli.output.diff.words import SIGNS, cluster_lines, counts, detail_lines, headline, notes, npus_lines, some
from cli.output.table import columns
from models.rules.capacity import packing
from models.service.resolved import ResolvedStack
from models.words import duration
from review import ServiceChange, StackChange

LONGEST = 60_000
"""Most characters; GitHub accepts 65,536 in a comment."""

_MOST_LINES = 8
_MOST_NAMES = 5
_REMARK = 200
"""Characters that are kept for the remark about left out services."""


def render(comparisons: Sequence[Comparison]) -> str:
    """One section for each stack; the stacks share the room."""
    share = LONGEST // max(len(comparisons), 1) - 2
    return "\n\n".join(_section(comparison, share) for comparison in comparisons)


def fitting(blocks: Sequence[str], room: int) -> list[str]:
    """The blocks that fit into the room. A block that is too long does not hide the blocks after it."""
    kept = []
    for block in blocks:
        length = len(block) + 2
        if length <= room:
            kept.append(block)
            room -= length
    return kept


def folded(title: str, text: str) -> str:
    """A text in a block that is opened by its title; nothing for an empty text."""
    if not text:
        return ""
    return f"<details><summary>{_html(title)}</summary>\n\n{fenced(text, 'text')}\n\n</details>"


def fenced(text: str, language: str) -> str:
    """A block of code, with a fence that is longer than any fence in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def plain(text: str) -> str:
    """A text that cannot end a code span or a line."""
    return text.replace("`", "'").replace("\n", " ")


def _section(comparison: Comparison, room: int) -> str:
    """The summary, warnings and NPUs, then as many services as fit."""
    change = comparison.change
    head = "\n".join(_head(comparison))
    if change.is_empty and not comparison.errors:
        return head
    nodes = folded("NPUs, node by node", _nodes(comparison))
    if len(head) + len(nodes) > room // 2:
        nodes = ""
    blocks = _blocks(comparison)
    kept = fitting(blocks, room - len(head) - len(nodes) - _REMARK)
    parts = [head, *kept]
    hidden = len(blocks) - len(kept)
    if hidden:
        command = f"`ascend-vllm diff {plain(comparison.argument)}`"
        parts.append(f"_{hidden} left out because of their length; all of it: {command}_")
    if nodes:
        parts.append(nodes)
    return "\n\n".join(parts)


def _head(comparison: Comparison) -> Iterator[str]:
    change = comparison.change
    yield f"### `{plain(change.new)}` against `{plain(comparison.against)}`\n"
    yield f"{counts(change)}\n"
    if change.is_update:
        yield from _warnings(change)
    lines = _summary_lines(change)
    if lines:
        yield fenced("\n".join(lines), "diff")
    for note in list(notes(comparison))[:_MOST_LINES]:
        yield f"\n{plain(note)}"


def _warnings(change: StackChange) -> Iterator[str]:
    gone = [f"`{service.name}`" for service in change.ending]
    gone += change.deletions
    if change.moves:
        yield "> [!CAUTION]\n> Everything is recreated elsewhere, and deleted where it was.\n"
    elif gone:
        yield f"> [!CAUTION]\n> Deleted, or left without pods: {some(gone, _MOST_NAMES)}\n"
    if change.replacements:
        replaced = [plain(name) for name in change.replacements]
        yield f"> [!CAUTION]\n> Deleted and recreated: {some(replaced, _MOST_NAMES)}\n"
    if change.down:
        longest = max(service.downtime for service in change.down)
        names = [f"`{service.name}`" for service in change.down]
        yield f"> [!WARNING]\n> Downtime of up to {duration(longest)}: {some(names, _MOST_NAMES)}\n"


def _summary_lines(change: StackChange) -> list[str]:
    """One line for each of the first changed services, and the NPUs."""
    changed = _changed(change)
    rows = [(f"{SIGNS[service.kind]} {service.name}", headline(change, service)) for service in changed]
    lines = list(columns(rows[:_MOST_LINES]))
    hidden = len(changed) - _MOST_LINES
    if hidden > 0:
        lines.append(f"  and {hidden} more")
    lines += list(npus_lines(change))[: _MOST_LINES // 2]
    return lines


def _changed(change: StackChange) -> list[ServiceChange]:
    return [service for service in change.services if service.kind != "unchanged"]


def _blocks(comparison: Comparison) -> list[str]:
    """The folded details of the cluster and of the services."""
    change = comparison.change
    blocks = []
    cluster = "\n".join(cluster_lines(change))
    if cluster:
        blocks.append(folded("cluster", cluster))
    for index, service in enumerate(_changed(change)):
        is_in_summary = index < _MOST_LINES
        if is_in_summary and not service.details:
            continue
        title = f"{service.name} {headline(change, service)}"
        details = "\n".join(detail_lines(service.details, indent=""))
        blocks.append(folded(title, details or title))
    return blocks


def _nodes(comparison: Comparison) -> str:
    """The nodes with their pods; before and after if they differ."""
    before = _pools(comparison.old)
    after = _pools(comparison.new)
    if before == after or not before:
        return after
    first, second = comparison.against, comparison.argument
    if comparison.change.is_update:
        first, second = "before", "after"
    return f"{first}\n{before}\n\n{second}\n{after}"


def _pools(stack: ResolvedStack) -> str:
    return "\n".join(pool_lines(stack, packing(stack)))


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
