"""For a pull request: the most important first, the details folded, always short enough for a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import islice

from cli.output.capacity.text import pool_lines
from cli.output.diff.comparison import Comparison
from cli.output.diff.release import release_lines
from cli.output.diff.words import (
    SIGNS,
    cluster_lines,
    counts,
    deleted_file,
    detail_lines,
    headline,
    notes,
    npus_lines,
    some,
)
from cli.output.table import columns
from models.finding import Finding
from models.rules.resources.capacity import packing
from models.service.resolved import ResolvedStack
from models.words import counted, duration
from review import ServiceChange, StackChange

LONGEST = 60_000
"""Most characters; GitHub accepts 65,536 in a comment."""

_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_MOST_LINES = 8
_MOST_NPUS_LINES = 4
_MOST_NAMES = 5
_MOST_ERRORS = 5
_LONGEST_TEXT = 400
"""Most characters of the message and of the fix of an error that is shown first."""

NO_REMARKS: Mapping[Finding, str] = {}
_NO_MENTION = "\u200b"
"""An invisible space. With it behind @, GitHub notifies nobody."""

_REMARK = 200
"""Characters that are kept for the remark about left out services."""


def render(comparisons: Sequence[Comparison]) -> str:
    """One section for each stack; the stacks share the room."""
    number = max(len(comparisons), 1)
    share = LONGEST // number - 2
    sections = [section(comparison, share) for comparison in comparisons]
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
    """The text without any effect in Markdown: no markup, no link, no mention."""
    shown = plain(text).strip() or " "
    return f"`{shown}`"


def alert(kind: str, text: str) -> str:
    """A highlighted block: `CAUTION`, `WARNING` or `IMPORTANT`."""
    quoted = text.replace("\n", "\n> ")
    return f"> [!{kind}]\n> {quoted}\n"


def section(
    comparison: Comparison, room: int, remarks: Mapping[Finding, str] = NO_REMARKS
) -> str:
    """The errors, the summary, warnings and NPUs, then as many services as fit.

    Args:
        comparison: The comparison.
        room: Most characters.
        remarks: What to add to an error.
    """
    change = comparison.change
    head = "\n".join(_head(comparison, remarks))
    if change.is_empty:
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


def refusal_alert(
    errors: Sequence[Finding], remarks: Mapping[Finding, str] = NO_REMARKS
) -> str:
    """The errors because of which nothing is deployed, each with its position and its fix."""
    number = counted(len(errors), "error")
    lines = [f"**`pulumi up` refuses this stack: {number}**", ""]
    for finding in errors[:_MOST_ERRORS]:
        lines.append(_error_item(finding, remarks.get(finding, "")))
    hidden = len(errors) - _MOST_ERRORS
    if hidden > 0:
        lines.append(f"- and {hidden} more")
    return alert("CAUTION", "\n".join(lines))


def _error_item(finding: Finding, remark: str) -> str:
    """A list item: the service, the message, the position, the fix, and a remark."""
    item = code_span(finding.message[:_LONGEST_TEXT])
    if finding.service:
        item = f"{code_span(finding.service)}: {item}"
    if finding.span:
        position = f"{finding.span.file}:{finding.span.line}"
        item += f" at {code_span(position)}"
    item += f", fix: {code_span(finding.fix[:_LONGEST_TEXT])}"
    if remark:
        item += f" ({code_span(remark)})"
    return f"- {item}"


def _head(comparison: Comparison, remarks: Mapping[Finding, str]) -> Iterator[str]:
    change = comparison.change
    stack = plain(change.new)
    against = plain(comparison.against)
    yield f"### `{stack}` against `{against}`\n"
    if comparison.errors:
        yield refusal_alert(comparison.errors, remarks)
    summary = counts(comparison)
    yield f"{summary}\n"
    if comparison.gone:
        yield alert("CAUTION", code_span(deleted_file(comparison)))
    elif change.is_update:
        warnings = list(_warnings(change))
        if warnings and comparison.errors:
            yield "Once the errors are fixed:\n"
        yield from warnings
    lines = _summary_lines(change)
    if lines:
        yield fenced("\n".join(lines), "diff")
    for note in _further_notes(comparison):
        line = code_span(note)
        yield f"\n{line}"


def _further_notes(comparison: Comparison) -> Iterator[str]:
    """The notes that no alert shows."""
    deleted = deleted_file(comparison)
    further = [note for note in notes(comparison) if note != deleted]
    return islice(further, _MOST_LINES)


def _warnings(change: StackChange) -> Iterator[str]:
    ending = [code_span(service.name) for service in change.ending]
    deletions = [plain(name) for name in change.deletions]
    deleted = some([*ending, *deletions], _MOST_NAMES)
    if change.moves:
        yield alert(
            "CAUTION", "Everything is recreated elsewhere, and deleted where it was."
        )
    elif deleted:
        yield alert("CAUTION", f"Deleted, or left without pods: {deleted}")
    if change.replacements:
        names = [plain(name) for name in change.replacements]
        replaced = some(names, _MOST_NAMES)
        yield alert("CAUTION", f"Deleted and recreated: {replaced}")
    if change.down:
        seconds = max(service.downtime for service in change.down)
        longest = duration(seconds)
        names = [code_span(service.name) for service in change.down]
        down = some(names, _MOST_NAMES)
        yield alert("WARNING", f"Downtime of up to {longest}: {down}")


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
