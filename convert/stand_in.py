"""A service that can be judged while values are missing or refused: without them, or with stand-ins."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from convert.small import Keys
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.parse import parse_stack
from models.stack_file.service import ServiceConfig

Values = dict[str, Any]

_NEEDED: dict[Keys, Any] = {
    ("image",): "stand-in",
    ("model", "source"): "/mnt/stand-in",
    ("engine", "maxModelLen"): 4096,
}
"""What stands for a key that a service cannot do without, while its value is missing or refused."""

_TRIES = 30


@dataclass(frozen=True)
class StandIn:
    """A service that is well formed."""

    service: ResolvedService | None
    """None when it could not be made so."""
    config: ServiceConfig | None
    odd: frozenset[Keys]
    """The keys that were left out or stood in for."""


def stand_in(name: str, values: Values, cluster: Values) -> StandIn:
    """The service without what its shape refuses.

    Args:
        name: The service.
        values: Its keys; none of them is shortened.
        cluster: The keys of its cluster.
    """
    tried, odd = copy.deepcopy(values), set[Keys]()
    for keys, usual in _NEEDED.items():
        if value_at(tried, keys) is None:
            _set(tried, keys, usual)
            odd.add(keys)
    for _ in range(_TRIES):
        loaded = parse_stack(name, "", {"cluster": cluster, "services": {name: tried}}, {})
        if not loaded.broken:
            return StandIn(resolve(loaded).service(name), loaded.services[name], frozenset(odd))
        for finding in loaded.findings:
            if finding.service == name:
                odd.add(_leave_out(tried, finding.marks[0].path[2:]))
    return StandIn(None, None, frozenset(odd))


def value_at(values: Values, keys: Keys) -> Any:
    """The value below keys, or None."""
    found: Any = values
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _leave_out(values: Values, path: Keys) -> Keys:
    """Remove what a path leads to as far as it is there, or stand in for it; what was changed."""
    for keys, usual in _NEEDED.items():
        if path and (keys[: len(path)] == path or path[: len(keys)] == keys):
            _set(values, keys, usual)
            return keys
    depth = next((depth for depth in range(len(path), 0, -1) if value_at(values, path[:depth]) is not None), 0)
    if depth:
        holder = value_at(values, path[: depth - 1])
        del holder[path[depth - 1]]
    return path[:depth]


def _set(values: Values, keys: Keys, value: Any) -> None:
    for key in keys[:-1]:
        below = values.get(key)
        values[key] = values = below if isinstance(below, dict) else {}
    values[keys[-1]] = value
