"""Errors of shape: what pydantic refuses, said in the words of the configuration language."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from models.catalog.engines import find_flag, plain_name
from models.finding import Finding, Mark, Path
from models.typed import Typed

T = TypeVar("T", bound=Typed)

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_PATTERNS = {
    r"^/[^\x00]*$": "must be an absolute path",
    r"^[a-z]([-a-z0-9]*[a-z0-9])?$": "must consist of a-z, 0-9 and -, begin with a letter and not end in -",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "must be a variable's name: letters, digits and _",
    r"^[^\x00]*$": "must not hold a NUL character",
    r"^[^\x00\r\n]+$": "must be one line of text that is not empty",
    r"^[^-\x00\r\n][^\x00\r\n]*$": "must be one line of text that does not begin with -",
    r"^\S+$": "must be an image's name, without spaces",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
    "string_too_long": ("max_length", "no longer than"),
    "string_too_short": ("min_length", "no shorter than"),
}
_ELSEWHERE = {
    "enforceeager": "graph: eager",
    "host": "server.host",
    "port": "server.port",
    "chattemplate": "server.chatTemplate",
    "tp": "engine.tensorParallelSize",
    "model": "model.source",
}


def parse(record: type[T], value: Any, path: Path) -> tuple[T | None, list[Finding]]:
    """A record made of a value, or None and every error of its shape.

    The keys of mappings come in alphabetical order, as the engine hands them over.

    Args:
        record: The record wanted.
        value: What the stack gives, as plain data.
        path: Where the value stands, for the findings.
    """
    try:
        return record.model_validate_json(json.dumps(value, sort_keys=True)), []
    except ValidationError as refused:
        return None, [_finding(record, path, details) for details in refused.errors(include_url=False)]


def _finding(record: type[Typed], path: Path, details: ErrorDetails) -> Finding:
    unknown = details["type"] == "extra_forbidden"
    loc = [key for key in details["loc"] if key != "[key]" or unknown]
    keys = tuple(map(str, loc))
    fields, field = _fields_along(record, keys)
    where = Mark((*path, *keys))
    if unknown:
        return _unknown_key(where, keys[-1], fields, keys)
    name = json.dumps([*path, *keys][-1], ensure_ascii=False)[1:-1]
    if isinstance(loc[-1] if loc else "", int):
        name = f"{keys[-2]}[{name}]"
    if details["type"] == "missing":
        why, fix = _purpose(field), f"add {_example(name, field)}"
        return Finding("missing-key", "error", f"{name} is missing", why, fix, (Mark(where.path[:-1]), where))
    message, fix = _wrong_value(name, details, field)
    return Finding("bad-value", "error", message, _purpose(field), fix, (where,))


def unknown_key(where: Mark, name: str, known: Mapping[str, Any]) -> Finding:
    """A key that the configuration language does not have, with the nearest that it has."""
    near = nearest(name, known)
    fix = f"write {near}" if near else f"remove it; known here: {', '.join(known)}"
    return Finding(
        "unknown-key", "error", f"unknown key {name!r}", "a key that nothing reads is a mistake", fix, (where,)
    )


def nearest(name: str, known: Mapping[str, Any]) -> str | None:
    """The known key that a name probably means; case, `-` and `_` do not count."""
    plain = {plain_name(key): key for key in known}
    close = get_close_matches(plain_name(name), plain, n=1, cutoff=0.7)
    return plain[close[0]] if close else None


def _unknown_key(where: Mark, name: str, fields: Mapping[str, FieldInfo], keys: Path) -> Finding:
    found = unknown_key(where, name, fields)
    if nearest(name, fields):
        return found
    elsewhere = _ELSEWHERE.get(plain_name(name))
    if not elsewhere and keys[:1] in (("engine",), ("server",)) and (flag := find_flag(name)):
        elsewhere = f"{keys[0]}.extraArgs: {{{flag.key}: …}}"
    if not elsewhere:
        return found
    return Finding(found.rule, found.severity, found.message, "it has another place", f"write {elsewhere}", found.marks)


def _wrong_value(name: str, details: ErrorDetails, field: FieldInfo | None) -> tuple[str, str]:
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    shown = f" {json.dumps(given, ensure_ascii=False)}" if isinstance(given, str | int | float | bool) else ""
    example = f"write {_example(name, field)}"
    if kind in _KINDS:
        hint = f'write it in quotes: "{shown.strip()}"' if kind == "string_type" and shown else example
        return f"{name} must be {_KINDS[kind]}, not {_kind_of(given)}{shown}", hint
    if kind == "literal_error":
        return f"{name}{shown} must be {context['expected']}", f"write {context['expected']}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{name}{shown} must be {words} {context[key]}", example
    if kind == "string_pattern_mismatch":
        return f"{name}{shown} {_PATTERNS.get(context['pattern'], 'is not well formed')}", example
    return f"{name}{shown}: {details['msg'].removeprefix('Value error, ')}", example


def _fields_along(record: type[Typed], keys: Path) -> tuple[Mapping[str, FieldInfo], FieldInfo | None]:
    """The keys known where the last key stands, and the field that it belongs to."""
    known: Mapping[str, FieldInfo] = _aliased(record)
    field: FieldInfo | None = None
    for key in keys[:-1]:
        if key in known:
            field = known[key]
            inner = _record_in(field.annotation)
            known = _aliased(inner) if inner else {}
    return known, known.get(keys[-1], field) if keys else None


def _aliased(record: type[Typed]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in record.model_fields.items()}


def _record_in(annotation: Any) -> type[Typed] | None:
    """The record that an annotation holds, directly, as an option or as the values of a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, Typed):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, Annotated, dict):
        return next((found for part in get_args(annotation) if (found := _record_in(part))), None)
    return None


def _purpose(field: FieldInfo | None) -> str:
    text = " ".join((field.description or "").split()) if field else ""
    return text.rstrip(".").split(". ")[0] if text else "the configuration language wants it so"


def _example(name: str, field: FieldInfo | None) -> str:
    if field is None:
        return name
    value = (field.examples or [None if field.is_required() else field.default])[0]
    name = field.alias or name
    if value is None:
        return name
    return f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def _kind_of(value: Any) -> str:
    kinds = {
        str: "text",
        bool: "the truth value",
        int: "the number",
        float: "the number",
        list: "a list",
        dict: "a mapping",
    }
    return kinds.get(type(value), "nothing")
