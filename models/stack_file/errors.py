"""Errors of shape: findings about values that pydantic refuses, in the terms of the stack file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from models.credentials import is_hidden
from models.engines.flags import plain_name
from models.engines.releases import DEFAULT_VERSION, release
from models.finding import Finding, Mark, Path
from models.record import PATTERN_WORDS, Record
from models.stack_file.examples import example_of, in_one_line, literals_of, purpose
from models.stack_file.messages import BOUNDS, NICKNAMES, TRUTHS, TYPES
from models.stack_file.place import Place, find_place, value_at, written
from models.stack_file.union_errors import key_of_another_kind, no_record
from models.stack_file.unknown_keys import nearest, unknown_key
from models.tagged_union import kind_of
from models.words import either

_NO_RECORD = ("union_tag_not_found", "union_tag_invalid")


def shape_finding(record: type[Record], path: Path, details: ErrorDetails, value: Any = None) -> Finding:
    """The finding about a value that pydantic refuses.

    Args:
        record: The record that was validated.
        path: Where its value is in the stack file.
        details: The error of pydantic.
        value: The value of the record as the user wrote it.
    """
    if details["type"] == "extra_forbidden":
        return _refused_key(find_place(record, details["loc"], of_unknown_key=True), path)
    place = find_place(record, details["loc"])
    if details["type"] == "missing":
        return _missing_key(place, path)
    keys = place.keys if value is None else written(place.keys, value)
    where = Mark((*path, *map(str, keys)))
    if details["type"] in _NO_RECORD and place.choice and isinstance(details["input"], dict):
        is_short = isinstance(value_at(keys, value), str)
        return no_record(where, place, place.choice, details["input"], is_short=is_short)
    literals = literals_of(place.field)
    if keys != place.keys:
        place = find_place(record, keys)
    last_key = place.name if keys else ("the stack", *path)[-1]
    name = in_one_line(last_key)
    hide = is_hidden(where.path, str(details["input"]))
    if details["type"] == "literal_error":
        message, fix = _no_literal(name, literals, details["input"])
    else:
        message, fix = _wrong_value(name, details, place.field, hide=hide)
    return Finding("bad-value", "error", message, purpose(place.field), fix, (where,))


def _missing_key(place: Place, path: Path) -> Finding:
    where = Mark((*path, *map(str, place.keys)))
    name = in_one_line(place.name)
    fix = f"add {example_of(name, place.field) or name}"
    marks = (Mark(where.path[:-1]), where)
    return Finding("missing-key", "error", f"{name} is missing", purpose(place.field), fix, marks)


def _refused_key(place: Place, path: Path) -> Finding:
    """A key that is unknown, or that belongs to another kind."""
    where = Mark((*path, *map(str, place.keys)))
    name = str(place.keys[-1])
    if place.alternatives and place.record:
        right = place.alternatives.owner(name)
        if right and kind_of(right):
            return key_of_another_kind(where, place.record, right)
    found = unknown_key(where, name, place.known)
    if nearest(name, place.known):
        return found
    elsewhere = _key_elsewhere(name, place)
    if elsewhere:
        return replace(found, why="it has another place", fix=f"write {elsewhere}")
    return found


def _key_elsewhere(name: str, place: Place) -> str | None:
    """The key outside of this mapping that a name means: by a nickname, or by a flag of the engine."""
    default_release = release(DEFAULT_VERSION)
    flag = default_release.flag(name)
    if flag is None:
        return NICKNAMES.get(plain_name(name))
    owner = default_release.owned_flags.get(flag.name)
    if owner is None and place.keys[0] in ("engine", "server"):
        return f"{place.keys[0]}.extraArgs: {{{flag.key}: …}}"
    return owner


def _no_literal(name: str, literals: Sequence[Any], value: Any) -> tuple[str, str]:
    """The message and the fix for a value that is not one of a few."""
    choices = [str(literal) for literal in literals]
    near = nearest(str(value), dict.fromkeys(choices)) or choices[0]
    return f"{name}{_shown(value)} must be {either(choices)}", f"write {name}: {near}"


def _wrong_value(name: str, details: ErrorDetails, field: FieldInfo | None, *, hide: bool) -> tuple[str, str]:
    """The message and the fix for a value of a wrong type, form or range."""
    error, value, context = details["type"], details["input"], details.get("ctx", {})
    shown = "" if hide else _shown(value)
    example = example_of(name, field, value)
    fix = f"write {example}" if example else f"correct {name}"
    if error in TYPES or error in _NO_RECORD:
        expected = TYPES.get(error, "a mapping")
        return f"{name} must be {expected}, not {_type_of(value)}{shown}", _right_type(name, expected, value, fix)
    if error in ("too_short", "string_pattern_mismatch", *BOUNDS):
        return _wrong_form(name, shown, error, context), fix
    reason = details["msg"].removeprefix("Value error, ")
    if error == "json_invalid":
        shown = ""
    if isinstance(value, dict) and "{" not in fix:
        fix = f"correct {name}"
    return f"{name}{shown}: {reason}", fix


def _wrong_form(name: str, shown: str, error: str, context: Mapping[str, Any]) -> str:
    """The message for a value that is empty, out of its range, or not well formed."""
    if error == "too_short":
        return f"{name} must not be empty"
    if error in BOUNDS:
        limit, words = BOUNDS[error]
        return f"{name}{shown} must be {words} {context[limit]}"
    return f"{name}{shown} {PATTERN_WORDS.get(context['pattern'], 'is not well formed')}"


def _right_type(name: str, expected: str, value: Any, example: str) -> str:
    """The fix for a value of a wrong type."""
    if expected == "true or false" and str(value).lower() in TRUTHS:
        return f"write {name}: {TRUTHS[str(value).lower()]}; YAML reads {value} as text"
    if expected == "a mapping" and value is False:
        return f"remove {name}, or write {name}: null where the base file has it"
    if expected == "text" and isinstance(value, int | float):
        return f'write it in quotes: "{json.dumps(value)}"'
    return example


def _shown(value: Any) -> str:
    """A value that is short enough for a message, after a space."""
    if isinstance(value, str | int | float):
        return f" {json.dumps(value, ensure_ascii=False)}"
    return ""


def _type_of(value: Any) -> str:
    types = {str: "text", bool: "the truth value", list: "a list", dict: "a mapping", type(None): "nothing"}
    return types.get(type(value), "the number")
