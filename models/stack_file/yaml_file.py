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

from models.credentials import HIDDEN, argument_ranges, is_hidden, masked_line, stars
from models.finding import Finding, Mark, Path, Span
from models.yaml_scalar import plain_scalar

_YAML = "tag:yaml.org,2002:"
_STRING = f"{_YAML}str"
_PLAIN = "plain"
_TYPES = frozenset(
    f"{_YAML}{kind}"
    for kind in (
        "binary",
        "bool",
        "float",
        "int",
        "map",
        "null",
        "seq",
        "str",
        "timestamp",
    )
)
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
    """Read the text of a file. A text that is not YAML has no value, and one finding.

    Args:
        name: The name of the file in findings.
        text: Its content.
    """
    file = YamlFile(name)
    try:
        _check_depth(text)
        node = _Composer(text).get_single_node()
        if node is not None:
            _read_node(node, file, text)
    except yaml.MarkedYAMLError as problem:
        place = problem.problem_mark or problem.context_mark
        index = place.index if place else 0
        reasons = [part for part in (problem.context, problem.problem) if part]
        file.findings.append(
            _syntax_error(name, text, index, f"not YAML: {', '.join(reasons)}")
        )
    except yaml.reader.ReaderError as problem:
        before = text.encode()[: problem.position].decode(errors="ignore")
        message = "a control character, which YAML does not allow"
        file.findings.append(_syntax_error(name, text, len(before), message))
    except UnicodeEncodeError as problem:
        file.findings.append(
            _syntax_error(name, text, problem.start, "the file is not UTF-8 text")
        )
    return file


def _check_depth(text: str) -> None:
    """Refuse a text that is nested so deeply that composing it would exhaust the stack."""
    parser = _Composer(text)
    depth = 0
    while parser.check_event():
        event: Any = parser.get_event()
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > 10 * _DEEPEST:
            raise yaml.MarkedYAMLError(
                problem="nested too deeply", problem_mark=event.start_mark
            )


def _read_node(node: yaml.Node, file: YamlFile, text: str) -> None:
    reader = _Reader(file, text.splitlines())
    try:
        file.value = reader.value(node, ())
    finally:
        reader.mask()


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
            raise yaml.MarkedYAMLError(
                problem="aliases for too many values", problem_mark=node.start_mark
            )
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open:
            self.problem(
                path,
                node,
                "an anchor contains itself",
                "give the value without an anchor",
            )
            return None
        if len(self.open) > _DEEPEST:
            self.problem(
                path,
                node,
                "the value is nested too deeply",
                "give the value without an anchor",
            )
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
                self.hide(
                    item, (*path, previous)
                )  # the value of a flag in an argument list
            previous = self.value(item, item_path)
            values.append(previous)
        for index in argument_ranges(values):
            self.hidden.append(node.value[index])
        return values

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result = self.merged_parents(node, path)
        keys: dict[str, Span] = {}
        for key_node, value_node in node.value:
            key = "<<" if _is_merge(key_node) else _key_text(self.value(key_node, path))
            key_path = (*path, key)
            span = self.span(key_node, value_node)
            if key in keys:
                self.duplicate(key_path, keys[key], span)
            keys[key] = span
            if _is_merge(key_node):
                continue
            self.forget(key_path)
            self.file.spans[key_path] = span
            self.hide(value_node, key_path)
            result[key] = self.value(value_node, key_path)
        return result

    def merged_parents(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        """The values that a mapping gets from others (`<<`). The first one that has a key wins."""
        result: dict[str, Any] = {}
        for parent in _merge_parents(node):
            if isinstance(parent, yaml.MappingNode):
                values = self.value(parent, path) or {}
                result = {**values, **result}
            else:
                self.problem(
                    path,
                    parent,
                    "<< merges a value that is not a mapping",
                    "merge a mapping",
                )
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
        fitting = [_PLAIN, f"{_YAML}{kind}"]
        if kind == "int":
            fitting.append(f"{_YAML}float")
        if node.tag in fitting:
            return value
        shown = "the value" if node in self.hidden else repr(text)
        message = f"{shown} does not have the type of its tag"
        if node.tag in _TYPES:
            message = f"{message} {node.tag}"
        else:
            self.hidden.append(node)  # a password may begin with !
        self.problem(path, node, message, "give the value without its tag")
        return None

    def hide(self, node: yaml.Node, path: Path) -> None:
        """Remember a value that is never shown."""
        if isinstance(node, yaml.ScalarNode) and is_hidden(path, node.value):
            self.hidden.append(node)

    def mask(self) -> None:
        """Replace hidden values by stars in every line that a span has."""
        if not self.hidden:
            return
        for node in self.hidden:
            self.mask_lines(node)
        self.file.spans = {
            path: self.masked(span) for path, span in self.file.spans.items()
        }
        findings = []
        for finding in self.file.findings:
            marks = tuple(
                replace(mark, span=self.masked(mark.span))
                for mark in finding.marks
                if mark.span
            )
            findings.append(replace(finding, marks=marks))
        self.file.findings = findings

    def mask_lines(self, node: yaml.ScalarNode) -> None:
        start, end = node.start_mark, node.end_mark
        last_line = min(end.line, len(self.lines) - 1)
        for number in range(start.line, last_line + 1):
            line = self.lines[number]
            first = start.column if number == start.line else 0
            last = end.column if number == end.line else len(line)
            self.lines[number] = line[:first] + stars(line[first:last]) + line[last:]

    def masked(self, span: Span) -> Span:
        return replace(span, text=self.line(span.line - 1))

    def line(self, number: int) -> str:
        """A line of the file, counted from 0; empty after the end."""
        return self.lines[number] if number < len(self.lines) else ""

    def problem(
        self, path: Path, node: yaml.Node, message: str, alternative: str
    ) -> None:
        fix = f"remove {_key_of(path)}, or {alternative}" if path else alternative
        finding = Finding(
            rule="yaml-value",
            severity="error",
            message=message,
            why="Pulumi refuses the file, because it passes the values as JSON (Pulumi, stack settings file)",
            fix=fix,
            marks=(Mark(path, "", self.span(node, node)),),
        )
        self.file.findings.append(finding)

    def duplicate(self, path: Path, first: Span, second: Span) -> None:
        key = _key_of(path)
        fix = "remove one of the two"
        if first.line != second.line:
            fix = f"remove {key} in line {first.line}, or remove {key} in line {second.line}"
        finding = Finding(
            rule="duplicate-key",
            severity="error",
            message=f"key {path[-1]!r} is twice in one mapping",
            why="Pulumi refuses the file (Go's yaml.v3: mapping key already defined)",
            fix=fix,
            marks=(Mark(path, "again", second), Mark(path, "first", first)),
        )
        self.file.findings.append(finding)

    def forget(self, path: Path) -> None:
        """Drop the spans of a merged value that the mapping itself replaces."""
        if path not in self.file.spans:
            return
        for known in list(self.file.spans):
            if known[: len(path)] == path:
                del self.file.spans[known]

    def span(self, key: yaml.Node, value: yaml.Node) -> Span:
        """The key with its value if both are in one line and the value is a scalar, else the key alone."""
        start, end, stop = key.start_mark, key.end_mark, value.end_mark
        is_short = isinstance(value, yaml.ScalarNode) and stop.line == start.line
        if is_short and stop.column > end.column:
            end = stop
        text = self.line(start.line)
        width = end.column - start.column
        if end.line != start.line:
            width = len(text.rstrip()) - start.column
        return Span(
            file=self.file.name,
            line=start.line + 1,
            column=start.column + 1,
            length=max(width, 1),
            text=text,
        )


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<"


def _merge_parents(node: yaml.MappingNode) -> Iterator[yaml.Node]:
    for key, value in node.value:
        if not _is_merge(key):
            continue
        if isinstance(value, yaml.SequenceNode):
            yield from value.value
        else:
            yield value


def _key_of(path: Path) -> str:
    """The last key of a path in one line. An item of a list has the list's key and its index."""
    first = len(path) - 1
    while first > 0 and path[first].isdigit():
        first -= 1
    return json.dumps(".".join(path[first:]), ensure_ascii=False)[1:-1]


def _key_text(value: Any) -> str:
    """A key as Pulumi's engine reads it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _type_name(value: Any) -> str:
    return {bool: "bool", int: "int", float: "float", str: "str"}.get(
        type(value), "null"
    )


def _syntax_error(name: str, text: str, end: int, message: str) -> Finding:
    before = text[:end]
    line = before.count("\n")
    column = len(before) - before.rfind("\n")
    lines = text.encode(errors="replace").decode().splitlines()
    shown = lines[line] if line < len(lines) else ""
    masked = masked_line(shown)
    if masked != shown:
        message = re.sub(r"'.*'|\".*\"", HIDDEN, message)
    return Finding(
        rule="yaml-syntax",
        severity="error",
        message=message,
        why="Pulumi and this program read nothing of a file that is not YAML (Go's yaml.v3)",
        fix="correct the syntax of this line or of the line above",
        marks=(Mark((), "", Span(name, line + 1, column, 1, masked)),),
    )
