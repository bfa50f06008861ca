"""The values of a stack file that belong to this project, and findings about keys that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from models.finding import Finding, Mark, Path
from models.stack_file.errors.unknown_keys import nearest, unknown_key
from models.stack_file.keys.stack import StackConfig
from models.stack_file.yaml_file import YamlFile

KEYS = [info.alias or name for name, info in StackConfig.model_fields.items()]
"""The keys of the project."""

MOST_UNKNOWN_KEYS = 100
"""Most reported keys of one place that nothing reads. For each, the nearest known key is looked for."""

_KEYS_OF_PULUMI = dict.fromkeys(
    ("config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt")
)
"""The keys at the top level of a stack file."""


@dataclass
class Content:
    """The content of a stack file."""

    values: dict[str, Any] = field(default_factory=dict)
    """The values of the project's keys."""
    further: dict[str, Any] = field(default_factory=dict)
    """The values of further keys of the project, which may be secrets."""
    findings: list[Finding] = field(default_factory=list)


def content_of(source: YamlFile, prefix: str) -> Content:
    """The content of a stack file, with the findings about keys that nothing reads.

    Args:
        source: The file.
        prefix: The project's name, which is the prefix of its keys.
    """
    content = Content()
    if source.value is None:
        return content
    if not _has_form_of_stack_file(source.value):
        content.findings.append(_no_stack_file(source))
        return content
    unknown_keys = [key for key in source.value if key not in _KEYS_OF_PULUMI]
    for key in unknown_keys[:MOST_UNKNOWN_KEYS]:
        content.findings.append(_unknown_at_the_top(source, prefix, key))
    config = source.value.get("config") or {}
    _read_values(content, prefix, config)
    content.findings += _unread_keys(source, prefix, config)
    return content


def _has_form_of_stack_file(value: Any) -> bool:
    """Whether a value is a mapping, and its `config` is one too if it has any."""
    if not isinstance(value, dict):
        return False
    config = value.get("config", {})
    return isinstance(config, dict | None)


def _no_stack_file(source: YamlFile) -> Finding:
    return Finding(
        rule="bad-value",
        severity="error",
        message="a stack file is a mapping with the key config",
        why="Pulumi refuses the file",
        fix="write config: {}, then add the keys of docs/reference/stack-file.md",
        marks=(_mark(source, ("config",)),),
    )


def _read_values(content: Content, prefix: str, config: dict[str, Any]) -> None:
    """Add the values of the project under `config` to the content."""
    for key, value in config.items():
        namespace, _, name = key.rpartition(":")
        if namespace != prefix or value is None:
            continue
        if name in KEYS:
            content.values[name] = value
        else:
            content.further[name] = value


def _unread_keys(
    source: YamlFile, prefix: str, config: dict[str, Any]
) -> Iterator[Finding]:
    """The findings about keys under `config` that nothing reads, then about those with the name of another project."""
    unread = [key for key in config if _is_unread(key, prefix, config)]
    for key in unread[:MOST_UNKNOWN_KEYS]:
        yield unread_key(source, prefix, key)
    of_other_projects = [key for key in config if _is_meant_for_us(key, prefix, config)]
    for key in of_other_projects[:MOST_UNKNOWN_KEYS]:
        yield _key_of_other_project(source, prefix, key)


def _is_unread(key: str, prefix: str, config: dict[str, Any]) -> bool:
    """Whether a key has no prefix, or the project's prefix and neither a known name nor a value.

    An unknown name with a value may be a secret that a service refers to.
    """
    namespace, _, name = key.rpartition(":")
    if not namespace:
        return True
    is_ours = namespace == prefix
    return is_ours and name not in KEYS and config[key] is None


def _is_meant_for_us(key: str, prefix: str, config: dict[str, Any]) -> bool:
    """Whether a key has the name of another project, and this project lacks it.

    The keys of a provider of Pulumi have its name as prefix (`kubernetes:context`). Such a prefix has no services.
    """
    namespace, _, name = key.rpartition(":")
    if namespace in ("", prefix):
        return False
    has_services = f"{namespace}:services" in config or f"{namespace}:base" in config
    return has_services and name in KEYS and f"{prefix}:{name}" not in config


def _key_of_other_project(source: YamlFile, prefix: str, key: str) -> Finding:
    """A key of this program with the name of another project, such as that of the documentation."""
    namespace, _, name = key.rpartition(":")
    return Finding(
        rule="unknown-key",
        severity="error",
        message=f"{key} belongs to a project named {namespace}, and this project is named {prefix}",
        why=f"Pulumi passes only keys that begin with {prefix}: to the program (the name in Pulumi.yaml)",
        fix=f"rename {key} to {prefix}:{name}",
        marks=(_mark(source, ("config", key)),),
    )


def _unknown_at_the_top(source: YamlFile, prefix: str, key: str) -> Finding:
    """A key that is not one of Pulumi's. A key of the project belongs under `config`."""
    finding = unknown_key(_mark(source, (key,)), key, _KEYS_OF_PULUMI)
    name = key.removeprefix(f"{prefix}:")
    config = source.value.get("config") or {}
    if name in KEYS and f"{prefix}:{name}" not in config:
        return replace(finding, fix=f"move {key} to config.{prefix}:{name}")
    return finding


def unread_key(source: YamlFile, prefix: str, key: str) -> Finding:
    """A key under `config` that the program does not know and no service refers to."""
    known = dict.fromkeys(f"{prefix}:{known}" for known in KEYS)
    name = key.rpartition(":")[2]
    near = nearest(name, dict.fromkeys(KEYS))
    meant = "-"
    if near and f"{prefix}:{near}" not in source.value["config"]:
        meant = f"{prefix}:{near}"
    return unknown_key(_mark(source, ("config", key)), key, known, meant=meant)


def _mark(source: YamlFile, path: Path) -> Mark:
    return Mark(path, "", source.spans.get(path))
