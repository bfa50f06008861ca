"""A reader of fixes: it applies the text of a fix literally to a stack file.

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

import yaml

from models.finding import Finding, Path
from models.stack_file.service import SHORTHANDS, ServiceConfig
from models.stack_file.yaml_file import read_yaml

PREFIX = "ascend-vllm:"
TOP = ("cluster", "base", "services", "accept")
SERVICE_KEYS = {field.alias or name for name, field in ServiceConfig.model_fields.items()}

_WRITE = re.compile(r"write (?P<key>\S+?): ")
_REMOVE = re.compile(r"remove (?P<key>[^\s,;]+)(?: in line (?P<line>\d+))?")
_RENAME = re.compile(r"rename (?P<key>\S+) to (?P<name>[^\s,;]+)")
_MOVE = re.compile(r"move (?P<key>\S+) to (?P<path>[^\s,;]+)")
_UNDER = re.compile(r" under (?P<path>[^\s,;]+)")
_AND = re.compile(r" and (?=write |remove |rename )")
_OR = re.compile(r"(?:^|,? or )(?=write |remove |rename |move )")
_END_OF_PLAIN_VALUE = re.compile(r", | and | or | under |; |$")
_CLOSING = {"{": "}", "[": "]"}


@dataclass(frozen=True)
class Edit:
    """One edit of a fix."""

    verb: str
    key: str
    value: Any = None
    under: str = ""
    line: int = 0
    """For `remove`, the line of one of several equal keys; 0 without it."""


def alternatives(fix: str) -> list[list[Edit]]:
    """The alternatives of a fix that are edits, in the order of the text."""
    found = []
    start = 0
    while match := _OR.search(fix, start):
        edits, start = _edits(fix, match.end())
        found.append(edits)
    return found


def apply(edits: Sequence[Edit], finding: Finding, text: str) -> str:
    """The text of a stack file after the edits of one alternative.

    Args:
        edits: The edits.
        finding: The finding with the fix; its marks have positions.
        text: The text of the stack file.
    """
    for edit in edits:
        if edit.line:
            text = _without_marked_text(text, finding, edit.line)
            continue
        document = read_yaml("stack file", text).value
        path = _locate(edit, finding)
        if edit.verb == "write":
            _write(document, path, edit.value)
            if len(edits) == 1:
                _drop_unknown_key(document, path, finding)
        elif edit.verb == "remove":
            _remove(document, path)
        elif edit.verb == "move":
            _write(document, edit.value, document.pop(edit.key))
        else:
            _rename(document, path, edit.value)
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text


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
    if match := _WRITE.match(fix, start):
        end = _end_of_value(fix, match.end())
        value = read_yaml("fix", fix[match.end() : end]).value
        under = _UNDER.match(fix, end)
        if under:
            return Edit("write", match["key"], value, under=under["path"]), under.end()
        return Edit("write", match["key"], value), end
    if match := _RENAME.match(fix, start):
        return Edit("rename", match["key"], match["name"]), match.end()
    if match := _MOVE.match(fix, start):
        return Edit("move", match["key"], tuple(match["path"].split("."))), match.end()
    match = _REMOVE.match(fix, start)
    assert match, f"not an edit: {fix[start:]}"
    return Edit("remove", match["key"], line=int(match["line"] or 0)), match.end()


def _end_of_value(text: str, start: int) -> int:
    """The offset after the YAML value that starts at an offset."""
    if text[start] not in "{['\"":
        match = _END_OF_PLAIN_VALUE.search(text, start)
        assert match
        return match.start()
    closing: list[str] = []
    quote = ""
    for offset in range(start, len(text)):
        character = text[offset]
        if quote:
            if character == quote and text[offset - 1] != "\\":
                quote = ""
        elif character in "'\"":
            quote = character
        elif character in _CLOSING:
            closing.append(_CLOSING[character])
        elif closing and character == closing[-1]:
            closing.pop()
        if not quote and not closing:
            return offset + 1
    raise AssertionError(f"the value does not end: {text[start:]}")


def _locate(edit: Edit, finding: Finding) -> Path:
    """The path of an edit's key in the document."""
    keys = tuple(edit.key.split("."))
    if edit.under:
        keys = (*edit.under.split("."), *keys)
    for mark in finding.marks:
        if ".".join(("", *mark.path)).endswith(f".{edit.key}") and not edit.under:
            return _in_document(mark.path)
    if finding.service and keys[0] in SERVICE_KEYS:
        return _in_document(("services", finding.service, *keys))
    if keys[0] in (*TOP, "config"):
        return _in_document(keys)
    return _in_document((*finding.marks[0].path[:-1], *keys))


def _in_document(path: Path) -> Path:
    if path[:1] and path[0] in TOP:
        return ("config", f"{PREFIX}{path[0]}", *path[1:])
    return path


def _without_marked_text(text: str, finding: Finding, line: int) -> str:
    lines = text.splitlines()
    (span,) = [mark.span for mark in finding.marks if mark.span and mark.span.line == line]
    before = lines[line - 1][: span.column - 1]
    after = lines[line - 1][span.column - 1 + span.length :]
    lines[line - 1] = before + after
    return "\n".join(lines) + "\n"


def _write(document: Any, path: Path, value: Any) -> None:
    mapping = document
    for index, key in enumerate(path[:-1]):
        mapping = _child(mapping, key, path[index - 1] if index else "", path[index + 1])
    if isinstance(mapping, list):
        mapping[int(path[-1])] = value
    else:
        mapping[path[-1]] = value


def _child(mapping: Any, key: str, parent: str, next_key: str) -> Any:
    """The mapping or list under a key; a missing one is added, and a shorthand is written out."""
    if isinstance(mapping, list):
        return mapping[int(key)]
    value = mapping.get(key)
    if isinstance(value, dict | list):
        return value
    mapping[key] = {}
    for owner, inner in SHORTHANDS:
        if owner == key and value is not None and value is not True:
            mapping[key] = {inner: value}
    return mapping[key]


def _drop_unknown_key(document: Any, path: Path, finding: Finding) -> None:
    """A known key is written over the marked one that is not known."""
    marked = _in_document(finding.marks[0].path)
    is_unknown = "unknown key" in finding.message
    if is_unknown and marked[:-1] == path[:-1] and marked != path:
        _remove(document, marked)


def _remove(document: Any, path: Path) -> Any:
    mapping = document
    for key in path[:-1]:
        mapping = mapping[int(key)] if isinstance(mapping, list) else mapping[key]
    key = path[-1]
    return mapping.pop(int(key)) if isinstance(mapping, list) else mapping.pop(key)


def _rename(document: Any, path: Path, name: str) -> None:
    value = _remove(document, path)
    _write(document, (*path[:-1], name), value)
