"""Errors of shape: findings about values that pydantic refuses, in the terms of the stack file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from models.credentials import holds_hidden, is_hidden, masked
from models.finding import Finding, Mark, Path
from models.record import PATTERN_WORDS, Record
from models.stack_file.errors.messages import BOUNDS, TYPES, WHY_MISSING, WHY_VALUE
from models.stack_file.errors.place import (
    KEY_STEP,
    Place,
    Step,
    dotted,
    fields_of,
    find_place,
    in_one_line,
    literals_of,
    value_at,
    written,
)
from models.stack_file.errors.refused_keys import refused_key
from models.stack_file.errors.scalar_readings import series_of_npus
from models.stack_file.errors.union_errors import no_record
from models.stack_file.errors.unknown_keys import nearest
from models.stack_file.errors.value_edits import (
    item_edit,
    key_edit,
    list_edit,
    value_edit,
)
from models.words import either, type_in_words
from models.yaml_scalar import as_yaml

_NO_RECORD = ("union_tag_not_found", "union_tag_invalid")


def shape_finding(
    record: type[Record],
    path: Path,
    details: ErrorDetails,
    value: Any = None,
    *,
    why: str = WHY_VALUE,
) -> Finding:
    """The finding about a value that pydantic refuses.

    Args:
        record: The record that was validated.
        path: Where its value is in the stack file.
        details: The error of pydantic.
        value: The value of the record as the user wrote it.
        why: The consequence of a wrong value.
    """
    location = details["loc"]
    error = details["type"]
    if error == "extra_forbidden":
        place = find_place(record, location, of_unknown_key=True)
        return refused_key(record, place, path, details["input"], value)
    place = find_place(record, location)
    if error == "missing":
        return _missing_key(place, path)

    keys = place.keys
    if value is not None:
        keys = written(place.keys, value)
    if error in _NO_RECORD and place.choice and isinstance(details["input"], dict):
        where = Mark((*path, *map(str, keys)))
        is_short = isinstance(value_at(keys, value), str)
        return no_record(
            where, place, place.choice, details["input"], is_short=is_short
        )

    written_place = place
    if keys != place.keys:
        written_place = find_place(record, keys)
    refusal = _Refusal(record, path, value, details, written_place)
    if error == "literal_error":
        message, fix = _not_a_literal(refusal, literals_of(place.field))
        return refusal.finding(message, fix, why)
    return refusal.finding(_message(refusal), _edit(refusal), why)


def _missing_key(place: Place, path: Path) -> Finding:
    where = Mark((*path, *map(str, place.keys)))
    holder = Mark(where.path[:-1])
    name = in_one_line(place.name)
    fix = value_edit(name, place.field, None)
    if holder.path:
        fix = f"{fix} under {dotted(holder.path)}"
    return Finding(
        "missing-key", "error", f"{name} is missing", WHY_MISSING, fix, (holder, where)
    )


@dataclass(frozen=True)
class _Refusal:
    """A value of a wrong type, form or range, or a key of a wrong form."""

    record: type[Record]
    """The record that was validated."""
    path: Path
    """Where the value of the record is in the stack file."""
    value: Any
    """The value of the record as the user wrote it."""
    details: ErrorDetails
    """The error of pydantic."""
    place: Place
    """The place of the refused value, with the keys that the user wrote."""

    @property
    def input(self) -> Any:
        """The refused value."""
        return self.details["input"]

    @property
    def where(self) -> Path:
        """The path of the refused value in the stack file."""
        return (*self.path, *map(str, self.place.keys))

    @property
    def key(self) -> str:
        """The path of the refused value, as fixes name it."""
        return in_one_line(dotted(self.where))

    @property
    def name(self) -> str:
        """The name of the refused value in a message."""
        if self.place.keys:
            return in_one_line(self.place.name)
        return in_one_line(("the stack", *self.path)[-1])

    @property
    def is_key(self) -> bool:
        """Whether the key is refused, and not its value."""
        location = self.details["loc"]
        return bool(location) and location[-1] == KEY_STEP

    @property
    def is_secret(self) -> bool:
        """Whether the value is never shown, because it may be a credential."""
        return is_hidden(self.where, str(self.input))

    @property
    def shown(self) -> str:
        """The refused value in a message, after a space; nothing if it is a mapping, a list or may be a credential."""
        if self.is_secret or not isinstance(self.input, str | int | float):
            return ""
        return f" {json.dumps(self.input, ensure_ascii=False)}"

    def finding(self, message: str, fix: str, why: str) -> Finding:
        """The finding about the value."""
        return Finding("bad-value", "error", message, why, fix, (Mark(self.where),))


def _not_a_literal(refusal: _Refusal, literals: Sequence[Any]) -> tuple[str, str]:
    """The message and the fix for a value that is not one of a few."""
    value = refusal.input
    field = refusal.place.field
    choices = [str(literal) for literal in literals]
    near = series_of_npus(str(value))
    if near not in choices:
        near = nearest(str(value), dict.fromkeys(choices), likeness=0.5)
    if isinstance(value, int) and all(isinstance(literal, int) for literal in literals):
        near = str(_number_of(field, value, literals))
    message = f"{refusal.name}{refusal.shown} must be {either(choices)}"
    is_optional = field is not None and field.get_default() is None
    if near is None and is_optional:
        return message, f"remove {refusal.name}"
    return message, f"write {refusal.name}: {near or choices[0]}"


def _number_of(field: FieldInfo | None, value: int, literals: Sequence[int]) -> int:
    """The example of the key, which every release accepts, or else the nearest number."""
    if field is not None and field.examples and field.examples[0] in literals:
        return int(str(field.examples[0]))
    return min(literals, key=lambda literal: abs(literal - value))


def _message(refusal: _Refusal) -> str:
    """The message for a value of a wrong type, form or range."""
    error = refusal.details["type"]
    name = refusal.name
    shown = refusal.shown
    if refusal.is_key:
        key = masked(refusal.place.name)
        name = f"the key {json.dumps(key, ensure_ascii=False)}"
        shown = ""
    if error in TYPES or error in _NO_RECORD:
        expected = TYPES.get(error, "a mapping")
        return f"{name} must be {expected}, not {type_in_words(refusal.input)}{shown}"
    if error == "too_short":
        return f"{name} must not be empty"
    if error in BOUNDS:
        limit, words = BOUNDS[error]
        return f"{name}{shown} must be {words} {_context(refusal)[limit]}"
    if error == "string_pattern_mismatch":
        form = PATTERN_WORDS.get(_context(refusal)["pattern"], "is not well formed")
        return f"{name}{shown} {form}"
    reason = refusal.details["msg"].removeprefix("Value error, ")
    if error == "json_invalid":
        return f"{name}: {reason}"
    return f"{name}{shown}: {reason}"


def _context(refusal: _Refusal) -> Mapping[str, Any]:
    """The limits and patterns that belong to the error."""
    return refusal.details.get("ctx", {})


def _edit(refusal: _Refusal) -> str:
    """The edit for a value of a wrong type, form or range, or for a key of a wrong form."""
    place = refusal.place
    if refusal.is_key:
        return key_edit(refusal.key, place.field, str(place.keys[-1]))
    kept = refusal.input
    if _must_not_be_kept(refusal):
        kept = None
    if not place.keys:
        return f"write {refusal.key}: {as_yaml(_smallest(refusal.record, kept))}"

    bound = _bound(refusal)
    field_keys = _keys_of_field(place)
    if len(field_keys) == len(place.keys):
        return value_edit(in_one_line(place.name), place.field, kept, bound)
    if isinstance(place.keys[-1], int):
        return _list_edit(refusal, field_keys, keep_items=kept is not None)
    return item_edit(refusal.key, place.field, kept, bound)


def _list_edit(
    refusal: _Refusal, field_keys: Sequence[Step], *, keep_items: bool
) -> str:
    """The edit for a list with a refused item."""
    key = in_one_line(dotted((*refusal.path, *map(str, field_keys))))
    items = None
    if keep_items:
        items = value_at(field_keys, refusal.value)
    return list_edit(key, refusal.place.field, items)


def _must_not_be_kept(refusal: _Refusal) -> bool:
    """Whether a fix must not repeat the value, because it is or contains a credential."""
    is_number = isinstance(refusal.input, int | float)
    if refusal.is_secret and not is_number:
        return True
    return holds_hidden(refusal.where, refusal.input)


def _smallest(record: type[Record], refused: Any) -> dict[str, Any]:
    """The smallest mapping that a record accepts. A text that the user wrote in its place becomes the only key."""
    smallest: dict[str, Any] = {}
    for key, field in fields_of(record).items():
        if field.is_required() and field.examples:
            smallest[key] = field.examples[0]
    if isinstance(refused, str) and len(smallest) == 1:
        return dict.fromkeys(smallest, refused)
    return smallest


def _keys_of_field(place: Place) -> tuple[Step, ...]:
    """The keys that lead to the field: without the keys of its items."""
    keys = place.keys
    while keys and place.field and str(keys[-1]) != place.field.alias:
        keys = keys[:-1]
    return keys or place.keys


def _bound(refusal: _Refusal) -> Any:
    """The number that a value exceeds, or None."""
    limit, _ = BOUNDS.get(refusal.details["type"], ("", ""))
    if limit not in ("ge", "gt", "le", "lt"):
        return None
    return _context(refusal).get(limit)
