"""What a number or a text of a wrong form stands for: numbers, truth values, sizes and durations."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from models.record import duration_text
from models.yaml_scalar import TRUTHS, plain_scalar

_SIZE = re.compile(r"[0-9.]+[KMGTPE]i")
_PLAIN_SIZE = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_MOST_GIB = 4096
"""A larger number without its unit is an amount in Mi."""
_SIZE_IN_WORDS = re.compile(
    r"([0-9][0-9_]*(?:\.[0-9]+)?) ?([kmgtpe])(?:i?b|i)?", re.IGNORECASE
)
_COUNT_IN_WORDS = re.compile(r"([0-9]{1,9}) ?([kKmM]i|[kKmM])")
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
_TRUTHS = {
    "1": "true",
    "enabled": "true",
    "enable": "true",
    "0": "false",
    "disabled": "false",
    "disable": "false",
}
"""Words for true and false, besides those of YAML."""
_SERIES = {"910b": "a2", "910c": "a3", "ascend910b": "a2", "ascend910c": "a3"}
"""The series of NPUs by the names of their processors."""
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
_CORES = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:v?cpus?|cores?|c)", re.IGNORECASE)
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+")
_DECIMAL_COMMA = re.compile(r"0,[0-9]+")
_NUMBER_LIST = re.compile(r"[0-9]{1,9}(?: ?, ?[0-9]{1,9})+")
_VERSION = re.compile(r"v?([0-9]+\.[0-9]+)(?:\.[0-9]+)*$")
_UNIT = r"([smh])(?:ecs?|econds?|ins?|inutes?|rs?|ours?)?"
_TIME_IN_WORDS = re.compile(rf"([0-9]+) ?{_UNIT}\b", re.IGNORECASE)
_FRACTION_IN_WORDS = re.compile(rf"([0-9]+\.[0-9]+) ?{_UNIT}", re.IGNORECASE)
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def series_of_npus(processor: str) -> str | None:
    """The series of NPUs for the name of its processor, such as 910B; None for another text."""
    return _SERIES.get(processor.strip().lower())


def readings(text: str) -> Iterator[Any]:
    """The number, the truth value, the list of numbers or the version that a text stands for."""
    plain = text.strip()
    yield plain_scalar(plain)
    truth = {**TRUTHS, **_TRUTHS}.get(plain.lower())
    if truth:
        yield truth == "true"
    share = _PERCENT.fullmatch(plain)
    if share:
        yield float(share[1]) / 100
    cores = _CORES.fullmatch(plain)
    if cores:
        yield plain_scalar(cores[1])
    if _THOUSANDS.fullmatch(plain):
        yield int(plain.replace(",", ""))
    if _DECIMAL_COMMA.fullmatch(plain):
        yield float(plain.replace(",", "."))
    if _NUMBER_LIST.fullmatch(plain):
        yield [int(number) for number in plain.split(",")]
    version = _VERSION.match(plain)
    if version:
        yield version[1]


def counts(text: str) -> Iterator[int]:
    """The number that a text such as 32K stands for."""
    count = _COUNT_IN_WORDS.fullmatch(text.strip())
    if count:
        yield int(count[1]) * _FACTORS[count[2]]


def sizes_of_number(number: float, examples: list[Any]) -> Iterator[str]:
    """A number without its unit as a size, if the field has sizes: 64Gi for 64."""
    if number > 0 and not isinstance(number, bool) and examples:
        yield from sizes(json.dumps(number), examples[0])


def readings_of_number(number: float) -> Iterator[Any]:
    """The number or the truth value as text, as a duration, and without its fraction."""
    text = json.dumps(number)
    yield text
    if isinstance(number, bool):
        return
    if number in (0, 1):
        yield number == 1
    yield f"{text}s"
    if math.isfinite(number):
        yield round(number)
        yield f"{round(number)}s"


def sizes(text: str, example: Any) -> Iterator[str]:
    """A size as Kubernetes writes it, for a field of sizes: 64Gi for `64GiB` and for `64 gb`."""
    if not isinstance(example, str) or not _SIZE.fullmatch(example):
        return
    if _PLAIN_SIZE.fullmatch(text):
        unit = "Gi" if float(text) < _MOST_GIB else "Mi"
        yield f"{text}{unit}"
    size = _SIZE_IN_WORDS.fullmatch(text)
    if size:
        number = size[1].replace("_", "")
        yield f"{number}{size[2].upper()}i"


def durations(text: str) -> Iterator[str]:
    """A duration as Kubernetes writes it: 1h30m for `1 h 30 min`, and 5400s for `1.5h`."""
    if text.isascii() and text.isdigit():
        yield f"{text}s"
    fraction = _FRACTION_IN_WORDS.fullmatch(text)
    if fraction:
        seconds = float(fraction[1]) * _SECONDS[fraction[2].lower()]
        yield duration_text(round(seconds))
        return
    parts = _TIME_IN_WORDS.findall(text)
    if parts:
        yield "".join(f"{number}{unit.lower()}" for number, unit in parts)
