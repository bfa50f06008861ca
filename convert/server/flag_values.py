"""Reads the words after a flag into a value of the flag's type, as the parser of the release does."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from convert.placeholder import PLACEHOLDER
from models.engines.flags import Flag, suffixed_number

_NOT_SET = ("None", "")
"""The words that mean null, for a flag that accepts it."""


@dataclass(frozen=True)
class FlagValue:
    """The value of a flag."""

    value: Any
    """A value that has not the flag's type remains text."""
    surplus: list[str] = field(default_factory=list)
    """The words that the flag does not take."""


def flag_value(flag: Flag, words: list[str]) -> FlagValue:
    """The value of a flag, from the words up to the next flag."""
    if flag.kind == "flag":
        return FlagValue(True, words)
    if flag.kind == "list":
        return FlagValue([typed(flag, word) for word in words])
    if flag.kind == "bool":
        return FlagValue(_boolean(words), words[1:])
    if not words and flag.optional_value:
        return FlagValue(True)
    if not words:
        return FlagValue("")
    value = typed(flag, words[0])
    if flag.kind == "append":
        value = [value]
    return FlagValue(value, words[1:])


def typed(flag: Flag, text: str) -> Any:
    """The value of a text for a flag; the text if it has another type."""
    if PLACEHOLDER.search(text):
        return text
    if flag.null and text in _NOT_SET:
        return None
    if flag.suffixes:
        number = suffixed_number(text)
        if number is not None:
            return number
    read = _TYPES.get(flag.type or "")
    if not read:
        return text
    try:
        return read(text)
    except (ValueError, OverflowError, RecursionError):
        return text


def field_value(words: Sequence[str]) -> Any:
    """The value of one field of a JSON flag, such as the words after `--compilation-config.mode`."""
    if not words:
        return True
    text = words[0]
    try:
        return _json(text)
    except (ValueError, OverflowError, RecursionError):
        return text


def with_field(
    value: Any,
    path: Sequence[str],
    inner: Any,
) -> dict[str, Any]:
    """A mapping with one field more, which may be below other fields."""
    result: dict[str, Any] = {}
    if isinstance(value, dict):
        result.update(value)
    name, *further = path
    if further:
        inner = with_field(result.get(name), further, inner)
    result[name] = inner
    return result


def _boolean(words: Sequence[str]) -> bool | str:
    if not words:
        return True
    text = words[0].lower()
    return {"true": True, "false": False}.get(text, text)


def _number(text: str) -> int | float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    if number.is_integer() and abs(number) < 1e15:
        return int(number)
    return number


def _json(text: str) -> Any:
    value = json.loads(text)
    json.dumps(
        value, ensure_ascii=False, allow_nan=False
    ).encode()  # raises ValueError if it cannot be written
    return value


def _pairs(text: str) -> dict[str, int]:
    counts = {}
    for pair in text.split(","):
        name, _, count = pair.partition("=")
        counts[name] = int(count)
    return counts


_TYPES: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": _number,
    "json": _json,
    "pairs": _pairs,
}
