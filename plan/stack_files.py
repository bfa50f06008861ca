"""The stack file of each step, as text: what `pulumi up` gets instead of the stack's own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from models.service.companion import OWN_KEYS, companion_name
from models.stack_file.secret_values import referred_keys
from plan.kept_values import (
    SecretKeys,
    other_of_pair,
    pair_of,
    with_kept_files,
    without_secret_keys,
)
from plan.step import Replicas, Step, Together, Way
from plan.whole_stack_file import StackFile

_ROLLOUTS: Mapping[str, Any] = {
    "additional pod": {"kind": "rollingUpdate", "maxSurge": 1, "maxUnavailable": 0},
    "one by one": {"kind": "rollingUpdate", "maxSurge": 0, "maxUnavailable": 1},
    "delete first": "recreate",
}
"""The rollout of each way of an update."""


def text_after(old: StackFile, new: StackFile, step: Step) -> str:
    """The stack file after a step. Secrets stay encrypted.

    A service before its step has everything of the old file: its lock, its named files and its secret keys. The cluster
    and whatever else is about the stack as a whole are those of the new file.
    """
    services = {}
    lock = {}
    are_new = {}
    for name in sorted({*old.services, *new.services}):
        service = _service_after(name, old, new, step)
        if service is None:
            continue
        if name in step.switched:
            service["answeredBy"] = companion_name(name)
        services[name] = service
        source = _source_after(name, old, new, step)
        lock[name] = source.lock.get(name)
        are_new[name] = source is new
    for name, beside in step.companions.items():
        services[name] = _companion(new.services[beside], step.state[name])
        lock[name] = new.lock.get(beside)
        are_new[name] = True
    return _mixed_text(old, new, services, lock, are_new)


def text_before(old: StackFile, new: StackFile) -> str:
    """The stack file before the first step, with its services whole: the base file may have changed since."""
    services = {}
    for name, service in old.services.items():
        services[name] = with_kept_files(service, old, new)
    return _text(old, old.content["config"], services, old.lock)


def _mixed_text(
    old: StackFile,
    new: StackFile,
    services: Mapping[str, dict[str, Any]],
    lock: Mapping[str, Any],
    are_new: Mapping[str, bool],
) -> str:
    """The text of a stack file with some services in their old version and others in the new one.

    Args:
        old: The old stack file.
        new: The new stack file.
        services: The services.
        lock: Their entries of the lock file.
        are_new: Whether they have their new version.
    """
    of_old = {}
    of_new = {}
    for name, service in services.items():
        if are_new[name]:
            of_new[name] = service
        else:
            of_old[name] = with_kept_files(service, old, new)
    keys = SecretKeys(
        old,
        new,
        of_old=frozenset(referred_keys(of_old)),
        of_new=frozenset(referred_keys(of_new)),
    )
    config = without_secret_keys(new)
    for key, value in keys.values().items():
        config[f"{new.prefix}:{key}"] = value
    config.pop(f"{new.prefix}:kvTransfer", None)
    pair = pair_of(old, new, are_new)
    if pair:
        config[f"{new.prefix}:kvTransfer"] = pair
    return _text(new, config, {**of_old, **keys.renamed(of_new)}, lock)


def _text(
    file: StackFile,
    config: Mapping[str, Any],
    services: Mapping[str, Any],
    lock: Mapping[str, Any],
) -> str:
    """The text of a stack file with other services, whole, and with their entries of the lock file."""
    config = {
        **config,
        f"{file.prefix}:base": "",
        f"{file.prefix}:services": dict(services),
        f"{file.prefix}:lock": {name: entry for name, entry in lock.items() if entry},
    }
    content = {**file.content, "config": config}
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)


def undone(step: Step, before: Step) -> Step:
    """The step that undoes another one.

    Larger pods may not have room in the way in which smaller ones have replaced them. So the default rollout is used.

    Args:
        step: The step to undo.
        before: The step before it, whose state is restored.
    """
    return replace(
        step,
        before=step.after,
        after=step.before,
        way="",
        state=before.state,
        companions=before.companions,
        switched=before.switched,
        together=_undone_together(step.together),
    )


def _undone_together(together: Together | None) -> Together | None:
    if together is None:
        return None
    return replace(together, before=together.after, after=together.before, way="")


def _service_after(
    name: str, old: StackFile, new: StackFile, step: Step
) -> dict[str, Any] | None:
    """A service after a step; None if it does not exist then."""
    source = _source_after(name, old, new, step)
    replicas = step.state.get(name)
    if replicas is None:
        if name not in old.services or name not in new.services:
            return None
        return {**_between_updates(source, name), "replicas": 0}
    service = _between_updates(source, name)
    if service.get("replicas") != "external":
        service["replicas"] = replicas.number
    way = _way(name, step)
    if way is not None:
        rollout = source.services[name].get("rollout") or _ROLLOUTS.get(way)
        if rollout:
            service["rollout"] = rollout
    return service


def _way(name: str, step: Step) -> Way | None:
    """How a step updates a service; None if it does not."""
    if step.kind != "update":
        return None
    if step.service == name:
        return step.way
    if step.together and step.together.service == name:
        return step.together.way
    return None


def _source_after(name: str, old: StackFile, new: StackFile, step: Step) -> StackFile:
    """The file that a service is from after a step.

    A service of a pair without pods is from the same file as the other service.
    """
    replicas = step.state.get(name)
    if replicas is None:
        replicas = step.state.get(other_of_pair(name, old, new))
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
