"""The best path, found by trying all orders that can still be the best (A*).

A complete path never costs less than its beginning and what each service still needs at least. So the search always
continues the path whose least cost is the smallest, and the first complete path is the best one. Where two paths lead
to the same pods on the same nodes, it drops the one that is worse, or equal, in downtime, peak and length.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass
from itertools import count

from plan.budget import Budget
from plan.path import Cost, Path, Paths


@dataclass(frozen=True)
class Outcome:
    """The end of a search."""

    best: Path | None
    is_proven: bool
    """Whether no path is better, or there is none. False if the budget was spent before."""


def exact_search(paths: Paths, budget: Budget) -> Outcome:
    """The best path, as far as the budget suffices."""
    queue = _Queue(paths)
    queue.push(paths.start())
    costs_by_place: defaultdict[object, list[Cost]] = defaultdict(list)
    while queue:
        path = queue.pop()
        if paths.is_complete(path):
            return Outcome(path, is_proven=True)
        known_costs = costs_by_place[paths.place(path)]
        if any(_is_as_good(known, path.cost) for known in known_costs):
            continue
        known_costs.append(path.cost)
        for longer in paths.continued(path):
            if budget.is_spent:
                return Outcome(None, is_proven=False)
            budget.steps -= paths.board.effort
            queue.push(longer)
    return Outcome(None, is_proven=True)


class _Queue:
    """The paths to continue. The one with the smallest least cost comes first; of equal ones, the oldest."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._entries: list[tuple[Cost, int, Path]] = []
        self._numbers = count()

    def __bool__(self) -> bool:
        return bool(self._entries)

    def push(self, path: Path) -> None:
        """Add a path."""
        entry = (self._paths.least_cost(path), next(self._numbers), path)
        heapq.heappush(self._entries, entry)

    def pop(self) -> Path:
        """Take the first path."""
        _, _, path = heapq.heappop(self._entries)
        return path


def _is_as_good(known: Cost, other: Cost) -> bool:
    """Whether the known path stays at least as good as the other, whichever steps follow on both."""
    if known.downtime != other.downtime:
        return known.downtime < other.downtime
    return (
        known.peak <= other.peak
        and known.seconds <= other.seconds
        and known.steps <= other.steps
    )
