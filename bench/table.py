"""From seconds to the table: medians, ratios and the limits they are held against."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import NamedTuple

OURS, BARE, KUBECTL = "ours", "bare", "kubectl"
UP, NO_CHANGE, DESTROY, CHECK, DIFF = "up", "up, no change", "destroy", "check", "diff"

_VERSION = 1
_HEADER = ("MEASUREMENT", "SERVICES", "OURS", "THEIRS", "RATIO", "LIMIT", "")
_ANY = range(1, 10_000)


class Key(NamedTuple):
    """What was measured: a step, by whom, with how many services."""

    step: str
    who: str
    services: int


Times = Mapping[Key, Sequence[float]]
"""The seconds of every run."""


@dataclass(frozen=True)
class Limit:
    """The most that a step may take: a ratio to somebody else's time or, without an opponent, seconds."""

    step: str
    against: str | None
    most: float
    services: range
    """The numbers of services for which it holds."""


LIMITS = (
    Limit(UP, BARE, 1.3, range(1, 11)),
    Limit(UP, KUBECTL, 1.2, range(100, _ANY.stop)),
    Limit(NO_CHANGE, BARE, 1.2, _ANY),
    Limit(DESTROY, None, 15, range(1, 101)),
    Limit(CHECK, None, 1.5, range(1, 101)),
    Limit(DIFF, None, 2, range(1, 101)),
)

_COMPARISONS = (
    *((UP, BARE), (UP, KUBECTL), (NO_CHANGE, BARE), (DESTROY, None), (DESTROY, KUBECTL)),
    *((CHECK, None), (DIFF, None)),
)


@dataclass(frozen=True)
class Row:
    """One line of the table: our seconds, theirs, and the limit if this number of services has one."""

    step: str
    services: int
    ours: float
    against: str | None
    theirs: float | None
    limit: float | None

    @property
    def ratio(self) -> float | None:
        """Our time in theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def missed(self) -> bool:
        """Whether there is a limit and it is exceeded."""
        return self.limit is not None and (self.ratio or self.ours) > self.limit


def rows(times: Times, limits: Iterable[Limit] = LIMITS) -> Iterator[Row]:
    """Every comparison whose runs were made, by step and then by number of services."""
    listed = list(limits)
    for step, against in _COMPARISONS:
        for services in sorted({key.services for key in times if key.step == step}):
            ours = median(times[Key(step, OURS, services)])
            theirs = median(times[Key(step, against, services)]) if against else None
            fitting = (limit for limit in listed if (limit.step, limit.against) == (step, against))
            most = next((limit.most for limit in fitting if services in limit.services), None)
            yield Row(step, services, ours, against, theirs, most)


def as_text(table: Iterable[Row]) -> str:
    """The rows under their header, in aligned columns."""
    cells = [_HEADER, *map(_cells, table)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADER))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def as_json(table: Iterable[Row]) -> str:
    """The rows as a versioned record."""
    rows = [{**asdict(row), "ratio": row.ratio, "missed": row.missed} for row in table]
    return json.dumps({"version": _VERSION, "rows": rows}, indent=2)


def _cells(row: Row) -> tuple[str, ...]:
    seconds = " s" if row.against is None else ""
    return (
        row.step,
        str(row.services),
        f"{row.ours:.2f} s",
        f"{row.theirs:.2f} s {row.against}" if row.theirs else "-",
        f"{row.ratio:.2f}" if row.ratio else "-",
        f"{row.limit:g}{seconds}" if row.limit else "-",
        "" if row.limit is None else "MISSED" if row.missed else "ok",
    )
