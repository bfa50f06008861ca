"""The values of `additionalConfig` that a refused value probably means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.engines.vllm_ascend.records import AdditionalKey
from models.yaml_scalar import meant_scalars

_SWITCH = "enabled"
"""The key that turns the settings of a mapping on."""

_SWITCHES = ("enable", _SWITCH)
"""Keys that stand for true or false if a mapping has no other one."""


def meant_values(key: AdditionalKey, value: Any) -> Iterator[Any]:
    """The values that a user probably means by a value of another type, the nearest first.

    Args:
        key: The key, with the keys inside it.
        value: The refused value.
    """
    if isinstance(value, str):
        yield from meant_scalars(value)
    elif isinstance(value, bool):
        yield from _meant_by_truth(key, value)
    elif isinstance(value, int | float):
        yield from _meant_by_number(value)
    elif isinstance(value, dict):
        yield from _meant_by_mapping(value)
    yield [value]


def _meant_by_truth(key: AdditionalKey, value: bool) -> Iterator[Any]:
    yield value
    yield int(value)
    if key.keys and _SWITCH in key.keys:
        yield {_SWITCH: value}


def _meant_by_number(value: float) -> Iterator[Any]:
    if isinstance(value, int) and value in (0, 1):
        yield value == 1
    yield str(value)


def _meant_by_mapping(value: dict[str, Any]) -> Iterator[Any]:
    if len(value) != 1:
        return
    for name, switch in value.items():
        if name in _SWITCHES:
            yield switch
