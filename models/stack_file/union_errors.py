"""Findings about a mapping that belongs to no record of a union, or that has a key of another record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from models.finding import Finding, Mark
from models.record import Record
from models.stack_file.examples import example_of, in_one_line, purpose
from models.stack_file.unknown_keys import nearest, unknown_key
from models.tagged_union import KIND, Choice, keys_of, kind_of
from models.words import either, listed


def key_of_another_kind(where: Mark, record: type[Record], right: type[Record]) -> Finding:
    """A key that a value has, although it belongs to another kind.

    Args:
        where: Where the key is.
        record: The record of the value's kind.
        right: The record that has the key.
    """
    *_, holder, key = where.path
    others = [name for name in keys_of(record) if name != KIND]
    keys = f"its keys are {listed(others)}" if others else "it has no further keys"
    return Finding(
        rule="bad-value",
        severity="error",
        message=f"{holder} of kind {kind_of(record)} has no key {key}; {keys}",
        why=f"{key} is a key of kind {kind_of(right)}",
        fix=f"remove {key}, or write kind: {kind_of(right)}",
        marks=(where,),
    )


def no_record(
    where: Mark, choice: Choice, value: Mapping[str, Any], field: FieldInfo | None, *, is_short: bool
) -> Finding:
    """A mapping whose record is not known: by a wrong kind, or by its keys.

    Args:
        where: Where the mapping is.
        choice: The union.
        value: The mapping.
        field: The field with the union.
        is_short: Whether the user wrote a text that stands for the mapping.
    """
    if not choice.kinds:
        return _wrong_keys(where, choice, value, field)
    if KIND in value:
        return _wrong_kind(where, choice, value[KIND], field, is_short=is_short)
    return Finding(
        rule="missing-key",
        severity="error",
        message="kind is missing",
        why=f"{where.path[-1]} is of kind {either(choice.kinds)}",
        fix=f"add kind: {choice.kinds[0]}",
        marks=(where, Mark((*where.path, KIND))),
    )


def _wrong_kind(where: Mark, choice: Choice, kind: Any, field: FieldInfo | None, *, is_short: bool) -> Finding:
    key = where.path[-1] if is_short else KIND
    near = nearest(str(kind), dict.fromkeys(choice.kinds)) or choice.kinds[0]
    return Finding(
        rule="bad-value",
        severity="error",
        message=f"{key} {json.dumps(kind, ensure_ascii=False)} must be {either(choice.kinds)}",
        why=purpose(field),
        fix=f"write {key}: {near}",
        marks=(where if is_short else Mark((*where.path, KIND)),),
    )


def _wrong_keys(where: Mark, choice: Choice, value: Mapping[str, Any], field: FieldInfo | None) -> Finding:
    """A mapping with keys of several records, or of none."""
    matching = choice.matching(value)
    if value and not matching:
        unknown = next(iter(value))
        known = [key for record in choice.records for key in keys_of(record)]
        return unknown_key(Mark((*where.path, unknown)), unknown, dict.fromkeys(known))
    name = in_one_line(where.path[-1])
    forms = either([_form(record) for record in choice.records])
    message = f"{name} must be {forms}"
    fix = f"write {example_of(name, field, value) or name}"
    if matching:
        keys = [next(key for key in value if key in keys_of(record)) for record in matching]
        message += f", but it has {listed(keys)}"
        fix = f"remove {either(keys)}"
    return Finding("bad-value", "error", message, purpose(field), fix, (where,))


def _form(record: type[Record]) -> str:
    """How a record is written, with the keys that it needs: `{secret: …, key: …}`."""
    needed = [field.alias or name for name, field in record.model_fields.items() if field.is_required()]
    return "{" + ", ".join(f"{key}: …" for key in needed) + "}"
