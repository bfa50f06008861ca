"""Makes a service that can be resolved although some of its values are missing or refused."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from convert.minimal import Keys, Values
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.parse import parse_stack

_REQUIRED: dict[Keys, Any] = {
    ("image",): "stand-in",
    ("model", "source"): "/mnt/stand-in",
    ("engine", "maxModelLen"): 4096,
}
"""The values that replace required keys while they are missing or refused."""

_MOST_ATTEMPTS = 30


@dataclass(frozen=True)
class StandIn:
    """A service that the stack file accepts."""

    service: ResolvedService | None
    """None if removing the refused keys was not enough."""
    config: ServiceConfig | None
    replaced: frozenset[Keys]
    """The keys that were removed, or that got a stand-in value."""


def stand_in(
    name: str,
    values: Values,
    cluster: Values,
) -> StandIn:
    """The service without the keys that the stack file refuses.

    Args:
        name: The name of the service.
        values: Its keys, without scalars that stand for records.
        cluster: The keys of the cluster.
    """
    candidate = copy.deepcopy(values)
    replaced: set[Keys] = set()
    for keys, substitute in _REQUIRED.items():
        if value_at(candidate, keys) is None:
            _set(candidate, keys, substitute)
            replaced.add(keys)
    for _ in range(_MOST_ATTEMPTS):
        stack = parse_stack(
            name, "", {"cluster": cluster, "services": {name: candidate}}, {}
        )
        if not stack.broken:
            service = resolve(stack).service(name)
            return StandIn(service, stack.services[name], frozenset(replaced))
        for finding in stack.findings:
            if finding.service == name:
                refused = finding.marks[0].path[2:]
                replaced.add(_replace(candidate, refused))
    return StandIn(None, None, frozenset(replaced))


def value_at(values: Values, keys: Keys) -> Any:
    """The value below some keys, or None."""
    value: Any = values
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _replace(values: Values, path: Keys) -> Keys:
    """Remove a refused value, or replace it if it is required; the keys that changed."""
    for keys, substitute in _REQUIRED.items():
        if path and _overlap(keys, path):
            _set(values, keys, substitute)
            return keys
    depth = len(path)
    while depth and value_at(values, path[:depth]) is None:
        depth -= 1
    if depth:
        holder = value_at(values, path[: depth - 1])
        del holder[path[depth - 1]]
    return path[:depth]


def _overlap(first: Keys, second: Keys) -> bool:
    """Whether one path is a part of the other."""
    length = min(len(first), len(second))
    return first[:length] == second[:length]


def _set(
    values: Values,
    keys: Keys,
    value: Any,
) -> None:
    *parents, last = keys
    holder = values
    for parent in parents:
        if not isinstance(holder.get(parent), dict):
            holder[parent] = {}
        holder = holder[parent]
    holder[last] = value
