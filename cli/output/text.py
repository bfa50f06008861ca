"""For people: findings with their excerpts, and a line that counts for each stack."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from models.report import Report, finding_text, summary

_COLOURS = (
    (re.compile(r"^(error\[[^\]]*\])", re.MULTILINE), "\x1b[1;31m"),
    (re.compile(r"^(warning\[[^\]]*\])", re.MULTILINE), "\x1b[1;33m"),
    (re.compile(r"(?<=\| )( *\^+.*)$", re.MULTILINE), "\x1b[31m"),
    (re.compile(r"^(   = (?:why|fix):)", re.MULTILINE), "\x1b[1m"),
)


def render(reports: Sequence[Report]) -> str:
    """The findings of each stack, then its summary."""
    blocks = [
        block for report in reports for block in (*map(finding_text, report.findings), _summary(report, len(reports)))
    ]
    return coloured("\n\n".join(blocks))


def coloured(text: str) -> str:
    """A text with colours where a person reads it on a terminal that has them; `NO_COLOR` switches them off."""
    if os.environ.get("NO_COLOR") or not (sys.stdout and sys.stdout.isatty()):
        return text
    for pattern, colour in _COLOURS:
        text = pattern.sub(f"{colour}\\1\x1b[0m", text)
    return text


def _summary(report: Report, stacks: int) -> str:
    return summary(report) if stacks == 1 else f"{report.stack}: {summary(report)}"
