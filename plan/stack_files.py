"""The stack file of each step, as text: what `pulumi up` gets instead of the stack's own file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from models.service.companion import OWN_KEYS, companion_name
from models.stack_file.base_file import with_base
from models.stack_file.confined import confined
from models.stack_file.lock_file import read_lock
from models.stack_file.project import read_project
from models.stack_file.texts import Read, disk
from models.stack_file.yaml_file import read_yaml
from plan.step import Replicas, Step

_ROLLOUTS: Mapping[str, Any] = {
    "additional pod": {"kind": "rollingUpdate", "maxSurge": 1, "maxUnavailable": 0},
    "one by one": {"kind": "rollingUpdate", "maxSurge": 0, "maxUnavailable": 1},
    "delete first": "recreate",
}
"""The rollout of each way of an update."""


@dataclass(frozen=True)
class StackFile:
    """A stack file, and its services together with those of its base file."""

    content: Mapping[str, Any]
    services: Mapping[str, Any]
    prefix: str
    """The project's name, which is the prefix of its keys."""
    lock: Mapping[str, Any] = field(default_factory=dict)
    """The entries of the lock file, by service; empty without one."""


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
    lock = locked.stacks.get(name, {}) if locked else {}
    return StackFile(content, services, owner.name, lock)


def text_after(old: StackFile, new: StackFile, step: Step) -> str:
    """The stack file after a step. Secrets stay encrypted, and everything but the services is that of the new file."""
    services = {}
    lock = {}
    for name in sorted({*old.services, *new.services}):
        service = _service_after(name, old, new, step)
        if service is None:
            continue
        if name in step.switched:
            service["answeredBy"] = companion_name(name)
        services[name] = service
        lock[name] = _source_after(name, old, new, step).lock.get(name)
    for name, beside in step.companions.items():
        services[name] = _companion(new.services[beside], step.state[name])
        lock[name] = new.lock.get(beside)
    return _text(new, services, lock)


def text_before(old: StackFile) -> str:
    """The stack file before the first step, with its services whole: the base file may have changed since."""
    return _text(old, old.services, old.lock)


def _text(file: StackFile, services: Mapping[str, Any], lock: Mapping[str, Any]) -> str:
    """The text of a stack file with other services, whole, and with their entries of the lock file."""
    config = {
        **file.content["config"],
        f"{file.prefix}:base": "",
        f"{file.prefix}:services": dict(services),
        f"{file.prefix}:lock": {name: entry for name, entry in lock.items() if entry},
    }
    content = {**file.content, "config": config}
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)


def undone(step: Step, before: Step) -> Step:
    """The step that undoes another one.

    Args:
        step: The step to undo.
        before: The step before it, whose state is restored.
    """
    return replace(
        step,
        before=step.after,
        after=step.before,
        state=before.state,
        companions=before.companions,
        switched=before.switched,
    )


def digest(old: StackFile, new: StackFile) -> str:
    """A hash that differs if the configuration in one of the files differs.

    Pulumi itself writes other keys, such as `encryptionsalt`, so they do not count.
    """
    document = [
        [
            file.prefix,
            file.content.get("config"),
            dict(file.services),
            dict(file.lock),
        ]
        for file in (old, new)
    ]
    text = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _service_after(
    name: str, old: StackFile, new: StackFile, step: Step
) -> dict[str, Any] | None:
    """A service after a step; None if it does not exist then."""
    replicas = step.state.get(name)
    if replicas is None:
        is_in_both = name in old.services and name in new.services
        return {**_between_updates(new, name), "replicas": 0} if is_in_both else None
    source = _source_after(name, old, new, step)
    service = _between_updates(source, name)
    if service.get("replicas") != "external":
        service["replicas"] = replicas.number
    if step.kind == "update" and step.service == name:
        configured = source.services[name].get("rollout")
        service["rollout"] = configured or _ROLLOUTS[step.way]
    return service


def _source_after(name: str, old: StackFile, new: StackFile, step: Step) -> StackFile:
    """The file that a service is from after a step."""
    replicas = step.state.get(name)
    is_new = replicas is None or replicas.is_new
    if name not in old.services or (is_new and name in new.services):
        return new
    return old


def _between_updates(file: StackFile, name: str) -> dict[str, Any]:
    """A service without the keys about its updates. The steps are the update."""
    service = dict(file.services[name])
    for key in ("rollout", "update"):
        service.pop(key, None)
    return service


def _companion(service: Mapping[str, Any], replicas: Replicas) -> dict[str, Any]:
    """The next launch of a service as a second service."""
    companion = {key: value for key, value in service.items() if key not in OWN_KEYS}
    companion["replicas"] = replicas.number
    return companion
