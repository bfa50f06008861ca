"""For people: what happens to each service and why, the NPUs, and a summary line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from cli.output import text
from cli.output.diff.comparison import Comparison
from cli.output.diff.release import release_lines
from cli.output.diff.words import (
    SIGNS,
    because,
    cluster_lines,
    counts,
    detail_lines,
    headline,
    notes,
    npus_lines,
    refusal,
    values,
)
from cli.output.terminal import fits, folded
from review import Detail, StackChange

_MOST_UNCHANGED = 10
_COLOURS: text.Colours = (
    (re.compile(r"^(~ .*)$", re.MULTILINE), "\x1b[33m"),
    (re.compile(r"^(\+ .*)$", re.MULTILINE), "\x1b[32m"),
    (re.compile(r"^(- .*)$", re.MULTILINE), "\x1b[31m"),
    (re.compile(r"^(! .*)$", re.MULTILINE), "\x1b[1;31m"),
    (re.compile(r"(downtime up to [^,\n]*)"), "\x1b[1;31m"),
)


def render(comparisons: Sequence[Comparison]) -> str:
    """One block for each stack, with its name above if there are several."""
    blocks = []
    for comparison in comparisons:
        lines = list(_lines(comparison))
        if len(comparisons) > 1:
            lines.insert(0, f"{comparison.change.new}:")
        blocks.append("\n".join(lines))
    return coloured("\n\n".join(blocks))


def coloured(plain: str) -> str:
    """A text with coloured signs if standard output shows colours."""
    return text.coloured(plain, _COLOURS)


def _lines(comparison: Comparison) -> Iterator[str]:
    change = comparison.change
    refused = refusal(comparison)
    if refused:
        yield from folded(f"! {refused}")
    yield from _folded(cluster_lines(change))
    yield from _service_lines(change)
    for update in change.releases:
        yield from _folded(release_lines(update))
    yield from _folded(npus_lines(change))
    yield from _folded(notes(comparison))
    yield from folded(counts(comparison))


def _details(details: Sequence[Detail]) -> Iterator[str]:
    """A table of details. Where it is too wide, each detail stands alone, with its reason below if need be."""
    lines = list(detail_lines(details))
    if all(fits(line) for line in lines):
        yield from lines
        return
    for detail in details:
        change = f"    {detail.name}  {values(detail)}"
        line = f"{change}  {because(detail)}"
        if fits(line):
            yield line
        else:
            yield from folded(change)
            yield from folded(f"        {because(detail)}")


def _folded(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from folded(line)


def _service_lines(change: StackChange) -> Iterator[str]:
    """Each service with its changes. Many unchanged services share a line."""
    width = max((len(service.name) for service in change.services), default=0)
    unchanged = len(change.of_kind("unchanged"))
    is_folded = unchanged > _MOST_UNCHANGED and not change.moves
    for service in change.services:
        if is_folded and service.kind == "unchanged":
            continue
        yield from folded(
            f"{SIGNS[service.kind]} {service.name:<{width}}  {headline(change, service)}"
        )
        yield from _details(service.details)
    if is_folded:
        word = "unchanged" if change.is_update else "alike"
        yield f"  {unchanged} services {word}"
