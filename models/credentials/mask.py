"""The mask: hides credentials in values, in texts such as log lines, and in parts of Kubernetes objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from models.credentials.assignments import (
    argument_ranges,
    assignments,
    command_before,
)
from models.credentials.commands import command_ranges
from models.credentials.names import is_credential_name
from models.credentials.shapes import certain_ranges
from models.credentials.tokens import Range
from models.credentials.values import is_harmless, is_shown

HIDDEN = "***"
"""Replaces a value that is not shown."""

CHANGED = "*** (changed)"
"""Replaces the new value of a credential whose old value is hidden as well."""

Path = tuple[str, ...]

_USER_TEXT = re.compile(
    r"""(?x)
    (?<!\w) "(?:[^"\\\n]|\\.){1,4096}"
    | (?<!\w) '[^'\n]{1,4096}'
    | (?<!\S) [\w./-]{1,200}=[^\s"']{1,4096}
    """
)
"""Texts of the user in a message: in quotes, or an assignment."""

_FLAG_NAME = re.compile(r"--?[A-Za-z][\w-]*=?")
_REFERENCES = frozenset(
    {
        "secretName",
        "secretRef",
        "secretKeyRef",
        "imagePullSecrets",
        "configMapKeyRef",
        "fieldRef",
    }
)
"""Keys of Kubernetes objects below which names of objects stand, and no values."""


_VALUE_KEYS = frozenset({"value", "val", "content", "text", "plain", "literal"})
"""Keys of a mapping whose value belongs to the name of the mapping: `{name: DB_PASS, value: …}`."""

_NAME_KEYS = ("name", "key", "header")
_SECRET_DATA = ("data", "stringData")
"""Keys of a Secret with its values."""


@dataclass(frozen=True)
class NamedText:
    """A text in a structure of mappings and lists, with the name under which it could be a credential."""

    path: Path
    name: str
    text: str


def is_certain(text: str) -> bool:
    """Whether a text contains a credential by its shape."""
    return any(True for _ in certain_ranges(text))


def is_likely(name: str, text: str) -> bool:
    """Whether a text is named like a credential, or assigns a value to such a name: `export DB_PASS=…`."""
    if is_credential_name(name) and not is_harmless(name, text):
        return True
    return any(
        not is_harmless(assigned, text[start:end])
        for assigned, start, end in assignments(text)
    )


def is_credential(name: str, text: str) -> bool:
    """Whether a text is a credential by its shape or, if it is not harmless, by its name."""
    return is_certain(text) or is_likely(name, text)


def masked_value(name: str, value: str) -> str:
    """A value under its name, without credentials."""
    if is_credential_name(name) and not is_shown(name, value):
        return HIDDEN
    return masked(value)


@lru_cache(maxsize=1024)
def masked(text: str) -> str:
    """A text such as a log line, without the credentials in it."""
    if text.isascii() and text.isalnum():
        return without_shapes(text)
    ranges = list(certain_ranges(text))
    for name, start, end in assignments(text):
        if not is_shown(name, text[start:end]):
            ranges.append((start, end))
    return _without(text, ranges)


@lru_cache(maxsize=1024)
def without_shapes(text: str) -> str:
    """A message without the credentials in it that are known by their shape."""
    return _without(text, certain_ranges(text))


@lru_cache(maxsize=1024)
def masked_message(message: str) -> str:
    """A message without credentials that are known by their shape or as a password in a command, or that a text in it
    assigns to their names.

    A name before a colon is not masked: `write env.HF_TOKEN: {secret: …}`.
    """
    without_commands = _without(message, command_ranges(message))
    return _USER_TEXT.sub(
        lambda match: masked(match[0]), without_shapes(without_commands)
    )


@lru_cache(maxsize=1024)
def starred_shapes(line: str) -> str:
    """A line of a file with stars for the credentials in it that are known by their shape. Its length stays."""
    for start, end in certain_ranges(line):
        line = line[:start] + stars(line[start:end]) + line[end:]
    return line


def masked_pair(
    name: str, old: str | None, new: str | None
) -> tuple[str | None, str | None]:
    """Both values of a change without credentials; a changed credential stays visible as a change."""
    shown_old = None if old is None else masked_value(name, old)
    shown_new = None if new is None else masked_value(name, new)
    if old is not None and old != new and shown_old == shown_new:
        return shown_old, CHANGED
    return shown_old, shown_new


def masked_tree(value: Any, name: str = "") -> Any:
    """A part of an object without credentials. Names of Secrets and their keys stay.

    Args:
        value: Mappings, lists and scalars as JSON has them.
        name: The key of the value.
    """
    if isinstance(value, dict):
        return {
            masked(str(key)): _masked_item(key, item, value, name)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return _masked_items(value, name)
    if isinstance(value, str):
        return masked_value(name, value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and masked_value(name, str(value)) == HIDDEN:
        return HIDDEN
    return value


def named_texts(
    value: Any, path: Path = (), name: str = "", command: Sequence[Any] = ()
) -> Iterator[NamedText]:
    """Every text below a value. Its name is its key, the variable that it is for, or the flag before it.

    Args:
        value: Mappings, lists and scalars.
        path: Its path.
        name: Its key.
        command: The words before it, if it is the arguments of a container.
    """
    if isinstance(value, str):
        yield NamedText(path, name, value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _REFERENCES:
                continue
            item_name = str(key)
            if key in _VALUE_KEYS:
                item_name = _name_of_value(value, name) or item_name
            words = command_before(item_name, value)
            yield from named_texts(item, (*path, str(key)), item_name, words)
    elif isinstance(value, list):
        passwords = argument_ranges(value, command)
        for index, item in enumerate(value):
            item_name = _flag_before(value, index) or name
            if index in passwords:
                item_name = "password"
            yield from named_texts(item, (*path, str(index)), item_name)


def stars(text: str) -> str:
    """A text of the same length without content; spaces stay."""
    return re.sub(r"\S", "*", text)


def _masked_item(key: str, item: Any, mapping: dict[str, Any], name: str) -> Any:
    """An item of a mapping, which may be the value of the mapping's name."""
    if key in _REFERENCES:
        return masked_tree(item)
    if mapping.get("kind") == "Secret" and key in _SECRET_DATA:
        return dict.fromkeys(item, HIDDEN) if isinstance(item, dict) else HIDDEN
    if key in _VALUE_KEYS:
        return masked_tree(item, _name_of_value(mapping, name) or key)
    if isinstance(item, list):
        return _masked_items(item, key, command_before(key, mapping))
    return masked_tree(item, key)


def _name_of_value(mapping: dict[str, Any], name: str) -> str:
    """The name under which the value of a mapping could be a credential: one of its own, or the key of the mapping."""
    own = (str(mapping.get(key) or "") for key in _NAME_KEYS)
    return next(filter(is_credential_name, (*own, name)), "")


def _masked_items(
    items: list[Any], name: str, command: Sequence[Any] = ()
) -> list[Any]:
    """The items of a list without credentials. A list of texts may be the arguments of a command."""
    passwords = argument_ranges(items, command)
    shown = []
    for index, item in enumerate(items):
        visible = item
        if isinstance(item, str):
            visible = _without(item, passwords.get(index, ()))
        shown.append(masked_tree(visible, _flag_before(items, index) or name))
    return shown


def is_flag(text: str) -> bool:
    """Whether an item of an argument list is the name of a flag, without a value: `--token`, `--token=`."""
    return _FLAG_NAME.fullmatch(text) is not None


def _flag_before(items: list[Any], index: int) -> str:
    """The flag whose value an item of an argument list is: `--token`, `x`."""
    if index == 0:
        return ""
    before = items[index - 1]
    if isinstance(before, str) and is_flag(before):
        return before
    return ""


def _without(text: str, ranges: Iterable[Range]) -> str:
    """The text with HIDDEN in the place of each range; overlapping ranges are joined."""
    parts = []
    position = 0
    for start, end in sorted(ranges):
        if end <= position:
            continue
        if start >= position:
            parts.append(text[position:start])
            parts.append(HIDDEN)
        position = end
    parts.append(text[position:])
    return "".join(parts)
