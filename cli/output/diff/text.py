"""For people: what happens to each service and why, the NPUs, and a line that counts."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence

from cli.output.diff.comparison import Comparison
from cli.output.diff.words import SIGNS, cluster_lines, counts, detail_lines, headline, notes, npus_lines

_MOST_UNCHANGED = 10
_COLOURS = (
    (re.compile(r"^(~ .*)$", re.MULTILINE), "\x1b[33m"),
    (re.compile(r"^(\+ .*)$", re.MULTILINE), "\x1b[32m"),
    (re.compile(r"^(- .*)$", re.MULTILINE), "\x1b[31m"),
    (re.compile(r"^(! .*)$", re.MULTILINE), "\x1b[1;31m"),
    (re.compile(r"(downtime up to [^,\n]*)"), "\x1b[1;31m"),
)


def render(comparisons: Sequence[Comparison]) -> str:
    """A block a stack; its name above when there are several."""
    blocks = ["\n".join(_lines(one, named=len(comparisons) > 1)) for one in comparisons]
    return coloured("\n\n".join(blocks))


def _lines(comparison: Comparison, *, named: bool) -> Iterator[str]:
    change = comparison.change
    if named:
        yield f"{change.new}:"
    yield from cluster_lines(change)
    yield from service_lines(comparison)
    yield from npus_lines(change)
    yield from notes(comparison)
    yield counts(change)


def service_lines(comparison: Comparison) -> Iterator[str]:
    """Each service with what happens to it; many that stay as they are share a line."""
    change = comparison.change
    width = max((len(one.name) for one in change.services), default=0)
    many = len(change.of_kind("unchanged")) > _MOST_UNCHANGED and not change.moves
    for one in change.services:
        if many and one.kind == "unchanged":
            continue
        yield f"{SIGNS[one.kind]} {one.name:<{width}}  {headline(change, one)}"
        yield from detail_lines(one.details)
    if many:
        yield f"  {len(change.of_kind('unchanged'))} services {'unchanged' if change.is_update else 'alike'}"


def coloured(text: str) -> str:
    """A text with its signs coloured, where a person reads it on a terminal that has colours."""
    if os.environ.get("NO_COLOR") or not (sys.stdout and sys.stdout.isatty()):
        return text
    for pattern, colour in _COLOURS:
        text = pattern.sub(f"{colour}\\1\x1b[0m", text)
    return text
