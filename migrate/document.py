"""A stack file that is edited in place: comments, order and quotes of the rest stay unchanged."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap

from migrate.comments import put, take_out
from migrate.yaml_layout import empty_inline, inline, line_end_of, yaml_of
from models.finding import Path
from models.stack_file.keys.service import SHORTHANDS

_MERGE = re.compile(r"<<\s*:")
"""The key that merges another mapping into its own one."""

_BYTE_ORDER_MARK = "\ufeff"

_PATH_OF_SERVICE_KEY = len(("services", "qwen", "engine"))


class StackDocument:
    """The text of a stack file. Paths are those of the program: they begin with `services`, `cluster` or `accept`."""

    def __init__(self, text: str, prefix: str, base: Mapping[str, Any]) -> None:
        """
        Args:
            text: The text of the stack file.
            prefix: The name of the project, the prefix of its keys.
            base: The services of the base file; empty if the stack has none.
        """
        self._line_end = line_end_of(text)
        self._mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
        text = text.removeprefix(self._mark).replace("\r\n", "\n")
        self._yaml = yaml_of(text)
        self._document: CommentedMap = self._yaml.load(text)
        self._prefix = prefix
        self._base = base

    @property
    def text(self) -> str:
        """The text with all edits, and with the line ends of the file."""
        return self._mark + self._plain_text().replace("\n", self._line_end)

    def _plain_text(self) -> str:
        target = io.StringIO()
        self._yaml.dump(self._document, target)
        return target.getvalue()

    def value(self, path: Path) -> Any:
        """The value at a path, of the stack file or of its base file; None if there is none."""
        value = _found(self._document, self._in_document(path))
        if value is None and path[0] == "services":
            return self._value_of_base(path)
        return value

    def write(self, path: Path, value: Any) -> None:
        """Set a value. Mappings above it that are missing are added."""
        *above, key = path
        parent = self._writable(above, key)
        if isinstance(parent, list):
            parent[int(key)] = inline(value)
        else:
            put(parent, key, inline(value))

    def remove(self, path: Path) -> None:
        """Remove a value. One of the base file is removed by `null`, as a merge patch does it (RFC 7386)."""
        *above, key = path
        parent = self._writable(above, key)
        if isinstance(parent, list):
            del parent[int(key)]
            return
        take_out(parent, key)
        self._read_merges_again()
        if self._value_of_base(path) is not None:
            put(self._writable(above, key), key, None)
            return
        if not self._writable(above, key):
            self._remove_empty(path[:-1])

    def _remove_empty(self, path: Path) -> None:
        """Remove a mapping that became empty, unless it is a service or the base file has it too."""
        if len(path) < _PATH_OF_SERVICE_KEY:
            return
        if self._value_of_base(path) is None:
            self.remove(path)

    def _read_merges_again(self) -> None:
        """Read the edited text again if it merges mappings (`<<`): they still have a key that was removed."""
        text = self._plain_text()
        if _MERGE.search(text):
            self._document = self._yaml.load(text)

    def _value_of_base(self, path: Path) -> Any:
        """The value of the base file at a path; None if it has none."""
        if path[0] != "services":
            return None
        return _found(self._base, path[1:])

    def _writable(self, path: Sequence[str], next_key: str) -> Any:
        """The mapping or the list at a path, to change a key in it.

        A missing mapping is added, and a shorthand is written out: `graph: eager` as `graph: {kind: eager}`.
        """
        place: Any = self._document
        keys = self._in_document(path)
        next_keys = (*keys[1:], next_key)
        for key, key_below in zip(keys, next_keys, strict=True):
            if isinstance(place, list):
                place = place[int(key)]
            else:
                place = _child(place, key, key_below)
        return place

    def _in_document(self, path: Sequence[str]) -> Path:
        """A path of the program as the file has it: under `config`, with the name of the project."""
        if not path:
            return ("config",)
        first, *rest = path
        return ("config", f"{self._prefix}:{first}", *rest)


def _child(mapping: CommentedMap, key: str, key_below: str) -> Any:
    """The mapping or the list of a key. If there is none, a mapping is added, with the value of a shorthand."""
    value = mapping.get(key)
    if isinstance(value, dict | list):
        return value
    child = empty_inline()
    for owner, inner_key in SHORTHANDS:
        is_kept = inner_key != key_below and value not in (None, True)
        if owner == key and is_kept:
            child[inner_key] = value
    put(mapping, key, child)
    return child


def _found(place: Any, path: Path) -> Any:
    """The value at a path below a mapping or a list; None if there is none."""
    for key in path:
        if isinstance(place, Mapping):
            place = place.get(key)
        elif isinstance(place, list) and key.isdigit() and int(key) < len(place):
            place = place[int(key)]
        else:
            return None
    return place
