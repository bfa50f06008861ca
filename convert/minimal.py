"""Shortens the values of a stack file: no key that equals its default, and scalars instead of records with one key."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Values = dict[str, Any]
Keys = tuple[str, ...]

_SCALAR_KEYS: dict[Keys, str] = {
    ("model",): "source",
    ("server",): "kind",
    ("graph",): "kind",
    ("expose",): "type",
    ("rollout",): "kind",
    ("mindSpeed",): "kind",
    ("platform",): "kind",
    ("namespace",): "name",
    ("server", "chatTemplate"): "path",
    ("platform", "driver"): "hostPath",
    ("platform", "addOns"): "hostPath",
    ("platform", "hccnConf"): "hostPath",
    ("platform", "localtime"): "hostPath",
    ("platform", "npuSmi"): "hostPath",
}
"""Records that a scalar may stand for, with the key that gets the scalar."""

_DEPENDENT: tuple[Keys, ...] = (
    ("engine", "tensorParallelSize"),
    ("engine", "maxNumBatchedTokens"),
    ("precision", "prefill"),
    ("precision", "decode"),
)
"""Keys whose default depends on other keys. They are removed first, while the other keys are still written out."""


def minimal(values: Values, is_same: Callable[[Values], bool]) -> Values:
    """The values without every key that makes no difference.

    Args:
        values: The keys of a service or of the cluster.
        is_same: Whether candidate values mean the same as the values.
    """
    kept = copy.deepcopy(values)
    others = [keys for keys in _paths(kept) if keys not in _DEPENDENT]
    for keys in (*_DEPENDENT, *others):
        candidate = copy.deepcopy(kept)
        if _remove(candidate, keys) and is_same(candidate):
            kept = candidate
    return kept


def with_scalars(values: Values, at: Keys = ()) -> Values:
    """The values with a scalar instead of each record that has only its main key."""
    result: Values = {}
    for key, value in values.items():
        keys = (*at, key)
        if isinstance(value, dict):
            result[key] = _scalar(with_scalars(value, keys), keys)
        elif key == "servedModelName" and isinstance(value, list) and len(value) == 1:
            result[key] = value[0]
        else:
            result[key] = value
    if not at and result.get("multimodal") == {}:
        result["multimodal"] = True
    return result


def _scalar(record: Values, keys: Keys) -> Any:
    """The value of the main key of a record if it has no other key, else the record."""
    main_key = _SCALAR_KEYS.get(keys)
    if not main_key or list(record) != [main_key]:
        return record
    value = record[main_key]
    if isinstance(value, dict):
        return record
    return value


def _paths(values: Values, at: Keys = ()) -> Iterator[Keys]:
    """The path of every value, the last key first, and a mapping after its values."""
    for key, value in reversed(values.items()):
        if isinstance(value, dict):
            yield from _paths(value, (*at, key))
        yield (*at, key)


def _remove(values: Values, keys: Keys) -> bool:
    """Remove a value, and the mappings that become empty; False if there is no such value."""
    *parents, key = keys
    holder: Any = values
    for parent in parents:
        holder = holder.get(parent) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or key not in holder:
        return False
    del holder[key]
    if parents and not holder and parents != ["multimodal"]:
        _remove(values, tuple(parents))
    return True
