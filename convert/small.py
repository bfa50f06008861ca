"""A stack file as people write it: without what equals the default, and with scalars where they suffice."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Values = dict[str, Any]
Keys = tuple[str, ...]

_SHORT: dict[Keys, str] = {
    ("model",): "source",
    ("server",): "kind",
    ("graph",): "kind",
    ("rollout",): "kind",
    ("mindSpeed",): "kind",
    ("platform",): "kind",
    ("namespace",): "name",
    ("server", "chatTemplate"): "path",
    **{("platform", field): "hostPath" for field in ("driver", "addOns", "hccnConf", "localtime", "npuSmi")},
}
"""Where a scalar may stand for the whole record, and for which of its keys."""

_FIRST = (
    ("engine", "tensorParallelSize"),
    ("engine", "maxNumBatchedTokens"),
    ("precision", "prefill"),
    ("precision", "decode"),
)
"""What follows from other keys goes before those."""


def smallest(values: Values, same: Callable[[Values], bool]) -> Values:
    """The values without each key that makes no difference.

    Args:
        values: The keys of a service or of a cluster.
        same: Whether other values mean the same.
    """
    left = copy.deepcopy(values)
    for keys in [*_FIRST, *(keys for keys in _leaves(left) if keys not in _FIRST)]:
        tried = copy.deepcopy(left)
        if _remove(tried, keys) and same(tried):
            left = tried
    return left


def shortened(values: Values, at: Keys = ()) -> Values:
    """The values with scalars in the place of records that hold nothing else."""
    result = {}
    for key, value in values.items():
        short = shortened(value, (*at, key)) if isinstance(value, dict) else value
        name = _SHORT.get((*at, key))
        result[key] = short[name] if isinstance(short, dict) and name and list(short) == [name] else short
        if key == "servedModelName" and isinstance(value, list) and len(value) == 1:
            result[key] = value[0]
    if at == () and result.get("multimodal") == {}:
        result["multimodal"] = True
    return result


def _leaves(values: Values, at: Keys = ()) -> Iterator[Keys]:
    """The keys of every value, the last ones first, and of mappings after what they hold."""
    for key, value in reversed(values.items()):
        if isinstance(value, dict):
            yield from _leaves(value, (*at, key))
        yield (*at, key)


def _remove(values: Values, keys: Keys) -> bool:
    """Remove a value, and the mappings that it leaves empty; whether there was one."""
    *above, key = keys
    holder: Any = values
    for name in above:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or key not in holder:
        return False
    del holder[key]
    if above and not holder and above != ["multimodal"]:
        _remove(values, tuple(above))
    return True
