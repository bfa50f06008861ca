"""The edits that correct a flag under `extraArgs`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from models.engines.flags import Flag, Limit, flag_accepts
from models.rules.edits import as_yaml, is_written
from models.service.resolved import ResolvedService

_SIMPLE_OWNERS = ("engine.", "server.", "prefixCaching", "quantization")
"""Keys whose value is the value of their flag."""


def move_edit(service: ResolvedService, flag: Flag, key: str, value: Any) -> str:
    """The edit that moves a flag to the key that sets it.

    Args:
        service: The service.
        flag: The flag that the key sets.
        key: The path of the flag under `extraArgs`.
        value: The value under `extraArgs`.
    """
    owner = service.release.owned_flags[flag.name]
    owner_key, _, owner_value = owner.partition(": ")
    if is_written(service, owner_key) or value is False:
        return f"remove {key}"
    if owner_value and "…" not in owner_value:
        return f"write {owner} and remove {key}"
    is_simple = owner.startswith(_SIMPLE_OWNERS) and not owner_value
    if is_simple and flag_accepts(flag, value):
        return f"write {owner}: {as_yaml(value)} and remove {key}"
    return f"remove {key}, and set {owner} instead"


def value_edit(flag: Flag, key: str, value: Any) -> str:
    """The edit that replaces the invalid value of a flag by the nearest valid one."""
    for candidate in _candidates(flag, value):
        if flag_accepts(flag, candidate):
            return f"write {key}: {as_yaml(candidate)}"
    return f"remove {key}"


def _candidates(flag: Flag, value: Any) -> list[Any]:
    """Values that a flag may accept in place of an invalid one, the nearest first."""
    if isinstance(value, list):
        first = value[0] if value else None
        return [first, *[candidate for candidate in _candidates(flag, first) if first is not None]]
    candidates = [value, str(value), [value], [str(value)]]
    if isinstance(value, str):
        candidates += _readings(value)
    if isinstance(value, float) and math.isfinite(value):
        candidates.append(round(value))
    if flag.choices:
        candidates.append(_nearest_choice(flag.choices, value))
    return candidates


def _readings(text: str) -> list[Any]:
    """The numbers and truth values that a text can stand for."""
    readings: list[Any] = []
    for read in (int, float):
        try:
            readings.append(read(text))
        except ValueError:
            continue
    truths = {"true": True, "false": False, "yes": True, "no": False}
    if text.lower() in truths:
        readings.append(truths[text.lower()])
    return readings


def _nearest_choice(choices: Sequence[str | int], value: Any) -> str | int:
    """The choice that resembles a value most: the nearest number, or the most similar text."""
    numbers = [choice for choice in choices if isinstance(choice, int)]
    if numbers and isinstance(value, int | float):
        return min(numbers, key=lambda choice: abs(choice - value))
    names = {str(choice): choice for choice in choices}
    close = get_close_matches(str(value), names, n=1, cutoff=0)
    return names[close[0]] if close else choices[0]


def limit_edit(limit: Limit, key: str, value: Any) -> str:
    """The edit that brings the value of a flag within a limit."""
    if limit.instead:
        return f"rename {key} to {limit.instead}"
    if limit.never:
        return f"remove {key}"
    if limit.needs:
        return f"remove {key}, or set --{limit.needs} under extraArgs"
    if limit.minimum is not None:
        return f"write {key}: {limit.minimum}"
    if limit.choices:
        return f"write {key}: {as_yaml(_nearest_choice(limit.choices, value))}"
    return f"remove {key}, or give each item the form {limit.words}"


def rope_scaling_edit(service: ResolvedService, key: str, scaling: Mapping[str, Any], missing: Sequence[str]) -> str:
    """The edit that adds the missing fields of `ropeScaling`, from the facts of the model."""
    context = service.facts.context if service.facts else None
    if context is None:
        return f"remove {key}, or add {' and '.join(missing)} from the model's config.json"
    complete = dict(scaling)
    if "type" in missing:
        complete["type"] = "yarn"
    if "factor" not in complete:
        complete["factor"] = max(2, math.ceil(service.engine.max_model_len / context))
    if complete.get("type", complete.get("rope_type")) == "yarn":
        complete.setdefault("original_max_position_embeddings", context)
    return f"write {key}: {as_yaml(complete)}"
