"""A good path, found by keeping only a few promising paths after each step (beam search)."""

from __future__ import annotations

from collections.abc import Sequence

from plan.budget import Budget
from plan.path import Path, Paths

_MOST_KEPT = 6
"""Paths that are kept after each step for their cost, and as many for the services that are done."""

_SERVICES_KEPT = 96
"""Services of all these paths together: with more services, fewer paths are kept."""

_STEPS_OF_A_SERVICE = 3
"""Most steps of a path, for each service."""


def beam_search(paths: Paths, budget: Budget) -> Path | None:
    """A good path; None if no complete one is found. It may not be the best one."""
    services = len(paths.board.services)
    width = _width(services)
    best: Path | None = None
    kept = [paths.start()]
    for _ in range(_STEPS_OF_A_SERVICE * services):
        candidates = _continued(paths, kept, budget)
        if candidates is None:
            return best
        incomplete = []
        for path in candidates:
            if best is not None and path.cost >= best.cost:
                continue
            if paths.is_complete(path):
                best = path
            else:
                incomplete.append(path)
        kept = _most_promising(paths, incomplete, width)
        if not kept:
            return best
    return best


def _width(services: int) -> int:
    """How many paths are kept for each of both reasons."""
    affordable = max(_SERVICES_KEPT // services, 1)
    return min(affordable, _MOST_KEPT)


def _continued(paths: Paths, kept: Sequence[Path], budget: Budget) -> list[Path] | None:
    """The kept paths with each possible next step; None if the budget is spent.

    Of the paths that lead to the same pods on the same nodes, only the cheapest is continued.
    """
    cheapest: dict[object, Path] = {}
    for path in kept:
        for longer in paths.continued(path):
            if budget.is_spent:
                return None
            budget.steps -= paths.board.effort
            place = paths.place(longer)
            known = cheapest.get(place)
            if known is None or longer.cost < known.cost:
                cheapest[place] = longer
    return list(cheapest.values())


def _most_promising(paths: Paths, candidates: Sequence[Path], width: int) -> list[Path]:
    """The paths with the least cost, then those with the fewest services that are not yet as wanted."""
    by_cost = sorted(candidates, key=paths.least_cost)
    by_distance = sorted(
        candidates, key=lambda path: (len(paths.unfinished(path)), path.cost)
    )
    promising = [*by_cost[:width], *by_distance[:width]]
    return list({id(path): path for path in promising}.values())
