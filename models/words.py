"""Numbers, durations and types in words, the same in every text; and the columns that a text takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unicodedata import east_asian_width

_MINUTE = 60
_HOUR = 3600
_DAY = 86400


def counted(number: int, noun: str) -> str:
    """A number of things: `1 NPU`, `8 NPUs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(items: Sequence[str]) -> str:
    """A list of things: `a, b and c`."""
    return _joined(items, "and")


def either(items: Sequence[str]) -> str:
    """A choice of things: `a, b or c`."""
    return _joined(items, "or")


def duration(seconds: float) -> str:
    """A duration in its largest useful unit: `75 s`, `8 min`, `3 h`, `2 d`."""
    whole = int(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 90 * _MINUTE:
        return f"{whole // _MINUTE} min"
    if whole < 48 * _HOUR:
        return f"{whole // _HOUR} h"
    return f"{whole // _DAY} d"


def type_in_words(value: Any) -> str:
    """The type of a value in a YAML file, before the value itself: `text "8"`, `the number 8`, `a list`."""
    types = {
        str: "text",
        bool: "the truth value",
        list: "a list",
        dict: "a mapping",
        type(None): "nothing",
    }
    return types.get(type(value), "the number")


def display_width(text: str) -> int:
    """The number of terminal columns of a text; a Chinese character takes two."""
    columns = 0
    for character in text:
        columns += 2 if east_asian_width(character) in "WF" else 1
    return columns


def _joined(items: Sequence[str], word: str) -> str:
    *first, last = items
    if not first:
        return last
    return f"{', '.join(first)} {word} {last}"
