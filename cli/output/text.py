"""For people: findings with excerpts of the file, and one summary line for each stack."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from models.report import Report, finding_text, summary

Colours = Sequence[tuple[re.Pattern[str], str]]
"""The escape sequence for each pattern; the first group of a pattern is coloured."""

_COLOURS: Colours = (
    (re.compile(r"^(error\[[^\]]*\])", re.MULTILINE), "\x1b[1;31m"),
    (re.compile(r"^(no-effect\[[^\]]*\])", re.MULTILINE), "\x1b[1;33m"),
    (re.compile(r"^(warning\[[^\]]*\])", re.MULTILINE), "\x1b[1;33m"),
    (re.compile(r"(?<=\| )( *\^+.*)$", re.MULTILINE), "\x1b[31m"),
    (re.compile(r"^(   = (?:why|fix):)", re.MULTILINE), "\x1b[1m"),
)
_RESET = "\x1b[0m"


def render(reports: Sequence[Report]) -> str:
    """The findings of each stack, then its summary."""
    blocks = []
    for report in reports:
        blocks += [finding_text(finding) for finding in report.findings]
        line = summary(report)
        if len(reports) > 1:
            line = f"{report.stack}: {line}"
        blocks.append(line)
    return coloured("\n\n".join(blocks))


def coloured(text: str, colours: Colours = _COLOURS) -> str:
    """A text with colours if standard output is a terminal and `NO_COLOR` is not set."""
    if os.environ.get("NO_COLOR") or not sys.stdout or not sys.stdout.isatty():
        return text
    for pattern, colour in colours:
        text = pattern.sub(rf"{colour}\1{_RESET}", text)
    return text
