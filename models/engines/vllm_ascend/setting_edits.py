"""The values of `additionalConfig` that a refused value probably means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.engines.vllm_ascend.records import AdditionalKey
from models.yaml_scalar import TRUTHS, plain_scalar

_SWITCH = "enabled"
"""The key that turns the settings of a mapping on."""


def meant_values(key: AdditionalKey, value: Any) -> Iterator[Any]:
    """The values that a user probably means by a value of another type, the nearest first."""
    if isinstance(value, str):
        text = value.strip()
        yield plain_scalar(text)
        if text.lower() in TRUTHS:
            yield TRUTHS[text.lower()] == "true"
    if isinstance(value, int) and value in (0, 1):
        yield value == 1
    if isinstance(value, bool):
        yield int(value)
    if isinstance(value, bool) and key.keys and _SWITCH in key.keys:
        yield {_SWITCH: value}
    if isinstance(value, dict) and list(value) in (["enable"], [_SWITCH]):
        yield from value.values()
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    yield [value]
