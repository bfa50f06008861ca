"""Where pydantic refuses a value: the keys as the user wrote them, and what the stack file's language has there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from models.credentials import masked
from models.record import Record
from models.stack_file.errors.annotations import item_of, record_in
from models.tagged_union import RECORD, TEXT, Choice, choice_in

Step = str | int
"""A key of a mapping, or an index of a list."""

KEY_STEP = "[key]"
"""The step of pydantic for a key of a mapping that is refused."""

_STEPS_OF_PYDANTIC = (TEXT, RECORD, KEY_STEP)


@dataclass(frozen=True)
class Place:
    """A place in the stack file."""

    keys: tuple[Step, ...]
    """The keys that lead to it."""
    known: Mapping[str, FieldInfo]
    """The keys that are allowed where the last key is."""
    field: FieldInfo | None
    """The field of the last key, or the nearest field above it."""
    alternatives: Choice | None
    """The union that the record with the last key belongs to."""
    record: type[Record] | None
    """The record with the last key."""
    choice: Choice | None
    """The union that the value itself belongs to."""

    @property
    def name(self) -> str:
        """The last key; an item of a list has the list's key and its index."""
        *above, last = self.keys
        if isinstance(last, int) and above:
            return f"{above[-1]}[{last}]"
        return str(last)


def find_place(
    record: type[Record], location: Sequence[Step], *, of_unknown_key: bool = False
) -> Place:
    """Follow a location of pydantic's through the types of a record.

    Pydantic puts steps into a location that no user wrote: the tag of each union, and `[key]`.

    Args:
        record: The record that was validated.
        location: The location of the error.
        of_unknown_key: Whether the last step is a key that the user wrote, whatever its name is.
    """
    last = len(location) - 1
    keys: list[Step] = []
    annotation: Any = record
    metadata: Sequence[Any] = ()
    field: FieldInfo | None = None
    holder: type[Record] | None = None
    alternatives: Choice | None = None
    of_holder: Choice | None = None
    for index, step in enumerate(location):
        choice = choice_in(annotation, metadata)
        tagged = choice.record(step) if choice else None
        if tagged:
            annotation, metadata, of_holder = tagged, (), choice
            continue
        if step in _STEPS_OF_PYDANTIC and not (of_unknown_key and index == last):
            continue
        keys.append(step)
        holder = record_in(annotation)
        alternatives, of_holder = of_holder, None
        if holder:
            field = fields_of(holder).get(str(step), field)
            known = fields_of(holder).get(str(step))
            annotation, metadata = (
                (known.annotation, known.metadata) if known else (None, ())
            )
        else:
            annotation, metadata = item_of(annotation), ()
    return Place(
        keys=tuple(keys),
        known=fields_of(holder) if holder else {},
        field=field,
        alternatives=alternatives,
        record=holder,
        choice=choice_in(annotation, metadata),
    )


def written(keys: Sequence[Step], value: Any) -> tuple[Step, ...]:
    """The keys without those that a short form stands for: `model` for the path in `model: /mnt/models/a`.

    Args:
        keys: The keys that lead to a place.
        value: The value as the user wrote it.
    """
    for depth, key in enumerate(keys):
        if not isinstance(value, dict | list):
            return tuple(keys[:depth])
        value = value_at([key], value)
    return tuple(keys)


def dotted(path: Sequence[str]) -> str:
    """A path as fixes name it: the keys of a service without the service, all other paths from the top."""
    if tuple(path[:1]) == ("services",) and len(path) > 2:
        path = path[2:]
    return ".".join(path)


def in_one_line(name: Any) -> str:
    """A key in one line and without credentials, whatever characters it has."""
    return masked(json.dumps(name, ensure_ascii=False).strip('"'))


def value_at(keys: Sequence[Step], value: Any) -> Any:
    """The value at a place; None when there is no value."""
    for key in keys:
        if isinstance(value, list) and isinstance(key, int):
            value = value[key]
        elif isinstance(value, dict):
            value = value.get(str(key))
        else:
            return None
    return value


def field_at(record: type[Record], path: str) -> FieldInfo | None:
    """The field at keys joined by dots; None for a key of a mapping with free keys."""
    found: FieldInfo | None = None
    holder: type[Record] | None = record
    for key in path.split("."):
        found = fields_of(holder).get(key) if holder else None
        holder = record_in(found.annotation) if found else None
    return found


def fields_of(record: type[Record]) -> dict[str, FieldInfo]:
    """The fields of a record by their keys."""
    return {field.alias or name: field for name, field in record.model_fields.items()}


def literals_of(field: FieldInfo | None) -> tuple[Any, ...]:
    """The values of a field that accepts only these; empty for any other field."""
    if field is None:
        return ()
    for annotation in (field.annotation, *get_args(field.annotation)):
        if get_origin(annotation) is Literal:
            return get_args(annotation)
    return ()
