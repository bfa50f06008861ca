"""The fields of JSON flags such as `--compilation-config`: which exist, their types, and the errors in a value.

The types are those of vLLM's configuration. vLLM converts JSON with pydantic, so `"30000"` is a whole number and `1` is
true.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from models.engines.flags import plain_name
from models.engines.number_range import NumberRange, in_range

_MOST_NAMES = 20_000
"""Names whose nearest field is remembered: as many keys as a stack file may have."""

_LITERAL = re.compile(r"Literal\[(.*)\]")
_LIST = re.compile(r"list\[(.*)\]")
_DICT = re.compile(r"dict\[str, (.*)\]")
_SCALARS: Mapping[str, type[Any]] = {
    "bool": bool,
    "float": float,
    "int": int,
    "str": str,
}
_WORDS = {
    "None": "null",
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "str": "text",
}

_WITHOUT_TABLE: Mapping[str, tuple[type[Any], ...]] = {
    "AttentionBackendEnum": (str,),
    "DynamicShapesConfig": (dict,),
    "HiSparseConfig": (dict,),
    "LoadConfig": (dict,),
    "MLAPrefillBackendEnum": (str,),
    "Path": (str,),
    "QuantSpec": (str, dict),
}
"""Classes of vLLM whose fields the tables do not have, with the types of JSON that vLLM makes them of."""

_PLURALS = {
    "a number": "numbers",
    "a whole number": "whole numbers",
    "a mapping": "mappings",
}


@dataclass(frozen=True)
class JsonField:
    """A field of a JSON flag."""

    name: str
    type: str
    """The type as vLLM declares it: `int | None`, `list[str]`, `Literal['recompute', 'fail']`, `PassConfig`."""
    default: Any = None
    """The default; None also if the engine chooses it."""
    range: NumberRange | None = None
    """The range of the number; None if vLLM accepts any."""


@dataclass(frozen=True)
class JsonConfig:
    """The fields of a JSON flag, or of a mapping in one."""

    name: str
    """The class in vLLM: `CompilationConfig`."""
    where: str
    """File and line of the class."""
    fields: Mapping[str, JsonField]


@dataclass(frozen=True)
class JsonConfigs:
    """All configurations of a release that a flag or a field refers to."""

    configs: Mapping[str, JsonConfig]
    types: Mapping[str, Sequence[str]]
    """The values of each named type, such as `KVRole`."""


@dataclass(frozen=True)
class FieldProblem:
    """A part of a JSON flag that vLLM refuses."""

    path: tuple[str, ...]
    """The names of the fields, from the flag downwards: `("pass_config", "enable_sp")`."""
    message: str
    """The problem, without the path: `must be true or false`."""
    nearest: str | None = None
    """The known field that an unknown one probably means."""
    is_unknown: bool = False
    """Whether there is no such field."""


def field_problems(
    config: str, value: Mapping[str, Any], known: JsonConfigs
) -> list[FieldProblem]:
    """All problems with the fields of a JSON flag. Types that the tables do not explain are accepted.

    Args:
        config: The configuration, as in `Flag.config`.
        value: The value of the flag, with the names of vLLM (`cudagraph_mode`).
        known: The configurations of the release.
    """
    return list(_problems(config, value, known, ()))


def nearest_field(name: str, fields: Iterable[str]) -> str | None:
    """The field that a name probably means. Upper case, `-` and `_` do not count."""
    return _nearest(plain_name(name), tuple(fields))


@lru_cache(maxsize=_MOST_NAMES)
def _nearest(name: str, fields: tuple[str, ...]) -> str | None:
    plain = _by_plain_name(fields)
    close = get_close_matches(name, plain, n=1, cutoff=0.7)
    return plain[close[0]] if close else None


@lru_cache(maxsize=256)
def _by_plain_name(fields: tuple[str, ...]) -> dict[str, str]:
    return {plain_name(field): field for field in fields}


def _problems(
    config: str, value: Mapping[str, Any], known: JsonConfigs, path: tuple[str, ...]
) -> Iterator[FieldProblem]:
    fields = known.configs[config].fields
    for name, item in value.items():
        place = (*path, name)
        field = fields.get(name)
        if field is None:
            message = f"{config} has no field {name!r}"
            nearest = nearest_field(name, fields)
            yield FieldProblem(place, message, nearest, is_unknown=True)
        elif field.type in known.configs and isinstance(item, dict):
            yield from _problems(field.type, item, known, place)
        elif not _accepts(field, item, known):
            yield FieldProblem(place, f"must be {_expected(field.type, known)}")
        elif field.range and not in_range(field.range, item):
            yield FieldProblem(place, f"must be {field.range.words}")


def _accepts(field: JsonField, value: Any, known: JsonConfigs) -> bool:
    if value is None and field.default is None:
        return True  # vLLM sets these fields itself, and most of them accept null
    return _is_a(field.type, value, known)


def _is_a(type_: str, value: Any, known: JsonConfigs) -> bool:
    """Whether vLLM converts a value to a type."""
    return any(_is_one(part, value, known) for part in _alternatives(type_))


def _is_one(type_: str, value: Any, known: JsonConfigs) -> bool:
    """Whether vLLM converts a value to a type that is not a union."""
    choices = _choices(type_, known)
    if choices:
        return _comparable(value) in map(_comparable, choices)
    if type_ == "None":
        return value is None
    if type_ in _SCALARS:
        return _converts(type_, value)
    if type_ in _WITHOUT_TABLE:
        return isinstance(value, _WITHOUT_TABLE[type_])
    return _is_container(type_, value, known)


def _is_container(type_: str, value: Any, known: JsonConfigs) -> bool:
    """Whether a value is a list or mapping of a type; true for a type that is not known."""
    if type_ == "dict" or type_ in known.configs:
        return isinstance(value, dict)
    items = _LIST.fullmatch(type_)
    if items:
        if not isinstance(value, list):
            return False
        return all(_is_a(items[1], item, known) for item in value)
    items = _DICT.fullmatch(type_)
    if items:
        if not isinstance(value, dict):
            return False
        return all(_is_a(items[1], item, known) for item in value.values())
    return True


def _alternatives(type_: str) -> list[str]:
    """The types of a union, those in brackets not divided."""
    parts: list[str] = []
    for part in type_.split(" | "):
        if parts and parts[-1].count("[") > parts[-1].count("]"):
            parts[-1] += f" | {part}"
        else:
            parts.append(part)
    return parts


def _choices(type_: str, known: JsonConfigs) -> Sequence[Any]:
    """The values of a type that has only some; empty for any other type."""
    literal = _LITERAL.fullmatch(type_)
    if literal:
        values = literal[1].replace("'", '"')
        choices: list[Any] = json.loads(f"[{values}]")
        return choices
    return known.types.get(type_, ())


def _comparable(value: Any) -> Any:
    """The form in which a choice is compared: vLLM reads some of them in lower case and with `_` for `-`."""
    if isinstance(value, str):
        return value.lower().replace("-", "_")
    return value


def _converts(type_: str, value: Any) -> bool:
    """Whether pydantic converts a value in JSON to a type."""
    try:
        _adapter(type_).validate_json(json.dumps(value))
    except (ValidationError, ValueError):
        return False
    return True


@cache
def _adapter(type_: str) -> TypeAdapter[Any]:
    return TypeAdapter(_SCALARS[type_])


def _expected(type_: str, known: JsonConfigs) -> str:
    """The values of a type, in words."""
    words = [_expected_one(part, known) for part in _alternatives(type_)]
    return " or ".join(words)


def _expected_one(type_: str, known: JsonConfigs) -> str:
    choices = _choices(type_, known)
    if choices:
        return f"one of {', '.join(map(str, choices))}"
    if type_ in known.configs or _DICT.fullmatch(type_):
        return "a mapping"
    if type_ in _WITHOUT_TABLE:
        return " or ".join(_WORDS[kind.__name__] for kind in _WITHOUT_TABLE[type_])
    items = _LIST.fullmatch(type_)
    if items:
        return f"a list of {_expected_items(items[1], known)}"
    return _WORDS.get(type_, type_)


def _expected_items(type_: str, known: JsonConfigs) -> str:
    """The values of the items of a list, in words."""
    words = [_expected_one(part, known) for part in _alternatives(type_)]
    return " or ".join(_PLURALS.get(word, word) for word in words)
