"""Log lines of the containers that fetch and verify weights (models/launch/scripts/verify.py, `say`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(r"(?:^|\s)weights: (.*)$")
_ERROR = re.compile(r"error: (.*?); fix: (.*)")
_PROGRESS = re.compile(r"(fetched|verified) (\d+ %) \((.*)\)")


@dataclass(frozen=True)
class Failure:
    """The error that ended a container."""

    message: str
    fix: str


@dataclass(frozen=True)
class Progress:
    """How much of the weights a container has fetched or verified."""

    text: str
    """Such as `fetched 28 %`; empty if the log shows none."""
    details: str = ""
    """Such as the amount of data and the remaining time."""


def failure(lines: Sequence[str]) -> Failure | None:
    """The error in the last lines; None if they have none, or the container was killed."""
    for text in _texts(lines):
        error = _ERROR.fullmatch(text)
        if error:
            return Failure(message=error[1], fix=error[2])
    return None


def progress(lines: Sequence[str]) -> Progress:
    """The last progress in the lines."""
    for text in _texts(lines):
        share = _PROGRESS.fullmatch(text)
        if share:
            return Progress(f"{share[1]} {share[2]}", details=share[3])
        if text.startswith("waiting for "):
            return Progress(text)
    return Progress("")


def _texts(lines: Sequence[str]) -> list[str]:
    """The texts about weights, the last first."""
    matches = [_LINE.search(line) for line in reversed(lines)]
    return [match[1].strip() for match in matches if match]
