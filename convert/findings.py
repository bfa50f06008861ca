"""Checks a stack file that may still contain placeholders, as `check` does without them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from convert.minimal import Keys, Values
from convert.placeholder import PLACEHOLDER, placeholder_name
from convert.stand_in import stand_in
from models.check import check
from models.finding import Finding, Mark, Path, Span
from models.report import Report
from models.service.resolve import resolve
from models.stack_file.load import load_text
from models.stack_file.parse import LoadedStack
from models.stack_file.yaml_file import read_yaml

_EXPECTED: dict[Keys, str] = {
    (
        "image",
    ): "the name of the image, such as registry.example.com/ascend-vllm:6.3.912",
    (
        "model",
    ): "the directory of the weights on every node, such as /mnt/models/Qwen2-7B-Instruct",
    (
        "engine",
        "dtype",
    ): "float16 or bfloat16, or remove the key, which leaves the choice to the model",
    ("server", "port"): "the port, such as 8080",
    (
        "server",
        "chatTemplate",
    ): "the path of the template in the image, or its text under inline",
    ("engine", "maxModelLen"): "the longest request in tokens, such as 4096",
}
"""The value to write instead of a placeholder, by key."""


def findings_of(
    text: str,
    *,
    stack: str,
    file: str,
    project: File,
    services: Mapping[str, Values],
    cluster: Values,
) -> Report:
    """The findings of a stack file. Values with placeholders get one finding each, and no rule judges them.

    Args:
        text: The text of the stack file.
        stack: The name of the stack.
        file: The name of the stack file.
        project: The directory of the project.
        services: The keys of each service, without scalars that stand for records.
        cluster: The keys of the cluster.
    """
    loaded = load_text(stack, file, text, project=project)
    value = read_yaml(file, text).value
    placeholders = [*_placeholders(value, loaded.spans)]
    placeholder_paths = [finding.marks[0].path for finding in placeholders]
    report, replaced = _check_with_stand_ins(loaded, services, cluster)
    judged = [
        finding for finding in report.findings if not _concerns(finding, replaced)
    ]
    of_rules = [finding for finding in judged if finding.rule != "placeholder"]
    findings = [
        *placeholders,
        *_shape_findings(loaded, placeholder_paths),
        *of_rules,
    ]
    findings.sort(key=_position)
    return replace(report, findings=tuple(findings))


def _check_with_stand_ins(
    loaded: LoadedStack,
    services: Mapping[str, Values],
    cluster: Values,
) -> tuple[Report, set[Path]]:
    """The findings of the rules, and the paths that have stand-in values."""
    configs = dict(loaded.services)
    replaced: set[Path] = set()
    broken = []
    for name in loaded.broken:
        substitute = stand_in(name, services[name], cluster)
        for keys in substitute.replaced:
            if keys:
                reported = ("model",) if keys[0] == "model" else keys
                replaced.add(("services", name, *reported))
        if substitute.config:
            configs[name] = substitute.config
        else:
            broken.append(name)
    whole = replace(loaded, services=configs, broken=tuple(broken), findings=())
    return check(resolve(whole)), replaced


def _shape_findings(
    loaded: LoadedStack, placeholders: Collection[Path]
) -> tuple[Finding, ...]:
    """The findings about unknown keys and wrong types, without those about placeholders."""
    findings = [
        finding for finding in loaded.findings if not _concerns(finding, placeholders)
    ]
    only_shape = replace(
        loaded, services={}, kv_transfer=None, findings=tuple(findings)
    )
    return check(resolve(only_shape)).findings


def _placeholders(value: Any, spans: Mapping[Path, Span]) -> Iterator[Finding]:
    """A finding for each value that contains a placeholder."""
    for path, text in _texts(value["config"], ()):
        _, _, root = path[0].rpartition(":")
        path_in_stack = (root, *path[1:])
        found = PLACEHOLDER.search(text)
        if found and path_in_stack[-1:] != ("inline",):
            yield _placeholder(found[0], path_in_stack, spans)


def _placeholder(
    placeholder: str,
    path: Path,
    spans: Mapping[Path, Span],
) -> Finding:
    mark = Mark(path, "", _nearest(path, spans))
    name = placeholder_name(placeholder)
    return Finding(
        rule="placeholder",
        severity="error",
        message=f"{mark.field} contains the placeholder {placeholder}",
        why="nothing replaces it before the server starts (manual, Steps 2 and 3)",
        fix=f"write {_expected(path[2:])}; or convert again with --set {name}=VALUE",
        marks=(mark,),
        service=path[1] if path[0] == "services" else None,
    )


def _expected(keys: Keys) -> str:
    for length in (2, 1):
        expected = _EXPECTED.get(keys[:length])
        if expected:
            return expected
    return "the value itself"


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text in a value, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, str(index)))
    elif isinstance(value, str):
        yield path, value


def _nearest(path: Path, spans: Mapping[Path, Span]) -> Span | None:
    """The position of a value, or of the nearest mapping that contains it."""
    while path and path not in spans:
        path = path[:-1]
    return spans.get(path)


def _concerns(finding: Finding, paths: Collection[Path]) -> bool:
    """Whether a finding points at one of some paths, or above or below it."""
    if not finding.marks:
        return False
    marked = finding.marks[0].path
    for path in paths:
        is_below = marked[: len(path)] == path
        is_above = path[: len(marked)] == marked
        if is_below or (is_above and len(marked) > 2):
            return True
    return False


def _position(finding: Finding) -> tuple[int, int, str]:
    span = finding.span
    if not span:
        return (0, 0, finding.rule)
    return (span.line, span.column, finding.rule)
