"""A stack file with all services whole, and with everything that they refer to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.stack_file.base_file import with_base
from models.stack_file.confined import confined
from models.stack_file.lock_file import read_lock
from models.stack_file.project import read_project
from models.stack_file.texts import Read, disk
from models.stack_file.yaml_file import read_yaml

FILE_KEYS = ("verify", "configJson")
"""The keys of a model that name a file of the project."""


@dataclass(frozen=True)
class StackFile:
    """A stack file, and its services together with those of its base file."""

    content: Mapping[str, Any]
    services: Mapping[str, Any]
    prefix: str
    """The project's name, which is the prefix of its keys."""
    lock: Mapping[str, Any] = field(default_factory=dict)
    """The entries of the lock file, by service; empty without one."""
    name: str = ""
    """The stack's name."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The texts of the files that models name, by name; without those that cannot be read."""

    def value(self, key: str) -> Any:
        """The value of a key of the project; None if the stack file does not have it."""
        return self.content["config"].get(f"{self.prefix}:{key}")


def read_stack_file(name: str, project: Path, read: Read = disk) -> StackFile:
    """Read the file of a stack.

    Args:
        name: The stack's name.
        project: The directory of Pulumi.yaml.
        read: Reads a file; the disk by default.

    Raises:
        FileNotFoundError: There is no such file.
    """
    owner = read_project(project, read)
    file = project / owner.config_directory / f"Pulumi.{name}.yaml"
    read = confined(read, file.parent, project)
    content = read_yaml(str(file), read(file)).value
    config = content.get("config") or {}
    prefix = f"{owner.name}:"
    values = {}
    for key, value in config.items():
        if key.startswith(prefix):
            values[key.removeprefix(prefix)] = value
    if owner.base:
        values.setdefault("base", owner.base)
    merged = with_base(values, {}, file.parent, read)
    services = merged.values.get("services") or {}
    locked, _ = read_lock(file.parent, read)
    return StackFile(
        content=content,
        services=services,
        prefix=owner.name,
        name=name,
        lock=locked.stacks.get(name, {}) if locked else {},
        files=_named_files(services, file.parent, read),
    )


def digest(old: StackFile, new: StackFile) -> str:
    """A hash that differs if the configuration in one of the files differs.

    Pulumi itself writes other keys, such as `encryptionsalt`, so they do not count.
    """
    document = []
    for file in (old, new):
        parts = [file.services, file.lock, file.files]
        config = file.content.get("config")
        document.append([file.prefix, config, *(dict(part) for part in parts)])
    text = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_names(service: Any) -> Iterator[str]:
    """The names of the files that the model of a service names."""
    model = service.get("model") if isinstance(service, dict) else None
    if not isinstance(model, dict):
        return
    for key in FILE_KEYS:
        name = model.get(key)
        if isinstance(name, str) and name:
            yield name


def _named_files(
    services: Mapping[str, Any], directory: Path, read: Read
) -> dict[str, str]:
    """The texts of the files that models name. `check` reports those that cannot be read."""
    texts = {}
    for service in services.values():
        for name in file_names(service):
            try:
                texts[name] = read(directory / name)
            except (OSError, ValueError):
                continue
    return texts
