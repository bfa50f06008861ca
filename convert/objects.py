"""Reads the Kubernetes objects of a file: every document and every list, each value with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from convert.note import Note, Notes, Place
from models.finding import Finding, Path, Span
from models.stack_file.yaml_file import YamlFile, read_yaml

_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_END_OR_DIRECTIVE = re.compile(r"^\.\.\.\s*$|^%.*$", re.MULTILINE)
_INDENT_WITH_TAB = re.compile(r"^[ \t]*\t[ \t]*", re.MULTILINE)
NO_OBJECT = "it is not a Kubernetes object: it has no kind"
_TAB_WIDTHS = (4, 2, 8)
"""The widths of a tab that are tried, the most usual first."""


@dataclass(frozen=True)
class Object:
    """A Kubernetes object, or a part of one."""

    value: Any
    file: str
    spans: Mapping[Path, Span]
    path: Path = ()

    def at(self, *keys: str | int) -> Object:
        """The part below some keys; its value is None if there is no such part."""
        value = self.value
        for key in keys:
            value = _below(value, key)
        path = self.path + tuple(str(key) for key in keys)
        return Object(
            value=value,
            file=self.file,
            spans=self.spans,
            path=path,
        )

    def items(self) -> list[Object]:
        """The items of a list; empty for any other value."""
        if not isinstance(self.value, list):
            return []
        indices = range(len(self.value))
        return [self.at(index) for index in indices]

    def mapping(self) -> dict[str, Any]:
        """The value if it is a mapping, else an empty mapping."""
        if isinstance(self.value, dict):
            return self.value
        return {}

    def text(self) -> str:
        """The value as text; empty for None, a mapping and a list."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if self.value is None or isinstance(self.value, dict | list):
            return ""
        return str(self.value)

    @property
    def kind(self) -> str:
        """The kind of the object: `Deployment`."""
        return self.at("kind").text()

    @property
    def name(self) -> str:
        """`metadata.name` of the object."""
        return self.at("metadata", "name").text()

    @property
    def labels(self) -> dict[str, Any]:
        """`metadata.labels` of the object."""
        return self.at("metadata", "labels").mapping()

    @property
    def annotations(self) -> dict[str, Any]:
        """`metadata.annotations` of the object."""
        return self.at("metadata", "annotations").mapping()

    @property
    def place(self) -> Place:
        """The line of the value, or of the mapping that would contain it."""
        path = self.path
        while path and path not in self.spans:
            path = path[:-1]
        span = self.spans.get(path)
        if span:
            return Place(self.file, span.line)
        lines = []
        for path_below, span_below in self.spans.items():
            if path_below[: len(path)] == path:
                lines.append(span_below.line)
        return Place(self.file, min(lines, default=0))


def _below(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(str(key))
    if not isinstance(value, list) or not isinstance(key, int):
        return None
    return value[key] if key < len(value) else None


@dataclass(frozen=True)
class ObjectFile:
    """The objects of a file."""

    objects: tuple[Object, ...]
    others: tuple[Object, ...]
    """Mappings without a kind, such as a Compose file."""
    findings: tuple[Finding, ...]
    """Errors of its YAML."""
    notes: tuple[Note, ...]


def read_objects(file: str, text: str) -> ObjectFile:
    """Read the objects of a file. A document that is not YAML becomes a finding.

    Args:
        file: The name of the file, for notes and findings.
        text: Its content.
    """
    objects: list[Object] = []
    others: list[Object] = []
    findings: list[Finding] = []
    notes = Notes()
    for document in _documents(text):
        yaml_file = _read_document(file, document, notes)
        for finding in yaml_file.findings:
            if finding.rule != "duplicate-key":
                findings.append(finding)
            elif finding.span:
                place = Place(file, finding.span.line)
                notes.assume(finding.message, "the last value counts", place)
        content = Object(yaml_file.value, file, yaml_file.spans)
        if isinstance(content.value, dict) and not content.kind:
            others.append(content)
        objects += _objects(content, notes)
    return ObjectFile(
        objects=tuple(objects),
        others=tuple(others),
        findings=tuple(findings),
        notes=tuple(notes),
    )


def _documents(text: str) -> Iterator[str]:
    """The documents of a file, each with as many empty lines before it as keep its line numbers."""
    text = _END_OR_DIRECTIVE.sub("", text)
    starts = [found.start() for found in _DOCUMENT.finditer(text)]
    for start, end in pairwise([0, *starts, len(text)]):
        lines_before = text.count("\n", 0, start)
        document = _DOCUMENT.sub("   ", text[start:end], count=1)
        yield "\n" * lines_before + document


def _read_document(
    file: str,
    text: str,
    notes: Notes,
) -> YamlFile:
    """Read a document. Tabs in the indentation, which YAML refuses, are read as spaces."""
    yaml_file = read_yaml(file, text)
    if "\t" not in text or yaml_file.is_readable:
        return yaml_file
    for width in _TAB_WIDTHS:
        candidate = read_yaml(file, _without_tabs(text, width))
        if candidate.is_readable:
            notes.assume(
                f"{width} spaces for each tab",
                "YAML allows no tabs in the indentation",
                Place(file),
            )
            return candidate
    return yaml_file


def _without_tabs(text: str, width: int) -> str:
    """The text with spaces instead of each tab of the indentation, and one space instead of any other tab."""

    def spaces(found: re.Match[str]) -> str:
        return found[0].replace("\t", " " * width)

    return _INDENT_WITH_TAB.sub(spaces, text).replace("\t", " ")


def _objects(content: Object, notes: Notes) -> Iterator[Object]:
    """The object of a document, or those of a `List`."""
    if content.value is None:
        return
    if not isinstance(content.value, dict) or not content.kind:
        notes.drop("a document", NO_OBJECT, content)
    elif _is_list(content):
        for item in content.at("items").items():
            yield from _objects(item, notes)
    else:
        yield content


def _is_list(content: Object) -> bool:
    """Whether an object is a `List` of objects, as `kubectl get` prints it."""
    items = content.at("items").value
    return content.kind.endswith("List") and isinstance(items, list)
