"""Pulumi.yaml: the project's name, and where its stack files are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from models.stack_file.texts import Read, disk
from models.stack_file.yaml_file import read_yaml


@dataclass(frozen=True)
class Project:
    """The part of Pulumi.yaml that concerns stack files."""

    name: str = "ascend-vllm"
    """The name, which is the prefix of the project's keys."""
    config_directory: str = "."
    """Directory of the stack files."""
    base: str = ""
    """The base file of stacks without the key `base`."""


def read_project(directory: File, read: Read = disk) -> Project:
    """The project in a directory. Without Pulumi.yaml, it has the default values."""
    file = directory / "Pulumi.yaml"
    try:
        content = read_yaml(str(file), read(file)).value
    except FileNotFoundError:
        return Project()
    if not isinstance(content, dict):
        return Project()
    name = str(content.get("name") or Project.name)
    return Project(
        name=name,
        config_directory=str(content.get("stackConfigDir") or "."),
        base=_default_base(content.get("config"), name),
    )


def _default_base(keys: Any, project: str) -> str:
    """The default of the key `base`, which Pulumi.yaml has as a value or as a mapping."""
    if not isinstance(keys, dict):
        return ""
    base = keys.get("base") or keys.get(f"{project}:base")
    if isinstance(base, dict):
        base = base.get("default")
    return base if isinstance(base, str) else ""
