"""The edits that correct a flag under `extraArgs`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from models.engines.edits import is_written
from models.engines.flags import Flag, Limit, flag_accepts
from models.service.resolved import ResolvedService
from models.stack_file.messages import TRUTHS
from models.yaml_scalar import as_yaml, plain_scalar

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
    if "…" in owner_value:
        return f"remove {key}, and set {owner} instead"
    if owner_value:
        return f"write {owner} and remove {key}"
    if owner.startswith(_SIMPLE_OWNERS) and flag_accepts(flag, value):
        return f"write {owner}: {as_yaml(value)} and remove {key}"
    return f"remove {key}, and set {owner} instead"


def value_edit(flag: Flag, key: str, value: Any) -> str:
    """The edit that replaces the invalid value of a flag by the nearest valid one."""
    for candidate in _candidates(flag, value):
        if flag_accepts(flag, candidate):
            return f"write {key}: {as_yaml(candidate)}"
    return f"remove {key}"


def _candidates(flag: Flag, value: Any) -> Iterator[Any]:
    """Values that a flag may accept in place of an invalid one, the nearest first."""
    if isinstance(value, list):
        for item in value:
            yield item
            yield from _candidates(flag, item)
        return
    if isinstance(value, str):
        text = value.strip()
        yield plain_scalar(text)
        if text.lower() in TRUTHS:
            yield TRUTHS[text.lower()] == "true"
    if isinstance(value, float) and math.isfinite(value):
        yield round(value)
    if flag.choices:
        yield _nearest_choice(flag.choices, value)
    yield str(value)
    yield [value]
    yield [str(value)]


def _nearest_choice(choices: Sequence[str | int], value: Any) -> str | int:
    """The choice that resembles a value most: the nearest number, or the most similar text."""
    numbers = [choice for choice in choices if isinstance(choice, int)]
    if numbers and isinstance(value, int | float):
        return min(numbers, key=lambda choice: abs(choice - value))
    names = {str(choice): choice for choice in choices}
    close = get_close_matches(str(value), names, n=1, cutoff=0)
    return names[close[0]]


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
        choice = _nearest_choice(limit.choices, value)
        return f"write {key}: {as_yaml(choice)}"
    return f"remove {key}, or give each item the form {limit.words}"


def rope_scaling_edit(
    service: ResolvedService,
    key: str,
    scaling: Mapping[str, Any],
    missing: Sequence[str],
) -> str:
    """The edit that adds the missing fields of `ropeScaling`, from the facts of the model."""
    if service.facts is None or service.facts.context is None:
        fields = " and ".join(missing)
        return f"remove {key}, or add {fields} from the model's config.json"

    context = service.facts.context
    stretched = service.engine.max_model_len / context
    complete = dict(scaling)
    if "type" in missing:
        complete["type"] = "yarn"
    if "factor" in missing:
        complete["factor"] = max(2, math.ceil(stretched))
    kind = complete.get("type", complete.get("rope_type"))
    if kind == "yarn":
        complete.setdefault("original_max_position_embeddings", context)
    return f"write {key}: {as_yaml(complete)}"
