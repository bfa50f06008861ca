"""Keys that pydantic refuses: unknown keys, keys of another kind, and keys that belong to another place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.engines.flags import plain_name
from models.finding import Finding, Mark, Path
from models.record import Record
from models.stack_file.errors.misplaced_keys import edit_that_moves
from models.stack_file.errors.place import Place, in_one_line, value_at
from models.stack_file.errors.union_errors import key_of_another_kind
from models.stack_file.errors.unknown_keys import nearest, unknown_key
from models.tagged_union import kind_of


def refused_key(
    record: type[Record], place: Place, path: Path, refused: Any, value: Any
) -> Finding:
    """The finding about a key that is unknown, or that belongs to another kind.

    Args:
        record: The record that was validated.
        place: The place of the key.
        path: Where the value of the record is in the stack file.
        refused: The value of the key.
        value: The value of the record as the user wrote it.
    """
    where = Mark((*path, *map(str, place.keys)))
    name = str(place.keys[-1])
    if place.alternatives and place.record:
        right = place.alternatives.owner(name)
        if right and kind_of(right):
            holder = value_at(place.keys[:-1], value)
            return key_of_another_kind(where, place.record, right, holder)
    finding = unknown_key(where, name, place.known, refused)
    if _is_known_in_another_spelling(name, place):
        return finding
    edit = edit_that_moves(record, place, where, refused, value)
    if edit is None and _has_meant_key(name, place, value):
        edit = f"remove {in_one_line(name)}"
    if edit is None:
        return finding
    return replace(finding, fix=edit)


def _has_meant_key(name: str, place: Place, value: Any) -> bool:
    """Whether the key that an unknown one resembles is written next to it."""
    holder = value_at(place.keys[:-1], value)
    return isinstance(holder, dict) and nearest(name, place.known) in holder


def _is_known_in_another_spelling(name: str, place: Place) -> bool:
    """Whether a key differs from a known one only in upper case, `-` and `_`."""
    similar = nearest(name, place.known)
    if similar is None:
        return False
    return plain_name(similar) == plain_name(name)
