"""Log lines of a model server, and their meanings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

Weight = Literal["cause", "general", "consequence", "doubt"]
"""How much a line explains: the cause itself; a cause in general words, which a more precise line may name better;
a consequence of something that another process logged; or a warning, which explains only if nothing else does."""


@dataclass(frozen=True)
class KnownError:
    """A log line of a failed start, and its meaning."""

    id: str
    """A name for it. Several patterns may have the same one."""
    pattern: str
    """Regular expression for the line."""
    meaning: str
    """The problem in words."""
    why: str
    fix: str
    source: str
    """Where the message, its cause or its fix is documented."""
    weight: Weight = "cause"

    def is_in(self, line: str) -> bool:
        """Whether a log line reports the error."""
        return bool(_compiled(self.pattern).search(line))


@dataclass(frozen=True)
class StartPhase:
    """A log line that shows the phase of a start."""

    pattern: re.Pattern[str]
    text: str
    """The phase in words; `{0}` stands for the first group of the pattern."""


def find_phase(lines: Sequence[str], phases: Sequence[StartPhase]) -> str:
    """The phase of a start that its last log lines show; empty if they show none."""
    for line in reversed(lines):
        for phase in phases:
            match = phase.pattern.search(line)
            if match:
                return phase.text.format(*match.groups())
    return ""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
