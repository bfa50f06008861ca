"""Errors of shape: what pydantic refuses, said in the words of the configuration language."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from models.credentials import is_hidden
from models.engines.flags import plain_name
from models.engines.releases import DEFAULT_VERSION, release
from models.finding import Finding, Mark, Path
from models.record import PATTERN_WORDS, Record
from models.stack_file.messages import BOUNDS, KINDS, NICKNAMES, TRUTHS

_STEPS = ("[text]", "[secret]")
"""What pydantic adds to a path where a value has one of two kinds."""


def shape_finding(record: type[Record], path: Path, details: ErrorDetails) -> Finding:
    """What pydantic refuses in a record that stands at a path, as a finding."""
    unknown = details["type"] == "extra_forbidden"
    loc = [key for key in details["loc"] if key not in _STEPS and (key != "[key]" or unknown)]
    keys = tuple(map(str, loc))
    fields, field = _fields_along(record, keys)
    where = Mark((*path, *keys))
    if unknown:
        return _unknown_key(where, keys[-1], fields, keys)
    name = json.dumps(["the stack", *path, *keys][-1], ensure_ascii=False)[1:-1]
    name = f"{keys[-2]}[{name}]" if isinstance(["", *loc][-1], int) else name
    if details["type"] == "missing":
        why, fix = _purpose(field), f"add {_example(name, field)}"
        return Finding("missing-key", "error", f"{name} is missing", why, fix, (Mark(where.path[:-1]), where))
    message, fix = _wrong_value(name, details, field, hide=is_hidden(where.path, str(details["input"])))
    return Finding("bad-value", "error", message, _purpose(field), fix, (where,))


def unknown_key(where: Mark, name: str, known: Mapping[str, Any], meant: str = "") -> Finding:
    """A key that the configuration language does not have, with the nearest that it has to it or to what was meant."""
    near = nearest(meant or name, known)
    fix = f"write {near}" if near else f"remove it; known here: {', '.join(known)}"
    why = "a key that nothing reads is a mistake"
    return Finding("unknown-key", "error", f"unknown key {name!r}", why, fix, (where,))


def nearest(name: str, known: Mapping[str, Any]) -> str | None:
    """The known key that a name probably means; case, `-` and `_` do not count."""
    plain = {plain_name(key): key for key in known}
    close = get_close_matches(plain_name(name), plain, n=1, cutoff=0.7)
    return plain[close[0]] if close else None


def _unknown_key(where: Mark, name: str, fields: Mapping[str, FieldInfo], keys: Path) -> Finding:
    found = unknown_key(where, name, fields)
    if nearest(name, fields):
        return found
    elsewhere = NICKNAMES.get(plain_name(name))
    known_release = release(DEFAULT_VERSION)
    if flag := known_release.flag(name):
        elsewhere = known_release.owned_flags.get(flag.name)
        if not elsewhere and keys[:1] in (("engine",), ("server",)):
            elsewhere = f"{keys[0]}.extraArgs: {{{flag.key}: …}}"
    if not elsewhere:
        return found
    return Finding(found.rule, found.severity, found.message, "it has another place", f"write {elsewhere}", found.marks)


def _wrong_value(name: str, details: ErrorDetails, field: FieldInfo | None, *, hide: bool) -> tuple[str, str]:
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    shown = f" {json.dumps(given, ensure_ascii=False)}" if isinstance(given, str | int | float) and not hide else ""
    example = _example(name, field, given)
    example = f"{'write' if field and ':' in example else 'correct'} {example}"
    if kind == "bool_type" and (truth := TRUTHS.get(str(given).lower())):
        example = f"write {name}: {truth}; YAML reads {given} as text"
    if given is False and KINDS.get(kind) == "a mapping":
        example = f"remove {name}, or write {name}: null where the base file has it"
    if kind in KINDS:
        hint = f'write it in quotes: "{shown.strip()}"' if kind == "string_type" and shown else example
        return f"{name} must be {KINDS[kind]}, not {_kind_of(given)}{shown}", hint
    if kind == "literal_error":
        return f"{name}{shown} must be {context['expected']}", f"write {context['expected']}"
    if kind == "too_short":
        return f"{name} must not be empty", example
    if kind in BOUNDS:
        key, words = BOUNDS[kind]
        return f"{name}{shown} must be {words} {context[key]}", example
    if kind == "string_pattern_mismatch":
        return f"{name}{shown} {PATTERN_WORDS.get(context['pattern'], 'is not well formed')}", example
    shown = "" if kind == "json_invalid" else shown
    fix = example if "{" in example or not isinstance(given, dict) else f"correct {name}"
    return f"{name}{shown}: {details['msg'].removeprefix('Value error, ')}", fix


def _fields_along(record: type[Record], keys: Path) -> tuple[Mapping[str, FieldInfo], FieldInfo | None]:
    """The keys known where the last key stands, and the field that it belongs to."""
    known: Mapping[str, FieldInfo] = _aliased(record)
    field: FieldInfo | None = None
    for key in keys[:-1]:
        if key in known:
            field = known[key]
            inner = _record_in(field.annotation)
            known = _aliased(inner) if inner else {}
    return known, known.get(keys[-1], field) if keys else None


def _aliased(record: type[Record]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in record.model_fields.items()}


def _record_in(annotation: Any) -> type[Record] | None:
    """The record that an annotation holds, directly, as an option or as what a mapping or a list holds."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, Annotated, dict, list):
        return next((found for part in get_args(annotation) if (found := _record_in(part))), None)
    return None


def _purpose(field: FieldInfo | None) -> str:
    text = " ".join((field.description or "").split()) if field else ""
    return text.rstrip(".").split(". ")[0] if text else "the configuration language wants it so"


def _example(name: str, field: FieldInfo | None, given: Any = None) -> str:
    """A key with the example of its value that is most like what was given."""
    name = (field and field.alias) or name
    examples = (field.examples or [None if field.is_required() else field.default]) if field else [None]
    value = max(examples, key=lambda example: _likeness(example, given))
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return name if value is None or isinstance(value, Record) else f"{name}: {shown}"


def _likeness(one: Any, other: Any) -> int:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return int(one == other)
    return 1 + sum(1 + _likeness(one[key], other[key]) for key in one.keys() & other.keys())


def _kind_of(value: Any) -> str:
    kinds = {str: "text", bool: "the truth value", list: "a list", dict: "a mapping", type(None): "nothing"}
    return kinds.get(type(value), "the number")
