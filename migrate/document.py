"""A stack file that is edited in place: comments, order and quotes of the rest stay as they are."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from migrate.comments import put, take_out
from models.finding import Path
from models.stack_file.keys.service import SHORTHANDS

_WIDTH = 10_000
"""Characters of the longest line that is not wrapped."""
_MERGE = re.compile(r"<<\s*:")


def _indentation(text: str) -> int:
    """Spaces by which the file indents a mapping."""
    match = re.search(r"^config:[^\n]*\n(?:\s*(?:#[^\n]*)?\n)*( +)", text, re.MULTILINE)
    return len(match[1]) if match else 2


def _offset_of_dashes(text: str) -> int:
    """Spaces by which the file indents the dashes of a list."""
    match = re.search(
        r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n( *)- ", text, re.MULTILINE
    )
    if match is None:
        return 0
    return max(len(match[2]) - len(match[1]), 0)


class _Representer(RoundTripRepresenter):
    """Writes `null` where ruamel.yaml would write nothing."""

    def represent_null(self, _: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_null)


def _editable(value: Any) -> Any:
    """A value that can be edited again. A new mapping is written in one line."""
    if isinstance(value, CommentedMap) or not isinstance(value, Mapping):
        return value
    mapping = CommentedMap()
    mapping.fa.set_flow_style()
    for key, item in value.items():
        mapping[key] = _editable(item)
    return mapping


class StackDocument:
    """The text of a stack file. Paths are those of the program: they begin with `services`, `cluster` or `accept`."""

    def __init__(self, text: str, prefix: str, base: Mapping[str, Any]) -> None:
        """
        Args:
            text: The text of the stack file.
            prefix: The name of the project, the prefix of its keys.
            base: The services of the base file; empty if the stack has none.
        """
        self._yaml = YAML()
        self._yaml.Representer = _Representer
        self._yaml.preserve_quotes = True
        self._yaml.width = _WIDTH
        offset = _offset_of_dashes(text)
        self._yaml.indent(
            mapping=_indentation(text), sequence=offset + 2, offset=offset
        )
        self._document: CommentedMap = self._yaml.load(text)
        self._prefix = prefix
        self._base = base

    @property
    def text(self) -> str:
        """The text with all edits."""
        target = io.StringIO()
        self._yaml.dump(self._document, target)
        return target.getvalue()

    def write(self, path: Path, value: Any) -> None:
        """Set a value. Mappings above it that are missing are added."""
        mapping = self._mapping(path[:-1], path[-1])
        if isinstance(mapping, list):
            mapping[int(path[-1])] = _editable(value)
        else:
            put(mapping, path[-1], _editable(value))

    def remove(self, path: Path) -> None:
        """Remove a value. One of the base file is removed by `null`, as a merge patch does it (RFC 7386)."""
        mapping = self._mapping(path[:-1], path[-1])
        if isinstance(mapping, list):
            del mapping[int(path[-1])]
            return
        take_out(mapping, path[-1])
        self._read_merges_again()
        mapping = self._mapping(path[:-1], path[-1])
        if self._is_in_base(path):
            put(mapping, path[-1], None)
        elif not mapping and len(path) > 3 and not self._is_in_base(path[:-1]):
            self.remove(path[:-1])

    def _read_merges_again(self) -> None:
        """Read the edited text again if it merges mappings (`<<`): they still have a key that was removed."""
        text = self.text
        if _MERGE.search(text):
            self._document = self._yaml.load(text)

    def value(self, path: Path) -> Any:
        """The value at a path, of the stack file or of its base file; None if there is none."""
        span = self._found(self._document, self._in_document(path))
        if span is not None or path[0] != "services":
            return span
        return self._found(self._base, path[1:])

    def _mapping(self, path: Path, next_key: str) -> Any:
        """The mapping or the list at a path. A missing one is added, and a shorthand is written out."""
        place: Any = self._document
        keys = self._in_document(path)
        for index, key in enumerate(keys):
            if isinstance(place, list):
                place = place[int(key)]
                continue
            following = keys[index + 1] if index + 1 < len(keys) else next_key
            place = self._child(place, key, following)
        return place

    def _child(self, mapping: CommentedMap, key: str, following: str) -> Any:
        value = mapping.get(key)
        if isinstance(value, dict | list):
            return value
        child = CommentedMap()
        child.fa.set_flow_style()
        for owner, inner in SHORTHANDS:
            if owner == key and inner != following and value not in (None, True):
                child[inner] = value
        put(mapping, key, child)
        return child

    def _in_document(self, path: Path) -> Path:
        if not path:
            return ("config",)
        return ("config", f"{self._prefix}:{path[0]}", *path[1:])

    def _is_in_base(self, path: Path) -> bool:
        return path[0] == "services" and self._found(self._base, path[1:]) is not None

    def _found(self, place: Any, path: Path) -> Any:
        for key in path:
            if isinstance(place, Mapping):
                place = place.get(key)
            elif isinstance(place, list) and key.isdigit() and int(key) < len(place):
                place = place[int(key)]
            else:
                return None
        return place
