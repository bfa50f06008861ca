"""The objects of config.yaml: every document and every list, each value with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from convert.note import Note, assumed, dropped
from models.finding import Finding, Path, Span
from models.stack_file.yaml_file import YamlFile, read_yaml

_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_END = re.compile(r"^\.\.\.\s*$|^%.*$", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]*\t[ \t]*", re.MULTILINE)


@dataclass(frozen=True)
class Object:
    """A Kubernetes object, or a part of one, in its file."""

    value: Any
    file: str
    spans: Mapping[Path, Span]
    path: Path = ()

    def at(self, *keys: str | int) -> Object:
        """What stands below keys; nothing when there is no such thing."""
        value = self.value
        for key in keys:
            if isinstance(value, dict):
                value = value.get(str(key))
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                value = None
        return Object(value, self.file, self.spans, (*self.path, *map(str, keys)))

    def items(self) -> list[Object]:
        """The items of a list; of anything else none."""
        return [self.at(index) for index in range(len(self.value))] if isinstance(self.value, list) else []

    def mapping(self) -> dict[str, Any]:
        """The value if it is a mapping, else an empty one."""
        return self.value if isinstance(self.value, dict) else {}

    def text(self) -> str:
        """The value as text; nothing when it is none, or no scalar."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        return "" if self.value is None or isinstance(self.value, dict | list) else str(self.value)

    @property
    def kind(self) -> str:
        """`Deployment`."""
        return self.at("kind").text()

    @property
    def line(self) -> int:
        """The line that it stands on, or that of what holds it."""
        path = self.path
        while path and path not in self.spans:
            path = path[:-1]
        if path in self.spans:
            return self.spans[path].line
        return min((span.line for below, span in self.spans.items() if below[: len(path)] == path), default=0)


@dataclass(frozen=True)
class Manifest:
    """What a file of objects holds."""

    objects: tuple[Object, ...]
    findings: tuple[Finding, ...]
    """Errors of its form."""
    notes: tuple[Note, ...]


def read_manifest(file: str, text: str) -> Manifest:
    """Read a file of objects; a document that is no YAML becomes a finding.

    Args:
        file: Its name, for the notes.
        text: Its content.
    """
    objects: list[Object] = []
    findings: list[Finding] = []
    notes: list[Note] = []
    for part in _documents(text):
        read = _read(file, part, notes)
        findings += [one for one in read.findings if one.rule != "duplicate-key"]
        notes += [
            assumed(one.message, "the last one counts", file, one.span.line)
            for one in read.findings
            if one.rule == "duplicate-key" and one.span
        ]
        objects += _objects(Object(read.value, file, read.spans), notes)
    return Manifest(tuple(objects), tuple(findings), tuple(notes))


def _documents(text: str) -> Iterator[str]:
    """The documents of a stream, each on its own lines of the file."""
    text = _END.sub("", text)
    starts = [0, *(found.start() for found in _DOCUMENT.finditer(text)), len(text)]
    for start, end in pairwise(starts):
        yield "\n" * text.count("\n", 0, start) + _DOCUMENT.sub("   ", text[start:end], count=1)


def _read(file: str, text: str, notes: list[Note]) -> YamlFile:
    """Read a document; tabs at the beginning of lines, which YAML refuses, count as blanks."""
    read = read_yaml(file, text)
    if "\t" in text and _is_unreadable(read):
        for width in (4, 2, 8):
            blanks = " " * width
            again = read_yaml(file, _without_tabs(text, blanks))
            if not _is_unreadable(again):
                notes.append(assumed(f"{width} blanks for each tab", "kubectl refuses tabs in YAML", file))
                return again
    return read


def _without_tabs(text: str, blanks: str) -> str:
    """A text with blanks for each tab of the indentation, and one for any other."""
    return _INDENT.sub(lambda found: found[0].replace("\t", blanks), text).replace("\t", " ")


def _is_unreadable(read: YamlFile) -> bool:
    return any(finding.rule == "yaml-syntax" for finding in read.findings)


def _objects(found: Object, notes: list[Note]) -> Iterator[Object]:
    if found.value is None:
        return
    if not isinstance(found.value, dict) or not found.kind:
        notes.append(dropped("a document", "it is no Kubernetes object with a kind", found.file, found.line))
    elif found.kind.endswith("List") and isinstance(found.value.get("items"), list):
        for item in found.at("items").items():
            yield from _objects(item, notes)
    else:
        yield found
