"""For people: findings with excerpts of the file, and one summary line for each stack."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

from cli.output.terminal import has_colours
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


def render(reports: Sequence[Report], stream: TextIO | None = None) -> str:
    """The findings of each stack, then its summary; with colours if the stream (standard output) shows them."""
    blocks = []
    for report in reports:
        blocks += [finding_text(finding) for finding in report.findings]
        line = summary(report)
        if len(reports) > 1:
            line = f"{report.stack}: {line}"
        blocks.append(line)
    return coloured("\n\n".join(blocks), stream=stream)


def coloured(
    text: str, colours: Colours = _COLOURS, stream: TextIO | None = None
) -> str:
    """A text with colours if the stream (standard output) shows them."""
    if not has_colours(stream):
        return text
    for pattern, colour in colours:
        text = pattern.sub(rf"{colour}\1{_RESET}", text)
    return text
