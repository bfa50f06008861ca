"""Sizes, durations and counts as people write them, in the form that a stack file accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.record import duration_text

_SIZE = re.compile(r"[0-9.]+[KMGTPE]i")
"""A size as the stack file writes it, such as 64Gi."""

_PLAIN_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")

_MOST_GIB = 4096
"""A larger number without a unit is an amount in Mi."""

_SIZE_IN_WORDS = re.compile(
    r"([0-9][0-9_]*(?:\.[0-9]+)?) ?([kmgtpe])(?:i?b|i)?", re.IGNORECASE
)
"""A size such as `64GiB`, `64 gb` and `1_000Gi`."""

_COUNT_IN_WORDS = re.compile(r"([0-9]{1,9}) ?([kKmM]i|[kKmM])")
"""A count such as `32K` and `1 Mi`."""

_FACTORS = {
    "k": 1000,
    "K": 1024,
    "Ki": 1024,
    "ki": 1024,
    "m": 1000**2,
    "M": 1024**2,
    "Mi": 1024**2,
    "mi": 1024**2,
}
"""The factors of the letters after a number, such as 32K, in vLLM (vllm/engine/arg_utils.py, human_readable_int).

vLLM does not read Ki and Mi; they mean what they mean in a quantity of Kubernetes.
"""

_UNIT = r"([smh])(?:ecs?|econds?|ins?|inutes?|rs?|ours?)?"
"""A unit of time: `s`, `sec`, `min`, `hours`. The first letter identifies it."""

_PART_OF_TIME = re.compile(rf"(?<![0-9])([0-9]{{1,9}}) ?{_UNIT}\b", re.IGNORECASE)
_FRACTION_OF_TIME = re.compile(rf"([0-9]+\.[0-9]+) ?{_UNIT}", re.IGNORECASE)
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def is_size(text: str) -> bool:
    """Whether a text is a size as the stack file writes it."""
    return _SIZE.fullmatch(text) is not None


def sizes(text: str) -> Iterator[str]:
    """The sizes that a text stands for: 64Gi for `64GiB`, for `64 gb` and for `64`."""
    if _PLAIN_NUMBER.fullmatch(text):
        unit = "Gi" if float(text) < _MOST_GIB else "Mi"
        yield f"{text}{unit}"
    size = _SIZE_IN_WORDS.fullmatch(text)
    if size:
        number = size[1].replace("_", "")
        unit = size[2].upper()
        yield f"{number}{unit}i"


def durations(text: str) -> Iterator[str]:
    """The duration that a text stands for: 1h30m for `1 h 30 min`, and 5400s for `1.5h`, and 60s for `60`."""
    if text.isascii() and text.isdigit():
        yield f"{text}s"
    fraction = _FRACTION_OF_TIME.fullmatch(text)
    if fraction:
        unit = fraction[2].lower()
        seconds = float(fraction[1]) * _SECONDS[unit]
        yield duration_text(round(seconds))
        return
    parts = []
    for number, unit in _PART_OF_TIME.findall(text):
        parts.append(f"{number}{unit.lower()}")
    if parts:
        yield "".join(parts)


def counts(text: str) -> Iterator[int]:
    """The number that a text such as 32K stands for."""
    count = _COUNT_IN_WORDS.fullmatch(text)
    if count:
        yield int(count[1]) * _FACTORS[count[2]]
