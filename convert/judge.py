"""The findings of the rules on a stack file that may still have placeholders."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from convert.scope import PLACEHOLDER
from convert.small import Keys
from convert.stand_in import stand_in
from models.check import check
from models.finding import Finding, Mark, Path, Span
from models.report import Report
from models.service.resolve import resolve
from models.stack_file.load import load_text
from models.stack_file.yaml_file import read_yaml

Values = dict[str, Any]

_FILL: dict[Keys, str] = {
    ("image",): "the name of the image, as registry.example.com/ascend-vllm:6.3.912",
    ("model",): "the directory of the weights on every node, as /mnt/models/Qwen2-7B-Instruct",
    ("engine", "dtype"): "float16 or bfloat16, or remove the key: the model's own is then taken, as the manual advises",
    ("server", "port"): "the port, as 8080",
    ("server", "chatTemplate"): "the template's path in the image, or the template itself under inline",
    ("engine", "maxModelLen"): "the longest request in tokens, as 4096",
}


def judged(name: str, file: str, text: str, services: Mapping[str, Values], cluster: Values) -> Report:
    """The findings on a stack file: of its shape, and the rules' on what can be judged without the placeholders.

    Args:
        name: The stack.
        file: Its file.
        text: Its text.
        services: The keys of each service; none is shortened.
        cluster: The keys of the cluster.
    """
    loaded = load_text(name, file, text)
    configs, odd = dict(loaded.services), set[Path]()
    for service in loaded.broken:
        stood = stand_in(service, services[service], cluster)
        odd |= {("services", service, *(keys[:1] if keys[0] == "model" else keys)) for keys in stood.odd if keys}
        configs |= {service: stood.config} if stood.config else {}
    unfilled = list(_unfilled(read_yaml(file, text).value, loaded.spans))
    filled = [finding.marks[0].path for finding in unfilled]
    shape = [one for one in loaded.findings if not _concerns(one, filled)]
    broken = tuple(service for service in loaded.broken if service not in configs)
    judged_rest = check(resolve(replace(loaded, services=configs, broken=broken, findings=())))
    rules = [one for one in judged_rest.findings if one.rule != "placeholder" and not _concerns(one, odd)]
    shaped = check(resolve(replace(loaded, services={}, findings=tuple(shape)))).findings
    return replace(judged_rest, findings=tuple(sorted([*unfilled, *shaped, *rules], key=_line)))


def _unfilled(value: Any, spans: Mapping[Path, Span]) -> Iterator[Finding]:
    """A finding for each value that has a placeholder."""
    for path, text in _texts(value["config"], ()):
        ours = (path[0].rpartition(":")[2], *path[1:])
        found = PLACEHOLDER.search(text)
        if found and ours[-1:] != ("inline",):
            keys = ours[2:]
            advice = next((_FILL[keys[:length]] for length in (2, 1) if keys[:length] in _FILL), "the value itself")
            mark = Mark(ours, "", _nearest(ours, spans))
            yield Finding(
                "placeholder",
                "error",
                f"{mark.field} holds the placeholder {found[0]}",
                "nothing puts a value in its place (manual, Step 2 and 3)",
                f"write {advice}; or convert again with --set {found[0][2:-1]}=VALUE",
                (mark,),
                ours[1] if ours[:1] == ("services",) else None,
            )


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, str(index)))
    elif isinstance(value, str):
        yield path, value


def _nearest(path: Path, spans: Mapping[Path, Span]) -> Span | None:
    while path and path not in spans:
        path = path[:-1]
    return spans.get(path)


def _concerns(finding: Finding, paths: Collection[Path]) -> bool:
    """Whether a finding points at one of the paths, or at what holds it or lies in it."""
    return any(
        mark.path[: len(path)] == path or (len(mark.path) > 2 and path[: len(mark.path)] == mark.path)
        for mark in finding.marks[:1]
        for path in paths
    )


def _line(finding: Finding) -> tuple[int, int, str]:
    span = finding.span
    return (span.line, span.column, finding.rule) if span else (0, 0, finding.rule)
