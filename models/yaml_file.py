"""YAML files with the place of every value: values as the engine reads them, spans for the findings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # public, and missing in the stubs
from yaml.resolver import BaseResolver

from models.finding import Finding, Mark, Path, Span
from models.yaml_scalar import plain_scalar

_STRING = "tag:yaml.org,2002:str"
_PLAIN = "plain"
_DEEPEST = 100


class _Composer(CParser, BaseResolver):
    """Composes nodes and leaves plain scalars untyped, since YAML 1.1's types are not the engine's."""

    def __init__(self, stream: str) -> None:
        CParser.__init__(self, stream)
        BaseResolver.__init__(self)

    def resolve(self, kind: type[yaml.Node], _value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _STRING
        return "tag:yaml.org,2002:seq" if kind is yaml.SequenceNode else "tag:yaml.org,2002:map"


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
        composer = _Composer(text)
        node = composer.get_single_node()
    except yaml.MarkedYAMLError as problem:
        place = problem.problem_mark or problem.context_mark
        said = ", ".join(part for part in (problem.context, problem.problem) if part)
        file.findings.append(_syntax_error(name, text, place.line, place.column, f"not YAML: {said}"))
        return file
    except (yaml.reader.ReaderError, UnicodeEncodeError) as problem:
        outside = isinstance(problem, UnicodeEncodeError)
        before = text[: problem.start] if outside else text.encode()[: problem.position].decode(errors="ignore")
        message = "the file is not UTF-8 text" if outside else "a control character, which YAML does not allow"
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        file.findings.append(_syntax_error(name, text, line, column, message))
        return file
    if node is not None:
        file.value = _Reader(file, text.splitlines()).value(node, ())
    return file


class _Reader:
    """Walks the nodes of one file and fills its spans and findings."""

    def __init__(self, file: YamlFile, lines: list[str]) -> None:
        self.file = file
        self.lines = lines
        self.open: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        if id(node) in self.open or len(self.open) > _DEEPEST:
            what = "an anchor that contains itself" if id(node) in self.open else "nested too deeply"
            self.problem("yaml-value", path, node, what, "write the value out")
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path)
            return [self.item(item, (*path, str(index))) for index, item in enumerate(node.value)]
        finally:
            self.open.discard(id(node))

    def item(self, node: yaml.Node, path: Path) -> Any:
        self.file.spans[path] = self.span(node, node)
        return self.value(node, path)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for parent in _merge_parents(node):
            if not isinstance(parent, yaml.MappingNode):
                self.problem("yaml-value", path, parent, "a merge (<<) of what is no mapping", "merge a mapping")
                continue
            for key, value in (self.value(parent, path) or {}).items():
                result.setdefault(key, value)
        own: dict[str, Span] = {}
        for key_node, value_node in node.value:
            key = _key_text(self.value(key_node, path))
            span = self.span(key_node, value_node)
            if key in own:
                self.duplicate((*path, key), own[key], span)
            own[key] = span
            if _is_merge(key_node):
                continue
            self.forget((*path, key))
            self.file.spans[(*path, key)] = span
            result[key] = self.value(value_node, (*path, key))
        return result

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = node.value
        if node.tag == _STRING:
            return text
        value = plain_scalar(text)
        if isinstance(value, float) and not math.isfinite(value):
            self.problem(
                "yaml-value", path, node, f"{text} is no number that a configuration can hold", "write a finite number"
            )
            return None
        if node.tag in (_PLAIN, f"tag:yaml.org,2002:{_type_name(value)}"):
            return value
        if node.tag == "tag:yaml.org,2002:float" and isinstance(value, int) and not isinstance(value, bool):
            return value
        self.problem("yaml-value", path, node, f"{text!r} does not have the tag's type {node.tag}", "remove the tag")
        return None

    def problem(self, rule: str, path: Path, node: yaml.Node, message: str, fix: str) -> None:
        mark = Mark(path, "", self.span(node, node))
        self.file.findings.append(Finding(rule, "error", message, "Pulumi's engine refuses the file", fix, (mark,)))

    def duplicate(self, path: Path, first: Span, second: Span) -> None:
        marks = (Mark(path, "again", second), Mark(path, "first", first))
        why = "Pulumi's engine refuses a key that stands twice in one mapping"
        self.file.findings.append(
            Finding("duplicate-key", "error", f"key {path[-1]!r} stands twice", why, "remove one of the two", marks)
        )

    def forget(self, path: Path) -> None:
        """Drop the spans of what a merge brought and the mapping itself replaces."""
        if path in self.file.spans:
            for known in [known for known in self.file.spans if known[: len(path)] == path]:
                del self.file.spans[known]

    def span(self, key: yaml.Node, value: yaml.Node) -> Span:
        """The key with its value when both stand on one line and the value is a scalar, else the key alone."""
        start, end = key.start_mark, key.end_mark
        if (
            isinstance(value, yaml.ScalarNode)
            and value.end_mark.line == start.line
            and value.end_mark.column > end.column
        ):
            end = value.end_mark
        text = self.lines[start.line] if start.line < len(self.lines) else ""
        width = end.column - start.column if end.line == start.line else len(text.rstrip()) - start.column
        return Span(self.file.name, start.line + 1, start.column + 1, max(width, 1), text)


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<"


def _merge_parents(node: yaml.MappingNode) -> Iterator[yaml.Node]:
    for key, value in node.value:
        if _is_merge(key):
            yield from value.value if isinstance(value, yaml.SequenceNode) else [value]


def _key_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "<nil>" if value is None else str(value)


def _type_name(value: Any) -> str:
    return {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "null")


def _syntax_error(name: str, text: str, line: int, column: int, message: str) -> Finding:
    lines = text.encode(errors="replace").decode().splitlines() or [""]
    line = min(line, len(lines) - 1)
    mark = Mark((), "", Span(name, line + 1, column + 1, 1, lines[line]))
    why, fix = "nothing of the file can be read", "mend the form of this line"
    return Finding("yaml-syntax", "error", message, why, fix, (mark,))
