"""Joins lines of flags to the command before them, which bash would end because of a slip."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from convert.shell.words import Command, Script, Text

_BLANK = "\u00a0\u3000"
_FLAG = re.compile(r"-{1,2}[A-Za-z]|[–—]{1,2}-?[A-Za-z]")
_FLAG_END = re.compile(r"[\s=]")
_COMMENT_AFTER_BACKSLASH = re.compile(r"\\[ \t]+#")
_SPACE_AFTER_BACKSLASH = re.compile(r"\\[ \t]+\n")
_COMMENT_BETWEEN = re.compile(r"\\\n\s*#")


@dataclass
class ReadCommand:
    """A command, and its place in the source."""

    command: Command
    start: int
    end: int


def join_flags(
    read: Sequence[ReadCommand],
    source: bytes,
    first_line: int,
    script: Script,
) -> None:
    """Add the commands to a script. A line that begins with a flag is joined to the command before it."""
    before: ReadCommand | None = None
    for item in read:
        if before is None or not _continues(before, item, source):
            script.commands.append(item.command)
            before = item
            continue
        gap = source[before.end : item.start].decode()
        difference, offset = _difference(gap, item.command)
        line = first_line + source[: before.end].count(b"\n") + offset
        script.slips.setdefault(line, difference)
        joined = replace(
            before.command,
            words=(*before.command.words, *item.command.words),
            end=item.command.end,
            redirected=before.command.redirected or item.command.redirected,
            target=item.command.target or before.command.target,
        )
        script.commands[-1] = joined
        before = ReadCommand(joined, before.start, item.end)


def _continues(
    before: ReadCommand,
    item: ReadCommand,
    source: bytes,
) -> bool:
    """Whether a command is a line of flags, and belongs to the command before it."""
    gap = source[before.end : item.start]
    text = source[item.start : item.end].decode().lstrip(_BLANK)
    is_next_line = b"\n" in gap and before.command.end == "\n"
    return is_next_line and not before.command.document and bool(_FLAG.match(text))


def _difference(gap: str, command: Command) -> tuple[str, int]:
    """Why bash ends the command before a line of flags, and how many lines after its end."""
    if _COMMENT_AFTER_BACKSLASH.search(gap):
        return "bash ends the command here, because a comment follows the backslash", 0
    if _SPACE_AFTER_BACKSLASH.search(gap):
        return "bash ends the command here, because a space follows the backslash", 0
    first = "".join(
        piece.text for piece in command.words[0].pieces if isinstance(piece, Text)
    )
    flag = _FLAG_END.split(first)[0]
    if _COMMENT_BETWEEN.search(gap):
        offset = gap[: gap.index("#")].count("\n")
        return (
            f"bash ends the command before {flag}, because a comment is between the lines",
            offset,
        )
    return (
        f"bash ends the command before {flag}, because no backslash joins the lines",
        0,
    )
