"""The base file: services that several stacks share, and that a stack changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as File
from typing import Any

from models.finding import Finding, Mark, Path, Span
from models.stack_file.errors.unknown_keys import unknown_key
from models.stack_file.merge_patch import merge
from models.stack_file.secret_values import secret_value, secure_paths
from models.stack_file.texts import Read
from models.stack_file.yaml_file import YamlFile, read_yaml


@dataclass(frozen=True)
class WithBase:
    """The values of a stack together with those of its base file."""

    values: dict[str, Any]
    spans: dict[Path, Span]
    base_file: str = ""
    """The name of the base file; empty if the stack has none."""
    base: Mapping[str, Any] = field(default_factory=dict)
    """The services of the base file."""
    is_base_read: bool = True
    """Whether the services of the base file are known."""
    findings: list[Finding] = field(default_factory=list)


def with_base(
    values: dict[str, Any], spans: dict[Path, Span], directory: File, read: Read
) -> WithBase:
    """The services of the base file, changed by those of the stack.

    Args:
        values: The values of the stack.
        spans: Their places.
        directory: The directory of the stack file.
        read: Reads a file.
    """
    name = values.get("base")
    if not isinstance(name, str) or not name or "\0" in name:
        if "services" in values:
            values = {**values, "services": merge({}, values["services"])}
        return WithBase(values, spans)
    mark = Mark(("base",), "", spans.get(("base",)))
    file = _read_base(directory / name, mark, read)
    content = file.value if isinstance(file.value, dict) else {}
    base = content.get("services")
    has_services = isinstance(base, dict)
    if not isinstance(base, dict):
        base = {}
    services = values.get("services")
    if services is None:
        services = {}
    kept = {
        path: span for path, span in file.spans.items() if not _covers(values, path)
    }
    return WithBase(
        values={**values, "services": merge(base, services)},
        spans={**kept, **spans},
        base_file=name,
        base=base,
        is_base_read=file.is_readable and has_services,
        findings=[*_findings(file, content, mark)],
    )


def service_at(path: Path) -> str | None:
    """The service that a path belongs to; None when it belongs to none."""
    if path[:1] == ("services",) and len(path) > 1:
        return path[1]
    return None


def _read_base(file: File, mark: Mark, read: Read) -> YamlFile:
    try:
        return read_yaml(str(file), read(file))
    except OSError as problem:
        message = f"the base file {file} cannot be read: {problem.strerror}"
        fix = f"create {file} with the key services, or correct the path in base"
        return YamlFile(str(file), findings=[_bad_base(message, fix, mark)])


def _findings(file: YamlFile, content: dict[str, Any], mark: Mark) -> Iterator[Finding]:
    for finding in file.findings:
        service = service_at(finding.marks[0].path) if finding.marks else None
        yield replace(finding, service=service)
    has_services = isinstance(content.get("services"), dict)
    for key, value in content.items():
        if key == "services":
            continue
        where = Mark((key,), "", file.spans.get((key,)))
        finding = unknown_key(where, key, {"services": None})
        if isinstance(value, dict) and "remove" in finding.fix:
            finding = replace(finding, fix=f"move {key} to services.{key}")
            has_services = True
        yield finding
    if not has_services and not file.findings:
        yield _bad_base(
            f"the base file {file.name} has no services",
            f"add the key services to {file.name}",
            mark,
        )
    for path in secure_paths(content, ()):
        yield secret_value(
            path, file.spans.get(path), f"remove it from {file.name}", service_at(path)
        )


def _bad_base(message: str, fix: str, mark: Mark) -> Finding:
    why = "the services of the stack extend the services of the base file"
    return Finding("base-file", "error", message, why, fix, (mark,))


def _covers(value: Any, path: Path) -> bool:
    """Whether the stack replaces the mapping that a value of the base file is in."""
    if not isinstance(value, dict):
        return True
    if not path or path[0] not in value:
        return False
    return _covers(value[path[0]], path[1:])
