"""What a text of a wrong form stands for: a number, a truth value, a list of numbers or a version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from models.yaml_scalar import meant_scalars, plain_scalar

_TRUTHS = {
    "1": True,
    "enabled": True,
    "enable": True,
    "0": False,
    "disabled": False,
    "disable": False,
}
"""Words for true and false, besides those of YAML."""
_SERIES = {"910b": "a2", "910c": "a3", "ascend910b": "a2", "ascend910c": "a3"}
"""The series of NPUs by the names of their processors."""
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
_CORES = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:v?cpus?|cores?|c)", re.IGNORECASE)
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+")
_DECIMAL_COMMA = re.compile(r"0,[0-9]+")
_NUMBER_LIST = re.compile(r"[0-9]{1,9}(?: ?, ?[0-9]{1,9})+")
_COUNTED = re.compile(
    r"([0-9]{1,9}) ?(?:npus?|gpus?|cards?|devices?|nodes?|pods?|replicas?|tokens?|x)",
    re.IGNORECASE,
)
"""A number with the name of the counted things, such as `4 NPUs`."""
_NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight")
_VERSION = re.compile(r"v?([0-9]+\.[0-9]+)(?:\.[0-9]+)*$")


def series_of_npus(processor: str) -> str | None:
    """The series of NPUs for the name of its processor, such as 910B; None for another text."""
    return _SERIES.get(processor.strip().lower())


def readings(text: str) -> Iterator[Any]:
    """The number, the truth value, the list of numbers or the version that a text stands for."""
    plain = text.strip()
    yield from meant_scalars(plain)
    if plain.lower() in _TRUTHS:
        yield _TRUTHS[plain.lower()]
    share = _PERCENT.fullmatch(plain)
    if share:
        yield float(share[1]) / 100
    cores = _CORES.fullmatch(plain)
    if cores:
        yield plain_scalar(cores[1])
    counted = _COUNTED.fullmatch(plain)
    if counted:
        yield int(counted[1])
    if plain.lower() in _NUMBER_WORDS:
        yield _NUMBER_WORDS.index(plain.lower())
    if _THOUSANDS.fullmatch(plain):
        yield int(plain.replace(",", ""))
    if _DECIMAL_COMMA.fullmatch(plain):
        yield float(plain.replace(",", "."))
    if _NUMBER_LIST.fullmatch(plain):
        yield [int(number) for number in plain.split(",")]
    version = _VERSION.match(plain)
    if version:
        yield version[1]
