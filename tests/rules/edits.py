"""Applies the text of a fix literally to a stack file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from migrate.fix_text import TOP, Edit, alternatives, path_of
from models.finding import Finding, Path
from models.stack_file.keys.service import SHORTHANDS
from models.stack_file.yaml_file import read_yaml

__all__ = ["alternatives", "apply"]

PREFIX = "ascend-vllm:"


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
        path = _in_document(path_of(edit, finding, edits))
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
