"""The edits that correct a flag under `extraArgs`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from models.engines.code_places import RemovedFlag
from models.engines.edits import is_written
from models.engines.flags import Flag, Limit, flag_accepts, plain_name
from models.engines.number_range import NumberRange
from models.service.resolved import ResolvedService
from models.yaml_scalar import as_yaml, meant_scalars

_SIMPLE_OWNERS = ("engine.", "server.", "prefixCaching", "quantization")
"""Keys whose value is the value of their flag."""

_KEYS_OF_SEVERAL_FLAGS = ("server.toolCallParser",)
"""Keys that set a switch together with the flag of their name."""


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
    is_complete = bool(owner_value) and "…" not in owner_value
    if is_complete:
        return f"write {owner} and remove {key}"
    if not owner_value and _takes_value(owner, flag, value):
        return f"write {owner}: {as_yaml(value)} and remove {key}"
    return f"remove {key}, and set {owner} instead"


def _takes_value(owner: str, flag: Flag, value: Any) -> bool:
    """Whether the value of a flag is the value of the key that sets it."""
    if owner in _KEYS_OF_SEVERAL_FLAGS and not _has_name_of(owner, flag):
        return False
    return owner.startswith(_SIMPLE_OWNERS) and flag_accepts(flag, value)


def _has_name_of(owner: str, flag: Flag) -> bool:
    """Whether a key such as `server.toolCallParser` has the name of a flag."""
    name = owner.rpartition(".")[2]
    return plain_name(name) == plain_name(flag.name)


def replacement_edit(
    service: ResolvedService, removed: RemovedFlag, key: str, value: Any
) -> str:
    """The edit that replaces a flag that the release does not have.

    Args:
        service: The service.
        removed: What became of the flag.
        key: The path of the flag under `extraArgs`.
        value: The value under `extraArgs`.
    """
    if removed.replacement is None:
        return f"remove {key}"
    owner = service.release.owned_flags.get(removed.replacement)
    if owner:
        return f"remove {key}, and set {owner} instead"
    replacement = service.release.flags[removed.replacement]
    parent, _, name = key.rpartition(".")
    new_key = f"{parent}.{replacement.key}"
    is_free = service.further(replacement.name) is None
    rope_parameters = _rope_parameters(plain_name(name), value)
    if rope_parameters and is_free:
        overrides = as_yaml({"rope_parameters": rope_parameters})
        return f"write {new_key}: {overrides} and remove {key}"
    return f"remove {key}, and set {new_key} instead"


def _rope_parameters(name: str, value: Any) -> dict[str, Any] | None:
    """The field `rope_parameters` of a model's config.json for a flag of earlier releases; None for another flag.

    Args:
        name: The name of the flag, in lower case and without hyphens.
        value: Its value.
    """
    if name == "ropetheta":
        return {"rope_theta": value}
    if name != "ropescaling" or not isinstance(value, dict):
        return None
    parameters = dict(value)
    if "type" in parameters:
        parameters["rope_type"] = parameters.pop("type")
    return parameters


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
        yield from meant_scalars(value)
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
    choices_by_text = {str(choice): choice for choice in choices}
    matches = get_close_matches(str(value), choices_by_text, n=1, cutoff=0)
    return choices_by_text[matches[0]]


def limit_edit(limit: Limit, key: str, value: Any) -> str:
    """The edit that brings the value of a flag within a limit."""
    if limit.instead:
        return f"rename {key} to {limit.instead}"
    if limit.never:
        return f"remove {key}"
    if limit.needs:
        return f"remove {key}, or set --{limit.needs} under extraArgs"
    if limit.range:
        return _range_edit(limit.range, key)
    if limit.choices:
        choice = _nearest_choice(limit.choices, value)
        return f"write {key}: {as_yaml(choice)}"
    return f"remove {key}, or give each item the form {limit.words}"


def _range_edit(limits: NumberRange, key: str) -> str:
    """The edit that writes the least number of a range. A range without it has no obvious number."""
    if limits.least is None:
        return f"remove {key}"
    return f"write {key}: {limits.least:g}"
