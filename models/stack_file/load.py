"""From the files of a stack to its configuration: read, merged by RFC 7386, each value with its place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as File
from typing import Any, Protocol

from models.finding import Finding, Mark, Path, Span
from models.stack_file.base_file import WithBase, service_at, with_base
from models.stack_file.confined import confined
from models.stack_file.errors.misspelled_keys import join_misspelled_keys
from models.stack_file.keys.locked import StackLock
from models.stack_file.lock_file import stack_lock
from models.stack_file.named_files import named_contents
from models.stack_file.overrides import with_override_findings
from models.stack_file.parse import LoadedStack, parse_stack
from models.stack_file.project import Project, read_project
from models.stack_file.project_keys import (
    KEYS,
    MOST_UNKNOWN_KEYS,
    content_of,
    unread_key,
)
from models.stack_file.secret_values import (
    property_path,
    referred_keys,
    secret_value,
    secure_paths,
)
from models.stack_file.secrets import ciphertexts, config_findings
from models.stack_file.texts import Read, disk
from models.stack_file.yaml_file import YamlFile, read_yaml

__all__ = [
    "ConfigSource",
    "Project",
    "Read",
    "disk",
    "load_stack",
    "load_text",
    "read_project",
]


STACK_FILE = "ASCEND_VLLM_STACK_FILE"
"""Variable with the file that Pulumi has read in place of the stack's own (`--config-file`).

Pulumi passes the values of its keys to the program, but neither its name nor the ciphertexts of its secret keys.
"""


class ConfigSource(Protocol):
    """The configuration that Pulumi passes to the program; `pulumi.Config` is one."""

    def get(self, key: str) -> str | None:
        """The text of a key, or None."""


def load_stack(
    name: str,
    config: ConfigSource | None = None,
    project: File | None = None,
    read: Read = disk,
) -> LoadedStack:
    """Load a stack of the project.

    Args:
        name: The stack's name; its file is `Pulumi.<name>.yaml`.
        config: The values that Pulumi has; without it they are read from the file, with the same result.
        project: Directory of Pulumi.yaml; the working directory by default.
        read: Reads a file; the disk by default.

    Raises:
        FileNotFoundError: There is no stack file, and no configuration of Pulumi.
    """
    project = project or File()
    file = (
        project / read_project(project, read).config_directory / f"Pulumi.{name}.yaml"
    )
    text = ""
    in_place = os.environ.get(STACK_FILE)
    if config is not None and in_place:
        text = disk(File(in_place))
    elif config is None or file.exists():
        text = _text(file, project, read, is_optional=config is not None)
    return load_text(name, str(file), text, config, project, read)


def _text(file: File, project: File, read: Read, *, is_optional: bool) -> str:
    """The text of a stack file. It can be a link, which leads nowhere else than the paths in it."""
    try:
        return confined(read, file.parent, project)(file)
    except PermissionError:
        if not is_optional:
            raise
        return ""  # Pulumi has read the values; the findings have no positions


def load_text(
    name: str,
    file: str,
    text: str,
    config: ConfigSource | None = None,
    project: File | None = None,
    read: Read = disk,
) -> LoadedStack:
    """Load a stack from the text of its file; arguments as for `load_stack`."""
    project = project or File()
    owner = read_project(project, read)
    directory = project if file == "-" else File(file).parent
    read = confined(read, directory, project)

    source = read_yaml(file, text)
    content = content_of(source, owner.name)
    values = _values(content.values, config, owner.base)
    if text and "services" not in content.values and values.get("services") == {}:
        del values["services"]  # the default of Pulumi.yaml, not the user's
    overrides = values.get("services")

    merged = _merged(file, source, owner.name, values, directory, read)
    loaded = parse_stack(
        name,
        file,
        merged.values,
        merged.spans,
        complete=source.is_readable,
        prefix=owner.name,
    )
    findings = [_in_our_terms(finding, owner.name) for finding in source.findings]
    findings += content.findings
    findings += merged.findings
    if source.is_readable and not merged.findings:
        loaded = _with_override_findings(
            loaded, findings, overrides, merged, owner.name
        )
    further = content.further
    if text and source.is_readable:
        referred = set(referred_keys(merged.values.get("services")))
        findings += _unused_keys(source, owner.name, further.keys() - referred)
        unseen = _keys_of_pulumi_only(referred - further.keys(), config)
        further = {**further, **unseen}
        findings += config_findings(loaded, further)
    loaded, joined = _with_joined_keys(loaded, findings, merged, owner.name)
    return _complete(
        loaded,
        joined,
        list(_secret_values(source, owner.name)),
        further,
        directory,
        read,
    )


def _merged(
    file: str,
    source: YamlFile,
    prefix: str,
    values: dict[str, Any],
    directory: File,
    read: Read,
) -> WithBase:
    """The values of the stack file with those of its base file. A file that cannot be read has none to merge.

    Args:
        file: The name of the stack file.
        source: Its content.
        prefix: The project's name, which is the prefix of its keys.
        values: The values of the project's keys.
        directory: The directory of the stack file.
        read: Reads a file.
    """
    spans = _our_spans(source, prefix)
    first_character = Span(file, 1, 1, 1, source.first_line)
    spans.setdefault((), first_character)
    if not source.is_readable:
        return WithBase(values, spans)
    return with_base(values, spans, directory, read)


def _with_override_findings(
    loaded: LoadedStack,
    reported: Sequence[Finding],
    overrides: Any,
    merged: WithBase,
    prefix: str,
) -> LoadedStack:
    """A stack with the findings about its changes of the base file.

    Args:
        loaded: The stack.
        reported: The findings about its files.
        overrides: The services of the stack file.
        merged: The values of the stack and of its base file.
        prefix: The project's name, which is the prefix of its keys.
    """
    paths = {mark.path for finding in reported for mark in finding.marks}
    findings = with_override_findings(loaded.findings, overrides, merged, prefix, paths)
    return replace(loaded, findings=tuple(findings))


def _unused_keys(
    source: YamlFile, prefix: str, names: Iterable[str]
) -> Iterator[Finding]:
    """The findings about further keys of the project that no service refers to."""
    for name in sorted(names)[:MOST_UNKNOWN_KEYS]:
        yield unread_key(source, prefix, f"{prefix}:{name}")


def _with_joined_keys(
    loaded: LoadedStack, findings: Sequence[Finding], merged: WithBase, prefix: str
) -> tuple[LoadedStack, Sequence[Finding]]:
    """The stack and the findings about its files. Missing keys are joined with the unknown keys that replace them."""
    missing, joined = join_misspelled_keys(
        _without_keys_of_the_base(loaded.findings, merged),
        findings,
        translate=lambda path: _our_path(path, prefix) or path,
    )
    return replace(loaded, findings=tuple(missing)), joined


def _without_keys_of_the_base(
    findings: Sequence[Finding], merged: WithBase
) -> Sequence[Finding]:
    """The findings without missing keys of services, which a base file that cannot be read may have."""
    if merged.is_base_read:
        return findings
    kept = []
    for finding in findings:
        if finding.rule != "missing-key" or finding.service is None:
            kept.append(finding)
    return kept


def _complete(
    loaded: LoadedStack,
    findings: Sequence[Finding],
    secret_values: Sequence[Finding],
    further: Mapping[str, Any],
    directory: File,
    read: Read,
) -> LoadedStack:
    """A stack with the files that its services name, and with all findings.

    Args:
        loaded: The stack.
        findings: The findings about its files.
        secret_values: The findings about encrypted values.
        further: The keys that services may refer to.
        directory: The directory of the stack file.
        read: Reads a file.
    """
    config_jsons, unreadable = named_contents(
        loaded, "config_json", "config-json", directory, read
    )
    checksums, unlisted = named_contents(
        loaded, "verify", "weight-files", directory, read
    )
    lock, lock_problems = _lock(loaded, directory, read)
    refused_by = [*secret_values, *unreadable, *unlisted]
    refused = {str(finding.service) for finding in refused_by} & loaded.services.keys()
    return replace(
        loaded,
        services={
            name: config
            for name, config in loaded.services.items()
            if name not in refused
        },
        broken=(*loaded.broken, *sorted(refused)),
        config_jsons=config_jsons,
        checksums=checksums,
        secrets=ciphertexts(further),
        lock=lock,
        findings=(
            *findings,
            *secret_values,
            *_outside(loaded.findings, secret_values),
            *unreadable,
            *unlisted,
            *lock_problems,
        ),
    )


def _lock(
    loaded: LoadedStack, directory: File, read: Read
) -> tuple[StackLock | None, list[Finding]]:
    """The lock of a stack, from its own file or from the lock file next to it, and the findings about the lock file."""
    if loaded.locked is None:
        return stack_lock(loaded.name, directory, read)
    spans = {
        path[1:]: span for path, span in loaded.spans.items() if path[:1] == ("lock",)
    }
    own = StackLock(loaded.file, loaded.locked, spans=spans, is_complete=False)
    return own, []


def _values(
    values: dict[str, Any], config: ConfigSource | None, default_base: str
) -> dict[str, Any]:
    """The values of the project's keys: those that Pulumi has, else those of the file."""
    if config is not None:
        from_pulumi = {key: _value_of_pulumi(config, key) for key in KEYS}
        return {key: value for key, value in from_pulumi.items() if value is not None}
    if default_base:
        values.setdefault("base", default_base)
    return values


def _value_of_pulumi(config: ConfigSource, key: str) -> Any:
    text = config.get(key)
    if not text:
        return None
    if key == "base":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _our_spans(source: YamlFile, prefix: str) -> dict[Path, Span]:
    """The places of the project's values, by their paths without the prefix."""
    spans: dict[Path, Span] = {}
    for path, span in source.spans.items():
        ours = _our_path(path, prefix)
        if ours is not None:
            spans[ours] = span
    return spans


def _our_path(path: Path, prefix: str) -> Path | None:
    """A path of the file without `config` and the prefix; None for a value that is not the project's."""
    if path[:1] != ("config",):
        return None
    if len(path) == 1:
        return ()
    key = path[1]
    if not key.startswith(f"{prefix}:"):
        return None
    return (key.removeprefix(f"{prefix}:"), *path[2:])


def _in_our_terms(finding: Finding, prefix: str) -> Finding:
    """A finding about the form of the file, with the paths of the project and the service."""
    marks = tuple(
        replace(mark, path=_our_path(mark.path, prefix) or mark.path)
        for mark in finding.marks
    )
    service = service_at(marks[0].path) if marks else None
    return replace(finding, marks=marks, service=service)


def _keys_of_pulumi_only(
    names: Iterable[str], config: ConfigSource | None
) -> dict[str, Any]:
    """The keys that Pulumi has although they are not in the file. Their values stay unknown."""
    if config is None:
        return {}
    return {name: {"secure": ""} for name in names if config.get(name) is not None}


def _secret_values(source: YamlFile, prefix: str) -> Iterator[Finding]:
    for path in secure_paths(source.value, ()):
        where = _our_path(path, prefix)
        if where and where[0] in KEYS:
            fix = f"run pulumi config rm --path '{property_path(path[1:])}'"
            yield secret_value(where, source.spans.get(path), fix, service_at(where))


def _outside(
    findings: Iterable[Finding], secret_values: Sequence[Finding]
) -> Iterator[Finding]:
    """The findings that are not about an encrypted value, which they might show."""
    hidden = [finding.marks[0].path for finding in secret_values]
    for finding in findings:
        is_hidden = any(
            mark.path[: len(path)] == path for mark in finding.marks for path in hidden
        )
        if not is_hidden:
            yield finding


def _mark(source: YamlFile, path: Path) -> Mark:
    return Mark(path, "", source.spans.get(path))
