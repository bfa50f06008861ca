"""From seconds to a table: medians, ratios, and the limits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import NamedTuple

OURS = "ours"
BARE = "bare"
KUBECTL = "kubectl"

UP = "up"
NO_CHANGE = "up, no change"
DESTROY = "destroy"
CHECK = "check"
DIFF = "diff"
CHECK_CPU = "check, CPU"
VERIFY = "verify files"

_VERSION = 1
_HEADER = ("MEASUREMENT", "NUMBER", "OURS", "THEIRS", "RATIO", "LIMIT", "")
_MOST = 10_001


class Key(NamedTuple):
    """A measured step: its name, who ran it, and the number of services."""

    step: str
    who: str
    services: int
    """Of files for `verify files`."""


Times = Mapping[Key, Sequence[float]]
"""The seconds of every run."""


@dataclass(frozen=True)
class Limit:
    """The most that a step may take: a ratio to the time of `against`, or seconds without it."""

    step: str
    against: str | None
    most: float
    services: range
    """The numbers of services for which the limit holds."""


_FEW = range(1, 11)
_UP_TO_100 = range(1, 101)
_MANY = range(100, _MOST)
_ANY = range(1, _MOST)

LIMITS = (
    Limit(UP, against=BARE, most=1.4, services=_FEW),
    Limit(UP, against=KUBECTL, most=1.0, services=_MANY),
    Limit(NO_CHANGE, against=BARE, most=1.4, services=_ANY),
    Limit(DESTROY, against=None, most=15, services=_UP_TO_100),
    Limit(CHECK, against=None, most=1.5, services=_UP_TO_100),
    Limit(DIFF, against=None, most=2, services=_UP_TO_100),
    Limit(CHECK_CPU, against=None, most=2, services=_ANY),
    Limit(VERIFY, against=None, most=10, services=_ANY),
)

_COMPARISONS: Sequence[tuple[str, str | None]] = (
    (UP, BARE),
    (UP, KUBECTL),
    (NO_CHANGE, BARE),
    (DESTROY, None),
    (DESTROY, KUBECTL),
    (CHECK, None),
    (DIFF, None),
    (CHECK_CPU, None),
    (VERIFY, None),
)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    step: str
    services: int
    ours: float
    """Our median, in seconds."""
    against: str | None
    theirs: float | None
    """The median of `against`, in seconds."""
    limit: float | None

    @property
    def ratio(self) -> float | None:
        """Our time divided by theirs."""
        if not self.theirs:
            return None
        return self.ours / self.theirs

    @property
    def missed(self) -> bool:
        """Whether a limit is exceeded."""
        if self.limit is None:
            return False
        measured = self.ratio or self.ours
        return measured > self.limit


def rows(times: Times, limits: Iterable[Limit] = LIMITS) -> Iterator[Row]:
    """Every comparison that was measured, by step and then by number of services."""
    known = list(limits)
    for step, against in _COMPARISONS:
        sizes = {key.services for key in times if key.step == step}
        for services in sorted(sizes):
            theirs = None
            if against:
                theirs = _median(times, step, against, services)
            yield Row(
                step=step,
                services=services,
                ours=_median(times, step, OURS, services),
                against=against,
                theirs=theirs,
                limit=_limit(known, step, against, services),
            )


def as_text(table: Iterable[Row]) -> str:
    """The rows below a header, in aligned columns."""
    lines = [_HEADER, *(_cells(row) for row in table)]
    widths = [
        max(len(line[column]) for line in lines) for column in range(len(_HEADER))
    ]
    text = []
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def as_json(table: Iterable[Row]) -> str:
    """The rows as a versioned record."""
    records = []
    for row in table:
        record = asdict(row)
        record["ratio"] = row.ratio
        record["missed"] = row.missed
        records.append(record)
    document = {"version": _VERSION, "rows": records}
    return json.dumps(document, indent=2)


def _median(times: Times, step: str, who: str, services: int) -> float:
    runs = times[Key(step, who, services)]
    return median(runs)


def _limit(
    limits: Iterable[Limit], step: str, against: str | None, services: int
) -> float | None:
    for limit in limits:
        same_comparison = (limit.step, limit.against) == (step, against)
        if same_comparison and services in limit.services:
            return limit.most
    return None


def _cells(row: Row) -> tuple[str, ...]:
    theirs = "-"
    ratio = "-"
    limit = "-"
    verdict = ""
    if row.theirs:
        theirs = f"{row.theirs:.2f} s {row.against}"
    if row.ratio:
        ratio = f"{row.ratio:.2f}"
    if row.limit is not None:
        limit = f"{row.limit:g}"
        verdict = "ok"
        if row.against is None:
            limit += " s"
        if row.missed:
            verdict = "MISSED"
    return (
        row.step,
        str(row.services),
        f"{row.ours:.2f} s",
        theirs,
        ratio,
        limit,
        verdict,
    )
