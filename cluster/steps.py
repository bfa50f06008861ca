"""What the steps that fetch and verify weights say of themselves (models/launch/scripts/verify.py, `say`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SAYS = re.compile(r"(?:^|\s)weights: (.*)$")
_ERROR = re.compile(r"error: (.*?); fix: (.*)")
_PROGRESS = re.compile(r"(fetched|verified) (\d+ %) \((.*)\)")


@dataclass(frozen=True)
class Failure:
    """What ended a step."""

    words: str
    fix: str


def failure(lines: Sequence[str]) -> Failure | None:
    """What the last lines say that a step ended of; None when it was no step of ours, or it was killed."""
    for text in _said(lines):
        if found := _ERROR.fullmatch(text):
            return Failure(found[1], found[2])
    return None


def progress(lines: Sequence[str]) -> tuple[str, str]:
    """How far a step is, as `fetched 28 %`, and what more it says of that; empty when it says nothing."""
    for text in _said(lines):
        if found := _PROGRESS.fullmatch(text):
            return f"{found[1]} {found[2]}", found[3]
        if text.startswith("waiting for "):
            return text, ""
    return "", ""


def _said(lines: Sequence[str]) -> list[str]:
    """The texts of a step, the last first."""
    return [found[1].strip() for line in reversed(lines) if (found := _SAYS.search(line))]
