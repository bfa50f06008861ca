"""The mappings that a text or a list stands for: JSON, flags of a command line, and variables."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic.alias_generators import to_camel

from models.credentials import holds_hidden, is_hidden
from models.yaml_scalar import plain_scalar

_MOST_TEXT = 10_000
"""Characters of a text that is read as a mapping."""


def mapping_readings(refused: Any) -> Iterator[dict[str, Any]]:
    """The mappings that a refused value stands for: first with numbers and truth values, then with texts only.

    Args:
        refused: A text such as `--seed 1`, or a list such as `[--seed=1]`, `[A=1]` and `[{name: A, value: b}]`.
    """
    if isinstance(refused, str):
        yield from _mapping_of_json(refused)
        refused = _words(refused)
    if not isinstance(refused, list) or not refused:
        return
    yield from _named_mappings(refused)
    entries = _entries(refused)
    if entries is None or any(is_hidden((name,), value) for name, value in entries):
        return
    yield {name: plain_scalar(value) for name, value in entries}
    yield dict(entries)


def _named_mappings(items: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """The mapping of a list whose items are mappings with a name, such as pools."""
    named: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            return
        if item.keys() <= {"name", "value", "valueFrom"}:
            return
        further = {key: value for key, value in item.items() if key != "name"}
        named[item["name"]] = further
    if len(named) == len(items) and not holds_hidden((), named):
        yield named


def _mapping_of_json(text: str) -> Iterator[dict[str, Any]]:
    if len(text) > _MOST_TEXT or not text.strip().startswith("{"):
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(value, dict) and not holds_hidden((), value):
        yield value


def _words(text: str) -> list[str]:
    """The words of a command line; empty for a text that is none."""
    if len(text) > _MOST_TEXT or not text.strip().startswith("--"):
        return []
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _entries(items: Sequence[Any]) -> list[tuple[str, str]] | None:
    """The keys and values of a list of flags or variables; None if an item is neither."""
    if all(isinstance(item, str) for item in items):
        if items[0].startswith("--"):
            return _flags(items)
        return _variables(items)
    entries = []
    for item in items:
        if not isinstance(item, dict) or item.keys() != {"name", "value"}:
            return None
        entries.append((str(item["name"]), str(item["value"])))
    return entries


def _flags(words: Sequence[str]) -> list[tuple[str, str]] | None:
    """The keys and values of flags: `--seed=1`, `--seed 1`, `--disable-log-stats`. None if a word is no flag."""
    entries: list[tuple[str, str]] = []
    is_open = False
    for word in words:
        parts = word.split(" ", 1) if word.startswith("--") else [word]
        for part in parts:
            if part.startswith("--"):
                name, equals, value = part.removeprefix("--").partition("=")
                entries.append((_key(name), value if equals else "true"))
                is_open = not equals
            elif is_open:
                entries[-1] = (entries[-1][0], part)
                is_open = False
            else:
                return None
    return entries


def _key(flag: str) -> str:
    """The name of a flag as keys are written."""
    return to_camel(flag.replace("-", "_"))


def _variables(items: Sequence[str]) -> list[tuple[str, str]] | None:
    """The keys and values of `A=1`; None if an item has another form."""
    entries = []
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name:
            return None
        entries.append((name, value))
    return entries
