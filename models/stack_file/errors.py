"""Errors of shape: findings about values that pydantic refuses, in the terms of the stack file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import ErrorDetails

from models.credentials import is_hidden
from models.engines.flags import plain_name
from models.engines.releases import DEFAULT_VERSION, release
from models.finding import Finding, Mark, Path
from models.record import PATTERN_WORDS, Record
from models.stack_file.examples import in_one_line, literals_of
from models.stack_file.messages import BOUNDS, NICKNAMES, TYPES, WHY_MISSING, WHY_VALUE
from models.stack_file.place import (
    KEY_STEP,
    Place,
    Step,
    dotted,
    fields_of,
    find_place,
    record_in,
    value_at,
    written,
)
from models.stack_file.union_errors import key_of_another_kind, no_record
from models.stack_file.unknown_keys import nearest, unknown_key
from models.stack_file.value_edits import item_edit, key_edit, list_edit, value_edit
from models.tagged_union import kind_of
from models.words import either
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
    error = details["type"]
    refused = details["input"]
    if error == "extra_forbidden":
        place = find_place(record, details["loc"], of_unknown_key=True)
        return _refused_key(place, path, refused, value)
    place = find_place(record, details["loc"])
    if error == "missing":
        return _missing_key(place, path)
    keys = place.keys if value is None else written(place.keys, value)
    where = Mark((*path, *map(str, keys)))
    if error in _NO_RECORD and place.choice and isinstance(refused, dict):
        is_short = isinstance(value_at(keys, value), str)
        return no_record(where, place, place.choice, refused, is_short=is_short)
    literals = literals_of(place.field)
    if keys != place.keys:
        place = find_place(record, keys)
    name = in_one_line(("the stack", *path)[-1])
    if keys:
        name = in_one_line(place.name)
    if error == "literal_error":
        message, fix = _no_literal(name, literals, refused)
    else:
        hide = is_hidden(where.path, str(refused))
        message = _message(name, details, hide=hide)
        fix = _edit(record, place, path, details, value, hide=hide)
    return Finding("bad-value", "error", message, why, fix, (where,))


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


def _refused_key(place: Place, path: Path, refused: Any, value: Any) -> Finding:
    """A key that is unknown, or that belongs to another kind."""
    where = Mark((*path, *map(str, place.keys)))
    name = str(place.keys[-1])
    if place.alternatives and place.record:
        right = place.alternatives.owner(name)
        if right and kind_of(right):
            holder = value_at(place.keys[:-1], value)
            return key_of_another_kind(where, place.record, right, holder)
    found = unknown_key(where, name, place.known, refused)
    if plain_name(nearest(name, place.known) or "") == plain_name(name):
        return found
    elsewhere = _edit_elsewhere(where, place, refused)
    if elsewhere:
        return replace(found, fix=elsewhere)
    return found


def _edit_elsewhere(where: Mark, place: Place, refused: Any) -> str | None:
    """The edit that moves a value to the key outside of this mapping that its key means, or None."""
    name = str(place.keys[-1])
    is_of_service = "engine" in place.known or place.keys[0] in ("engine", "server")
    key = _key_elsewhere(name, place) if is_of_service else None
    if key is None:
        return None
    remove = f"remove {in_one_line(dotted(where.path))}"
    if ": " in key:
        if "…" in key or refused is False:
            return f"{remove}, and use {key}"
        return f"write {key} and {remove}"
    if isinstance(refused, dict | list) or is_hidden(where.path, str(refused)):
        return f"{remove}, and use {key}"
    return f"write {key}: {as_yaml(refused)} and {remove}"


def _key_elsewhere(name: str, place: Place) -> str | None:
    """The key outside of this mapping that a name means: by a nickname, a flag of the engine, or a key of a record."""
    default_release = release(DEFAULT_VERSION)
    flag = default_release.flag(name)
    if flag is None:
        return NICKNAMES.get(plain_name(name)) or _key_inside(name, place)
    owner = default_release.owned_flags.get(flag.name)
    if owner:
        return owner
    if place.keys[0] in ("engine", "server"):
        return f"{place.keys[0]}.extraArgs.{flag.key}"
    if "engine" in place.known:
        return f"engine.extraArgs.{flag.key}"
    return None


def _key_inside(name: str, place: Place) -> str | None:
    """The key of the same name in a record of this mapping."""
    for key, field in place.known.items():
        inner = record_in(field.annotation)
        if inner and name in fields_of(inner):
            return f"{key}.{name}"
    return None


def _no_literal(name: str, literals: Sequence[Any], value: Any) -> tuple[str, str]:
    """The message and the fix for a value that is not one of a few."""
    choices = [str(literal) for literal in literals]
    near = nearest(str(value), dict.fromkeys(choices)) or choices[0]
    if isinstance(value, int) and all(isinstance(literal, int) for literal in literals):
        near = str(min(literals, key=lambda literal: abs(literal - value)))
    return f"{name}{_shown(value)} must be {either(choices)}", f"write {name}: {near}"


def _edit(
    record: type[Record],
    place: Place,
    path: Path,
    details: ErrorDetails,
    value: Any,
    *,
    hide: bool,
) -> str:
    """The edit for a value of a wrong type, form or range, or for a key of a wrong form."""
    refused = details["input"]
    key = in_one_line(dotted((*path, *map(str, place.keys))))
    if details["loc"] and details["loc"][-1] == KEY_STEP:
        return key_edit(key, place.field, str(place.keys[-1]))
    if (hide and not isinstance(refused, int | float)) or _holds_hidden(
        (*path, *map(str, place.keys)), refused
    ):
        refused = None
    if not place.keys:
        return f"write {key}: {as_yaml(_smallest(record, refused))}"
    bound = _bound(details)
    field_keys = _keys_of_field(place)
    if len(field_keys) == len(place.keys):
        return value_edit(in_one_line(place.name), place.field, refused, bound)
    if isinstance(place.keys[-1], int):
        container = in_one_line(dotted((*path, *map(str, field_keys))))
        items = value_at(field_keys, value)
        if refused is None:
            items = None
        return list_edit(container, place.field, items)
    return item_edit(key, place.field, refused, bound)


def _holds_hidden(path: Path, value: Any) -> bool:
    """Whether a mapping or a list contains a value that is never shown."""
    if isinstance(value, dict):
        return any(_holds_hidden((*path, key), item) for key, item in value.items())
    if isinstance(value, list):
        return any(
            _holds_hidden((*path, str(index)), item) for index, item in enumerate(value)
        )
    return isinstance(value, str) and is_hidden(path, value)


def _smallest(record: type[Record], refused: Any) -> dict[str, Any]:
    """The smallest mapping that a record accepts. A text that the user wrote in its place becomes the only key."""
    required = {
        key: field for key, field in fields_of(record).items() if field.is_required()
    }
    smallest = {
        key: field.examples[0] for key, field in required.items() if field.examples
    }
    if isinstance(refused, str) and len(smallest) == 1:
        return dict.fromkeys(smallest, refused)
    return smallest


def _keys_of_field(place: Place) -> tuple[Step, ...]:
    """The keys that lead to the field: without the keys of its items."""
    keys = place.keys
    while keys and place.field and str(keys[-1]) != place.field.alias:
        keys = keys[:-1]
    return keys or place.keys


def _bound(details: ErrorDetails) -> Any:
    """The limit that a value breaks, or None."""
    limit, _ = BOUNDS.get(details["type"], ("", ""))
    bound = details.get("ctx", {}).get(limit)
    return bound if limit in ("ge", "gt", "le", "lt") else None


def _message(name: str, details: ErrorDetails, *, hide: bool) -> str:
    """The message for a value of a wrong type, form or range."""
    error, value = details["type"], details["input"]
    shown = "" if hide else _shown(value)
    if error in TYPES or error in _NO_RECORD:
        expected = TYPES.get(error, "a mapping")
        return f"{name} must be {expected}, not {_type_of(value)}{shown}"
    if error in ("too_short", "string_pattern_mismatch", *BOUNDS):
        return _wrong_form(name, shown, error, details.get("ctx", {}))
    reason = details["msg"].removeprefix("Value error, ")
    if error == "json_invalid":
        shown = ""
    return f"{name}{shown}: {reason}"


def _wrong_form(name: str, shown: str, error: str, context: Mapping[str, Any]) -> str:
    """The message for a value that is empty, out of its range, or not well formed."""
    if error == "too_short":
        return f"{name} must not be empty"
    if error in BOUNDS:
        limit, words = BOUNDS[error]
        return f"{name}{shown} must be {words} {context[limit]}"
    return (
        f"{name}{shown} {PATTERN_WORDS.get(context['pattern'], 'is not well formed')}"
    )


def _shown(value: Any) -> str:
    """A value that is short enough for a message, after a space."""
    if isinstance(value, str | int | float):
        return f" {json.dumps(value, ensure_ascii=False)}"
    return ""


def _type_of(value: Any) -> str:
    types = {
        str: "text",
        bool: "the truth value",
        list: "a list",
        dict: "a mapping",
        type(None): "nothing",
    }
    return types.get(type(value), "the number")
