"""A reader of fixes: from the text of a fix to its edits.

A fix has one or more alternatives, separated by `or`. An alternative has one or more edits, joined by `and`:

    write KEY: VALUE               set a key to a YAML value
    write KEY: VALUE under PATH    set a key of the mapping at PATH
    remove KEY                     delete a key and its value
    remove KEY in line N           delete one of several equal keys
    rename KEY to NAME             give a value another key
    move KEY to PATH               give a value another place in the file

Text between an alternative and the next one is a note for the reader. KEY and PATH are keys joined by dots. The first
key is searched for at the finding's marks, then in the service, then in the mapping of the first mark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.finding import Finding, Path
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.yaml_file import read_yaml

TOP = ("cluster", "base", "services", "kvTransfer", "accept")
"""The keys of the project."""

SERVICE_KEYS = frozenset(
    field.alias or name for name, field in ServiceConfig.model_fields.items()
)

_WRITE = re.compile(r"write (?P<key>\S+?): ")
_REMOVE = re.compile(r"remove (?P<key>[^\s,;]+)(?: in line (?P<line>\d+))?")
_RENAME = re.compile(r"rename (?P<key>\S.*?) to (?P<name>[^\s,;]+)")
_MOVE = re.compile(r"move (?P<key>\S+) to (?P<path>[^\s,;]+)")
_UNDER = re.compile(r" under (?P<path>[^\s,;]+)")
_AND = re.compile(r" and (?=write |remove |rename )")
_OR = re.compile(r"(?:^|,? or )(?=write |remove |rename |move )")
_END_OF_PLAIN_VALUE = re.compile(r", | and | or | under |; |$")
_CLOSING = {"{": "}", "[": "]"}
_QUOTES = "'\""


@dataclass(frozen=True)
class Edit:
    """One edit of a fix."""

    verb: str
    key: str
    value: Any = None
    under: str = ""
    line: int = 0
    """For `remove`, the line of one of several equal keys; 0 without it."""


@dataclass(frozen=True)
class Alternative:
    """One alternative of a fix, and its place in the text."""

    edits: list[Edit]
    start: int
    """The offset of its first character."""
    end: int
    """The offset after its last character."""


def alternatives(fix: str) -> list[list[Edit]]:
    """The alternatives of a fix that are edits, in the order of the text.

    Raises:
        ValueError: An alternative begins like an edit, but is not one.
    """
    return [alternative.edits for alternative in placed_alternatives(fix)]


def placed_alternatives(fix: str) -> list[Alternative]:
    """The alternatives of a fix that are edits, with their places in the text.

    Raises:
        ValueError: An alternative begins like an edit, but is not one.
    """
    found = []
    end = 0
    while match := _OR.search(fix, end):
        edits, end = _edits(fix, match.end())
        found.append(Alternative(edits, match.end(), end))
    return found


def path_of(edit: Edit, finding: Finding, edits: Sequence[Edit] = ()) -> Path:
    """The path of an edit's key from the top of the stack file, without the prefix of the project.

    Args:
        edit: The edit.
        finding: The finding with the fix.
        edits: All edits of the alternative. What one of them removes is not what another one writes.
    """
    keys = tuple(edit.key.split("."))
    if edit.under:
        keys = (*edit.under.split("."), *keys)
    is_moved = any(
        other.verb == "remove" and other.key.endswith(f".{edit.key}") for other in edits
    )
    marks = () if is_moved and edit.verb == "write" else finding.marks
    for mark in marks:
        marked = ".".join(("", *mark.path))
        if marked.endswith(f".{edit.key}") and not edit.under:
            return mark.path
    if finding.service and keys[0] in SERVICE_KEYS:
        return ("services", finding.service, *keys)
    if keys[0] in (*TOP, "config"):
        return keys
    return (*finding.marks[0].path[:-1], *keys)


def _edits(fix: str, start: int) -> tuple[list[Edit], int]:
    """The edits of one alternative that starts at an offset, and the offset of its end."""
    edits = []
    while True:
        edit, start = _edit(fix, start)
        edits.append(edit)
        match = _AND.match(fix, start)
        if not match:
            return edits, start
        start = match.end()


def _edit(fix: str, start: int) -> tuple[Edit, int]:
    """The edit that starts at an offset, and the offset of its end.

    Raises:
        ValueError: No edit starts there.
    """
    match = _WRITE.match(fix, start)
    if match:
        return _write(match["key"], fix, match.end())
    match = _RENAME.match(fix, start)
    if match:
        return Edit("rename", match["key"], match["name"]), match.end()
    match = _MOVE.match(fix, start)
    if match:
        path = tuple(match["path"].split("."))
        return Edit("move", match["key"], path), match.end()
    match = _REMOVE.match(fix, start)
    if match:
        line = int(match["line"] or 0)
        return Edit("remove", match["key"], line=line), match.end()
    raise ValueError(f"not an edit: {fix[start:]}")


def _write(key: str, fix: str, start: int) -> tuple[Edit, int]:
    """The edit that writes a key, and the offset of its end. The value starts at an offset."""
    end = _end_of_value(fix, start)
    value = read_yaml("fix", fix[start:end]).value
    under = _UNDER.match(fix, end)
    if under:
        return Edit("write", key, value, under=under["path"]), under.end()
    return Edit("write", key, value), end


def _end_of_value(text: str, start: int) -> int:
    """The offset after the YAML value that starts at an offset.

    Raises:
        ValueError: The value does not end.
    """
    if text[start] in _CLOSING or text[start] in _QUOTES:
        return _end_of_flow_value(text, start)
    match = _END_OF_PLAIN_VALUE.search(text, start)
    if match is None:
        return len(text)
    return match.start()


def _end_of_flow_value(text: str, start: int) -> int:
    """The offset after a mapping or a list in brackets, or after a text in quotes.

    Raises:
        ValueError: The value does not end.
    """
    open_brackets: list[str] = []
    offset = start
    while offset < len(text):
        character = text[offset]
        if character in _QUOTES:
            offset = _closing_quote(text, offset)
        elif character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
        offset += 1
        if not open_brackets:
            return offset
    raise ValueError(f"the value does not end: {text[start:]}")


def _closing_quote(text: str, start: int) -> int:
    """The offset of the quote that closes the one at an offset.

    Raises:
        ValueError: No quote closes it.
    """
    quote = text[start]
    for offset in range(start + 1, len(text)):
        is_escaped = text[offset - 1] == "\\"
        if text[offset] == quote and not is_escaped:
            return offset
    raise ValueError(f"the value does not end: {text[start:]}")
