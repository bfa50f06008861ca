"""For a pull request: the most important first, the details folded, always short enough for a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import islice

from cli.output.capacity.text import pool_lines
from cli.output.diff.comparison import Comparison
from cli.output.diff.release import release_lines
from cli.output.diff.words import (
    SIGNS,
    cluster_lines,
    counts,
    detail_lines,
    headline,
    notes,
    npus_lines,
    some,
)
from cli.output.table import columns
from models.rules.capacity import packing
from models.service.resolved import ResolvedStack
from models.words import duration
from review import ServiceChange, StackChange

LONGEST = 60_000
"""Most characters; GitHub accepts 65,536 in a comment."""

_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_MOST_LINES = 8
_MOST_NPUS_LINES = 4
_MOST_NAMES = 5
_NO_MENTION = "\u200b"
"""An invisible space. With it behind @, GitHub notifies nobody."""

_REMARK = 200
"""Characters that are kept for the remark about left out services."""


def render(comparisons: Sequence[Comparison]) -> str:
    """One section for each stack; the stacks share the room."""
    number = max(len(comparisons), 1)
    share = LONGEST // number - 2
    sections = [_section(comparison, share) for comparison in comparisons]
    return "\n\n".join(sections)


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
    lines = [
        f"<details><summary>{_html(title)}</summary>",
        fenced(text, "text"),
        "</details>",
    ]
    return "\n\n".join(lines)


def fenced(text: str, language: str) -> str:
    """A block of code, with a fence that is longer than any fence in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def plain(text: str) -> str:
    """A text that cannot end a code span or a line."""
    return _LINE_BREAKS.sub(" ", text.replace("`", "'"))


def code_span(text: str) -> str:
    """A text as it is: no markup, no link and no mention of somebody in it has an effect."""
    shown = plain(text).strip() or " "
    return f"`{shown}`"


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
        argument = plain(comparison.argument)
        command = f"`ascend-vllm diff {argument}`"
        parts.append(
            f"_{hidden} left out because of their length; all of it: {command}_"
        )
    if nodes:
        parts.append(nodes)
    return "\n\n".join(parts)


def _head(comparison: Comparison) -> Iterator[str]:
    change = comparison.change
    stack = plain(change.new)
    against = plain(comparison.against)
    summary = counts(change)
    yield f"### `{stack}` against `{against}`\n"
    yield f"{summary}\n"
    if change.is_update:
        yield from _warnings(change)
    lines = _summary_lines(change)
    if lines:
        yield fenced("\n".join(lines), "diff")
    for note in islice(notes(comparison), _MOST_LINES):
        line = code_span(note)
        yield f"\n{line}"


def _warnings(change: StackChange) -> Iterator[str]:
    ending = [code_span(service.name) for service in change.ending]
    deletions = [plain(name) for name in change.deletions]
    deleted = some([*ending, *deletions], _MOST_NAMES)
    if change.moves:
        yield _alert(
            "CAUTION", "Everything is recreated elsewhere, and deleted where it was."
        )
    elif deleted:
        yield _alert("CAUTION", f"Deleted, or left without pods: {deleted}")
    if change.replacements:
        names = [plain(name) for name in change.replacements]
        replaced = some(names, _MOST_NAMES)
        yield _alert("CAUTION", f"Deleted and recreated: {replaced}")
    if change.down:
        seconds = max(service.downtime for service in change.down)
        longest = duration(seconds)
        names = [code_span(service.name) for service in change.down]
        down = some(names, _MOST_NAMES)
        yield _alert("WARNING", f"Downtime of up to {longest}: {down}")


def _alert(kind: str, text: str) -> str:
    return f"> [!{kind}]\n> {text}\n"


def _summary_lines(change: StackChange) -> list[str]:
    """One line for each of the first changed services, and the NPUs."""
    changed = _changed(change)
    rows = []
    for service in changed[:_MOST_LINES]:
        sign = SIGNS[service.kind]
        rows.append((f"{sign} {service.name}", headline(change, service)))
    lines = list(columns(rows))
    hidden = len(changed) - _MOST_LINES
    if hidden > 0:
        lines.append(f"  and {hidden} more")
    lines += islice(npus_lines(change), _MOST_NPUS_LINES)
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
    for update in change.releases:
        title, *lines = release_lines(update)
        blocks.append(folded(title.removeprefix("~ "), "\n".join(lines)))
    for index, service in enumerate(_changed(change)):
        is_in_summary = index < _MOST_LINES
        if is_in_summary and not service.details:
            continue
        outcome = headline(change, service)
        title = f"{service.name} {outcome}"
        details = "\n".join(detail_lines(service.details, indent=""))
        blocks.append(folded(title, details or title))
    return blocks


def _nodes(comparison: Comparison) -> str:
    """The nodes with their pods; before and after if they differ."""
    before = _pools(comparison.old)
    after = _pools(comparison.new)
    if before == after or not before:
        return after
    if comparison.change.is_update:
        return f"before\n{before}\n\nafter\n{after}"
    return f"{comparison.against}\n{before}\n\n{comparison.argument}\n{after}"


def _pools(stack: ResolvedStack) -> str:
    lines = pool_lines(stack, packing(stack))
    return "\n".join(lines)


def _html(text: str) -> str:
    """A text in one line of HTML, which is no markup and mentions nobody."""
    one_line = _LINE_BREAKS.sub(" ", text)
    return escape(one_line, quote=False).replace("@", f"@{_NO_MENTION}")
