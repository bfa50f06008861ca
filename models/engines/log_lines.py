"""Log lines of a model server, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownError:
    """A log line of a failed start, and what it means."""

    pattern: str
    """Regular expression for the line, without regard to case."""
    meaning: str
    """The problem in words."""
    why: str
    fix: str
    source: str
    """Where the message, its cause or its fix is documented."""


@dataclass(frozen=True)
class StartPhase:
    """A log line that shows the phase of a start."""

    pattern: re.Pattern[str]
    text: str
    """The phase in words; `{0}` stands for the first group of the pattern."""


def find_error(
    lines: Sequence[str], known_errors: Iterable[KnownError]
) -> KnownError | None:
    """The first known error that occurs in the last log lines of a container, or None."""
    text = "\n".join(lines)
    for known in known_errors:
        if re.search(known.pattern, text, re.IGNORECASE):
            return known
    return None


def find_phase(lines: Sequence[str], phases: Iterable[StartPhase]) -> str:
    """The phase of a start that its last log lines show; empty if they show none."""
    for line in reversed(lines):
        for phase in phases:
            match = phase.pattern.search(line)
            if match:
                return phase.text.format(*match.groups())
    return ""
