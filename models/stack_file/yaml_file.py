"""YAML files with the place of every value: values as the engine reads them, spans for the findings."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from models.credentials import (
    argument_ranges,
    command_before,
    is_flag,
    is_hidden,
    masked,
)
from models.finding import Finding, Mark, Path, Span
from models.stack_file.hidden_values import hide_values
from models.stack_file.limits import (
    DEEPEST,
    TooLargeError,
    check_bytes,
    too_large,
)
from models.stack_file.size import check_size
from models.stack_file.yaml_nodes import (
    PLAIN,
    STRING,
    TYPES,
    YAML,
    compose,
    is_merge,
    key_problem,
    key_text,
    merge_parents,
    type_name,
)
from models.yaml_scalar import plain_scalar

_LONGEST_EXCERPT = 2_000
"""Characters of the longest line that a finding shows. Of a longer line it shows only the position."""
UNREADABLE = ("yaml-syntax", "stack-size")
"""The rules of findings about a file of which nothing is read."""


@dataclass
class YamlFile:
    """The content of a YAML file: its value, the span of every key, and the errors of its form."""

    name: str
    value: Any = None
    first_line: str = ""
    """The first line, without hidden values; empty if the file is not a YAML mapping."""
    spans: dict[Path, Span] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_readable(self) -> bool:
        """Whether the file is YAML of a size that is read."""
        return not any(finding.rule in UNREADABLE for finding in self.findings)


def read_yaml(name: str, text: str) -> YamlFile:
    """Read the text of a file. A text that is not YAML has no value, and one finding.

    Args:
        name: The name of the file in findings.
        text: Its content.
    """
    file = YamlFile(name)
    try:
        check_bytes(text)
        node = compose(text)
        if node is not None:
            check_size(node)
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
    except TooLargeError as problem:
        file = YamlFile(name)
        mark = Mark((), "", Span(name, 1, 1, 1, ""))
        file.findings.append(too_large(str(problem), mark))
    return file


def _read_node(node: yaml.Node, file: YamlFile, text: str) -> None:
    lines = text.splitlines()
    if not isinstance(node, yaml.MappingNode):
        lines = [""] * len(lines)  # any text is YAML; only a mapping is shown
    reader = _Reader(file, lines)
    file.value = reader.value(node, ())
    reader.mask()
    file.first_line = reader.line(0)


class _Reader:
    """Walks the nodes of one file and fills its spans and findings."""

    def __init__(self, file: YamlFile, lines: list[str]) -> None:
        self.file = file
        self.lines = lines
        self.open: set[int] = set()
        self.hidden: list[yaml.Node] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open:
            self.problem(
                path,
                node,
                "an anchor contains itself",
                "write the value without an anchor",
            )
            return None
        if len(self.open) > DEEPEST:
            self.problem(
                path,
                node,
                "the value is nested too deeply",
                "write the value without an anchor",
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
            if isinstance(previous, str) and is_flag(previous):
                self.hide(item, (*path, previous))  # in a list of arguments
            previous = self.value(item, item_path)
            values.append(previous)
        for index in argument_ranges(values):
            self.hidden.append(node.value[index])
        return values

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        own_keys = [self.key(key_node, path) for key_node, _ in node.value]
        result = self.merged_parents(node, path, frozenset(own_keys))
        keys: dict[str, Span] = {}
        for key, (key_node, value_node) in zip(own_keys, node.value, strict=True):
            if key is None:
                continue
            key_path = (*path, key)
            span = self.span(key_node, value_node)
            if key in keys:
                self.duplicate(key_path, keys[key], span)
            keys[key] = span
            if is_merge(key_node):
                continue
            self.file.spans[key_path] = span
            self.hide(value_node, key_path)
            result[key] = self.value(value_node, key_path)
        self.hide_arguments(node, result)
        return result

    def hide_arguments(self, node: yaml.MappingNode, values: dict[str, Any]) -> None:
        """Hide passwords among the arguments of a container that only its command shows to be ones."""
        arguments = values.get("args")
        command = command_before("args", values)
        if not command or not isinstance(arguments, list):
            return
        for key_node, value_node in node.value:
            is_own = isinstance(value_node, yaml.SequenceNode)
            if is_own and key_node.value == "args":
                for index in argument_ranges(arguments, command):
                    self.hidden.append(value_node.value[index])

    def key(self, node: yaml.Node, path: Path) -> str | None:
        """The text of a key; None if it is no scalar, which is a finding and is not shown."""
        if is_merge(node):
            return "<<"
        text = key_text(self.value(node, path))
        if not isinstance(node, yaml.ScalarNode):
            self.hidden.append(node)
            self.refuse(path, node, key_problem(node), "write a text as this key")
            return None
        is_assignment = "=" in text or ":" in text
        if is_assignment and masked(text) != text:
            self.hidden.append(node)  # such as HF_TOKEN=value
        return text

    def merged_parents(
        self, node: yaml.MappingNode, path: Path, own_keys: frozenset[str | None]
    ) -> dict[str, Any]:
        """The values that a mapping gets from others (`<<`). The first one that has a key wins.

        Args:
            node: The mapping.
            path: Its path.
            own_keys: The keys that the mapping itself has. They keep no span of a merged value.
        """
        if "<<" not in own_keys:
            return {}
        spans_before = self.file.spans
        self.file.spans = {}
        result = self.parent_values(node, path)
        merged_spans = self.file.spans
        self.file.spans = spans_before
        for span_path, span in merged_spans.items():
            if span_path[len(path)] not in own_keys:
                self.file.spans[span_path] = span
        return result

    def parent_values(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        """The values of the mappings that a mapping merges."""
        result: dict[str, Any] = {}
        for parent in merge_parents(node):
            if isinstance(parent, yaml.MappingNode):
                values = self.value(parent, path) or {}
                result = {**values, **result}
            else:
                if isinstance(parent, yaml.ScalarNode):
                    self.hidden.append(parent)  # it may be the value of a variable
                self.problem(
                    path,
                    parent,
                    "<< merges a value that is not a mapping",
                    "merge a mapping",
                )
        return result

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = node.value
        if node.tag == STRING:
            return text
        value = plain_scalar(text)
        if isinstance(value, float) and not math.isfinite(value):
            self.problem(
                path, node, f"{text} cannot be written as JSON", "use a finite number"
            )
            return None
        kind = type_name(value)
        fitting = [PLAIN, f"{YAML}{kind}"]
        if kind == "int":
            fitting.append(f"{YAML}float")
        if node.tag in fitting:
            return value
        is_hidden_node = any(hidden is node for hidden in self.hidden[-2:])
        shown = "the value" if is_hidden_node else repr(text)
        message = f"{shown} does not have the type of its tag"
        if node.tag in TYPES:
            message = f"{message} {node.tag}"
        else:
            self.hidden.append(node)  # a password may begin with !
        self.problem(path, node, message, "write the value without its tag")
        return None

    def hide(self, node: yaml.Node, path: Path) -> None:
        """Remember a value that is never shown."""
        if not isinstance(node, yaml.ScalarNode):
            return
        if is_hidden(path, node.value):
            self.hidden.append(node)

    def mask(self) -> None:
        """Replace hidden values by stars in every line that is shown."""
        if not self.hidden:
            return
        hide_values(self.lines, self.hidden, self.shown_lines())
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

    def shown_lines(self) -> list[int]:
        """The lines that are shown: the first one, and those with a span."""
        numbers = {0}
        for span in self.file.spans.values():
            numbers.add(span.line - 1)
        for finding in self.file.findings:
            for mark in finding.marks:
                if mark.span:
                    numbers.add(mark.span.line - 1)
        return sorted(numbers)

    def masked(self, span: Span) -> Span:
        return replace(span, text=self.line(span.line - 1))

    def line(self, number: int) -> str:
        """A line of the file, counted from 0; empty after the end, and if it is too long to be shown."""
        if number >= len(self.lines):
            return ""
        line = self.lines[number]
        if len(line) > _LONGEST_EXCERPT:
            return ""
        return line

    def problem(
        self, path: Path, node: yaml.Node, message: str, alternative: str
    ) -> None:
        fix = f"remove {_key_of(path)}, or {alternative}" if path else alternative
        self.refuse(path, node, message, fix)

    def refuse(self, path: Path, node: yaml.Node, message: str, fix: str) -> None:
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
            message=f"key {path[-1]!r} appears twice in one mapping",
            why="Pulumi refuses the file (Go's yaml.v3: mapping key already defined)",
            fix=fix,
            marks=(Mark(path, "again", second), Mark(path, "first", first)),
        )
        self.file.findings.append(finding)

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


def _key_of(path: Path) -> str:
    """The last key of a path in one line. An item of a list has the list's key and its index."""
    first = len(path) - 1
    while first > 0 and path[first].isdigit():
        first -= 1
    return json.dumps(".".join(path[first:]), ensure_ascii=False)[1:-1]


def _syntax_error(name: str, text: str, end: int, message: str) -> Finding:
    before = text[:end]
    line = before.count("\n")
    column = len(before) - before.rfind("\n")
    return Finding(
        rule="yaml-syntax",
        severity="error",
        message=message,
        why="Pulumi and this program read nothing of a file that is not YAML (Go's yaml.v3)",
        fix="correct the syntax of this line or of the line above",
        marks=(Mark((), "", Span(name, line + 1, column, 1, "")),),
    )
