"""YAML files with the place of every value: values as the engine reads them, spans for the findings."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # public, and missing in the stubs
from yaml.resolver import BaseResolver

from models.credentials import HIDDEN, is_hidden, masked_line, stars
from models.finding import Finding, Mark, Path, Span
from models.yaml_scalar import plain_scalar

_YAML = "tag:yaml.org,2002:"
_STRING = f"{_YAML}str"
_PLAIN = "plain"
_DEEPEST = 100
_MOST = 200_000
"""Values that a file may have once its aliases are written out; the engine refuses as many, too."""


class _Composer(CParser, BaseResolver):
    """Composes nodes and leaves plain scalars untyped, since YAML 1.1's types are not the engine's."""

    def __init__(self, stream: str) -> None:
        CParser.__init__(self, stream)
        BaseResolver.__init__(self)

    def resolve(self, kind: type[yaml.Node], _value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _STRING
        return f"{_YAML}seq" if kind is yaml.SequenceNode else f"{_YAML}map"


@dataclass
class YamlFile:
    """What a YAML file says: its value, the span of every key, and what is wrong with its form."""

    name: str
    value: Any = None
    spans: dict[Path, Span] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_yaml(name: str, text: str) -> YamlFile:
    """Read a file's text; a text that is no YAML has no value and one finding.

    Args:
        name: The file as findings shall name it.
        text: Its content.
    """
    file = YamlFile(name)
    try:
        _check_depth(text)
        node = _Composer(text).get_single_node()
        if node is not None:
            reader = _Reader(file, text.splitlines())
            try:
                file.value = reader.value(node, ())
            finally:
                reader.mask()
    except yaml.MarkedYAMLError as problem:
        place = problem.problem_mark or problem.context_mark
        said = ", ".join(part for part in (problem.context, problem.problem) if part)
        file.findings.append(_syntax_error(name, text, place.index if place else 0, f"not YAML: {said}"))
    except yaml.reader.ReaderError as problem:
        end = len(text.encode()[: problem.position].decode(errors="ignore"))
        file.findings.append(_syntax_error(name, text, end, "a control character, which YAML does not allow"))
    except UnicodeEncodeError as problem:
        file.findings.append(_syntax_error(name, text, problem.start, "the file is not UTF-8 text"))
    return file


def _check_depth(text: str) -> None:
    """Refuse a text that is nested so deeply that composing it would exhaust the stack."""
    parser, depth = _Composer(text), 0
    while parser.check_event():
        event: Any = parser.get_event()
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > 10 * _DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)


class _Reader:
    """Walks the nodes of one file and fills its spans and findings."""

    def __init__(self, file: YamlFile, lines: list[str]) -> None:
        self.file = file
        self.lines = lines
        self.open: set[int] = set()
        self.read = 0
        self.hidden: list[yaml.ScalarNode] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.read += 1
        if self.read > _MOST:
            raise yaml.MarkedYAMLError(problem="aliases for too many values", problem_mark=node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open or len(self.open) > _DEEPEST:
            message = "the value is nested too deeply"
            if id(node) in self.open:
                message = "an anchor contains itself"
            self.problem(path, node, message, "give the value without an anchor")
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path)
            return self.sequence(node, path)
        finally:
            self.open.discard(id(node))

    def sequence(self, node: yaml.Node, path: Path) -> list[Any]:
        values = []
        previous = None
        for index, item in enumerate(node.value):
            item_path = (*path, str(index))
            self.file.spans[item_path] = self.span(item, item)
            self.hide(item, item_path)
            if isinstance(previous, str) and previous.startswith("-"):
                self.hide(item, (*path, previous))  # the value of a flag in an argument list
            previous = self.value(item, item_path)
            values.append(previous)
        return values

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for parent in _merge_parents(node):
            if not isinstance(parent, yaml.MappingNode):
                self.problem(path, parent, "<< merges a value that is not a mapping", "merge a mapping")
                continue
            result = {**(self.value(parent, path) or {}), **result}
        own: dict[str, Span] = {}
        for key_node, value_node in node.value:
            key = "<<" if _is_merge(key_node) else _key_text(self.value(key_node, path))
            span = self.span(key_node, value_node)
            if key in own:
                self.duplicate((*path, key), own[key], span)
            own[key] = span
            if _is_merge(key_node):
                continue
            self.forget((*path, key))
            self.file.spans[(*path, key)] = span
            self.hide(value_node, (*path, key))
            result[key] = self.value(value_node, (*path, key))
        return result

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = node.value
        if node.tag == _STRING:
            return text
        value = plain_scalar(text)
        if isinstance(value, float) and not math.isfinite(value):
            self.problem(path, node, f"{text} has no JSON", "use a finite number")
            return None
        kind = _type_name(value)
        if node.tag in (_PLAIN, f"{_YAML}{kind}") or (node.tag == f"{_YAML}float" and kind == "int"):
            return value
        said = "the value" if node in self.hidden else repr(text)
        self.problem(
            path, node, f"{said} does not have the type of its tag {node.tag}", "give the value without its tag"
        )
        return None

    def hide(self, node: yaml.Node, path: Path) -> None:
        """Remember a value that is never shown."""
        if isinstance(node, yaml.ScalarNode) and is_hidden(path, node.value):
            self.hidden.append(node)

    def mask(self) -> None:
        """Put stars in the place of what is never shown, in every line that a span has."""
        for node in self.hidden:
            start, end = node.start_mark, node.end_mark
            for number in range(start.line, min(end.line + 1, len(self.lines))):
                line = self.lines[number]
                first = start.column if number == start.line else 0
                last = end.column if number == end.line else len(line)
                self.lines[number] = line[:first] + stars(line[first:last]) + line[last:]
        if self.hidden:
            self.file.spans = {path: self.masked(span) for path, span in self.file.spans.items()}
            self.file.findings = [
                replace(one, marks=tuple(replace(mark, span=self.masked(mark.span)) for mark in one.marks if mark.span))
                for one in self.file.findings
            ]

    def masked(self, span: Span) -> Span:
        return replace(span, text=self.lines[span.line - 1] if span.line <= len(self.lines) else "")

    def problem(self, path: Path, node: yaml.Node, message: str, alternative: str) -> None:
        self.file.findings.append(
            Finding(
                rule="yaml-value",
                severity="error",
                message=message,
                why="Pulumi refuses the file, because it passes the values as JSON (Pulumi, stack settings file)",
                fix=f"remove {_key_of(path)}, or {alternative}" if path else alternative,
                marks=(Mark(path, "", self.span(node, node)),),
            )
        )

    def duplicate(self, path: Path, first: Span, second: Span) -> None:
        marks = (Mark(path, "again", second), Mark(path, "first", first))
        key = _key_of(path)
        fix = "remove one of the two"
        if first.line != second.line:
            fix = f"remove {key} in line {first.line}, or remove {key} in line {second.line}"
        self.file.findings.append(
            Finding(
                rule="duplicate-key",
                severity="error",
                message=f"key {path[-1]!r} is twice in one mapping",
                why="Pulumi refuses the file (Go's yaml.v3: mapping key already defined)",
                fix=fix,
                marks=marks,
            )
        )

    def forget(self, path: Path) -> None:
        """Drop the spans of what a merge brought and the mapping itself replaces."""
        if path in self.file.spans:
            for known in [known for known in self.file.spans if known[: len(path)] == path]:
                del self.file.spans[known]

    def span(self, key: yaml.Node, value: yaml.Node) -> Span:
        """The key with its value when both stand on one line and the value is a scalar, else the key alone."""
        start, end, stop = key.start_mark, key.end_mark, value.end_mark
        if isinstance(value, yaml.ScalarNode) and stop.line == start.line and stop.column > end.column:
            end = stop
        text = self.lines[start.line] if start.line < len(self.lines) else ""
        width = end.column - start.column if end.line == start.line else len(text.rstrip()) - start.column
        return Span(self.file.name, start.line + 1, start.column + 1, max(width, 1), text)


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<"


def _merge_parents(node: yaml.MappingNode) -> Iterator[yaml.Node]:
    for key, value in node.value:
        if _is_merge(key):
            yield from value.value if isinstance(value, yaml.SequenceNode) else [value]


def _key_of(path: Path) -> str:
    """The last key of a path in one line; an item of a list has the list's key and its index."""
    first = len(path) - 1
    while first > 0 and path[first].isdigit():
        first -= 1
    return json.dumps(".".join(path[first:]), ensure_ascii=False)[1:-1]


def _key_text(value: Any) -> str:
    return "<nil>" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _type_name(value: Any) -> str:
    return {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "null")


def _syntax_error(name: str, text: str, end: int, message: str) -> Finding:
    before = text[:end]
    line, column = before.count("\n"), len(before) - before.rfind("\n")
    shown = [*text.encode(errors="replace").decode().splitlines(), ""][line]
    if (masked := masked_line(shown)) != shown:
        shown, message = masked, re.sub(r"'.*'|\".*\"", HIDDEN, message)
    mark = Mark((), "", Span(name, line + 1, column, 1, shown))
    return Finding(
        rule="yaml-syntax",
        severity="error",
        message=message,
        why="Pulumi and this program read nothing of a file that is not YAML (Go's yaml.v3)",
        fix="correct the syntax of this line or of the line above",
        marks=(mark,),
    )
