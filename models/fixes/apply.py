"""Applies the edits of a fix literally to the plain values of a stack file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from models.finding import Finding, Path
from models.fixes.text import Edit, path_of
from models.stack_file.keys.service import SHORTHANDS


def from_the_top(path: Path) -> Path:
    """The path itself: the values have the keys of the project at the top, without their prefix."""
    return path


def apply(
    edits: Sequence[Edit],
    finding: Finding,
    values: Any,
    place: Callable[[Path], Path] = from_the_top,
) -> None:
    """Apply the edits of one alternative to values, in place.

    Args:
        edits: The edits, none of which is one of several equal keys.
        finding: The finding with the fix.
        values: The values.
        place: Where a path of the project is in the values.

    Raises:
        KeyError, IndexError, TypeError, ValueError, AttributeError: An edit is about a value that does not exist.
    """
    for edit in edits:
        path = place(path_of(edit, finding, edits))
        if edit.verb == "write":
            _write(values, path, edit.value)
        elif edit.verb == "remove":
            _remove(values, path)
        elif edit.verb == "move":
            _write(values, edit.value, values.pop(edit.key))
        else:
            _write(values, renamed(path, edit), _remove(values, path))
    replaced = replaced_key(edits, finding)
    if replaced:
        _remove(values, place(replaced))


def renamed(path: Path, edit: Edit) -> Path:
    """The path of a value after an edit that renames its key."""
    return (*path[:-1], edit.value)


def replaced_key(edits: Sequence[Edit], finding: Finding) -> Path | None:
    """The unknown key that the only edit replaces, because it writes a known key of the same mapping; else None."""
    if len(edits) != 1 or edits[0].verb != "write":
        return None
    if "unknown key" not in finding.message:
        return None
    path = path_of(edits[0], finding, edits)
    marked = finding.marks[0].path
    is_replaced = marked[:-1] == path[:-1] and marked != path
    return marked if is_replaced else None


def _write(values: Any, path: Path, value: Any) -> None:
    mapping = values
    for key in path[:-1]:
        mapping = _child(mapping, key)
    if isinstance(mapping, list):
        mapping[int(path[-1])] = value
    else:
        mapping[path[-1]] = value


def _child(mapping: Any, key: str) -> Any:
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


def _remove(values: Any, path: Path) -> Any:
    mapping = values
    for key in path[:-1]:
        mapping = mapping[int(key)] if isinstance(mapping, list) else mapping[key]
    key = path[-1]
    return mapping.pop(int(key)) if isinstance(mapping, list) else mapping.pop(key)
