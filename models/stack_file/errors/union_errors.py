"""Findings about a mapping that belongs to no record of a union, or that has a key of another record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.credentials import is_hidden
from models.finding import Finding, Mark
from models.record import Record
from models.stack_file.errors.messages import WHY_VALUE
from models.stack_file.errors.place import Place, dotted, fields_of, in_one_line
from models.stack_file.errors.unknown_keys import nearest, unknown_key
from models.tagged_union import KIND, Choice, keys_of, kind_of
from models.words import either, listed
from models.yaml_scalar import as_yaml


def key_of_another_kind(
    where: Mark, record: type[Record], right: type[Record], holder: Any
) -> Finding:
    """A key that a value has, although it belongs to another kind.

    Args:
        where: Where the key is.
        record: The record of the value's kind.
        right: The record that has the key.
        holder: The mapping with the key.
    """
    *_, name, key = where.path
    kind_keys = [other for other in keys_of(record) if other != KIND]
    known = "it has no further keys"
    if kind_keys:
        known = f"its keys are {listed(kind_keys)}"
    fix = f"remove {key}"
    is_kind_missing = isinstance(holder, dict) and KIND not in holder
    if is_kind_missing and _is_complete(right, holder):
        fix = f"write kind: {kind_of(right)} under {dotted(where.path[:-1])}"
    return Finding(
        rule="bad-value",
        severity="error",
        message=f"{name} of kind {kind_of(record)} has no key {key}; {known}",
        why=f"{key} is a key of kind {kind_of(right)}, so nothing would read it (schema/stack.schema.json)",
        fix=fix,
        marks=(where,),
    )


def no_record(
    where: Mark,
    place: Place,
    choice: Choice,
    value: Mapping[str, Any],
    *,
    is_short: bool,
) -> Finding:
    """A mapping that belongs to no record of a union, because of its kind or its keys.

    Args:
        where: Where the mapping is.
        place: Its place in the stack file.
        choice: The union.
        value: The mapping.
        is_short: Whether the user wrote a string that is shorthand for the mapping.
    """
    if not choice.kinds:
        return _wrong_keys(where, in_one_line(place.name), choice, value)
    if KIND in value:
        return _wrong_kind(where, choice, value, is_short=is_short)
    return Finding(
        rule="missing-key",
        severity="error",
        message="kind is missing",
        why=f"{where.path[-1]} is of kind {either(choice.kinds)}, and the other keys depend on it",
        fix=_completed_edit(where, choice.records, value),
        marks=(where, Mark((*where.path, KIND))),
    )


def _wrong_kind(
    where: Mark, choice: Choice, value: Mapping[str, Any], *, is_short: bool
) -> Finding:
    kind = value[KIND]
    near = nearest(str(kind), dict.fromkeys(choice.kinds)) or choice.kinds[0]
    if is_short:
        mark = where
        fix = f"write {where.path[-1]}: {near}"
    else:
        mark = Mark((*where.path, KIND))
        fix = f"write {KIND}: {near}"
        right = next(record for record in choice.records if kind_of(record) == near)
        if not _is_complete(right, value):
            fix = _completed_edit(where, [right], value)
    shown = ""
    if not is_hidden(mark.path, str(kind)):
        shown = f" {json.dumps(kind, ensure_ascii=False)}"
    return Finding(
        rule="bad-value",
        severity="error",
        message=f"{mark.path[-1]}{shown} must be {either(choice.kinds)}",
        why=WHY_VALUE,
        fix=fix,
        marks=(mark,),
    )


def _wrong_keys(
    where: Mark, name: str, choice: Choice, value: Mapping[str, Any]
) -> Finding:
    """A mapping with keys of several records, or of none."""
    matching = choice.matching(value)
    if value and not matching:
        return _only_unknown_keys(where, choice, value)
    forms = either([_form(record) for record in choice.records])
    message = f"{name} must be {forms}"
    if matching:
        found = [_first_key_of(record, value) for record in matching]
        message += f", but it has {listed(found)}"
    fix = _completed_edit(where, matching or choice.records, value)
    return Finding("bad-value", "error", message, WHY_VALUE, fix, (where,))


def _only_unknown_keys(
    where: Mark, choice: Choice, value: Mapping[str, Any]
) -> Finding:
    """A mapping with keys that no record has."""
    unknown = next(iter(value))
    known: dict[str, None] = {}
    for record in choice.records:
        known.update(dict.fromkeys(keys_of(record)))
    mark = Mark((*where.path, unknown))
    finding = unknown_key(mark, unknown, known)
    return replace(finding, fix=_completed_edit(where, choice.records, value))


def _first_key_of(record: type[Record], value: Mapping[str, Any]) -> str:
    """The first key of a mapping that a record has."""
    return next(key for key in value if key in keys_of(record))


def _is_complete(record: type[Record], value: Mapping[str, Any]) -> bool:
    """Whether a mapping has the keys that a record needs, and no others."""
    fields = fields_of(record)
    required = {key for key, field in fields.items() if field.is_required()} - {KIND}
    keys = {*value} - {KIND}
    return required <= keys <= {*fields}


def _completed_edit(
    where: Mark, records: Sequence[type[Record]], value: Mapping[str, Any]
) -> str:
    """The edit that writes the mapping as the record that it resembles most, with the user's own values."""
    most_similar = max(records, key=lambda record: _common_keys(record, value))
    completed: dict[str, Any] = {}
    for key, field in fields_of(most_similar).items():
        is_kept = key in value and not is_hidden((*where.path, key), str(value[key]))
        if key == KIND:
            completed[key] = kind_of(most_similar)
        elif is_kept:
            completed[key] = value[key]
        elif field.is_required() and field.examples:
            completed[key] = field.examples[0]
    return f"write {in_one_line(dotted(where.path))}: {as_yaml(completed)}"


def _common_keys(record: type[Record], value: Mapping[str, Any]) -> int:
    """How many keys of a mapping a record has."""
    return len(value.keys() & fields_of(record).keys())


def _form(record: type[Record]) -> str:
    """The form of a record with its required keys, or with its first key if none is: `{secret: …, key: …}`."""
    fields = fields_of(record)
    required = [key for key, field in fields.items() if field.is_required()]
    shown = required or list(fields)[:1]
    keys = ", ".join(f"{key}: …" for key in shown)
    return f"{{{keys}}}"
