"""The best sequence of steps: the least weighted downtime, then the lowest peak, then the shortest.

All orders of a few services are tried. For more services, or if that takes too many steps, a good order has to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from plan.beam_search import beam_search
from plan.board import Board
from plan.budget import MOST_STEPS, Budget
from plan.exact_search import exact_search
from plan.greedy import greedy_path
from plan.path import Cost, Path, Paths, Taken

_MOST_EXACT = 12
"""Services up to which all orders are tried, as far as the steps suffice."""

_MOST_IN_BEAM = 24
"""Services up to which the most promising paths are continued. With more, one path is made without a search."""


@dataclass(frozen=True)
class Found:
    """The best sequence of steps that a search has found."""

    cost: Cost
    steps: tuple[Taken, ...]


def search(board: Board, budget: Budget, most_steps: int = MOST_STEPS) -> Found | None:
    """The best sequence from what runs to what is wanted; None if none is found.

    Args:
        board: The update.
        budget: The steps that may be tried to find the best one. It is spent afterwards if nobody knows whether the
            sequence is the best one.
        most_steps: The steps that may then be tried to find a good one.
    """
    paths = Paths(board)
    if len(board.services) <= _MOST_EXACT:
        outcome = exact_search(paths, budget)
        if outcome.is_proven:
            return _found(outcome.best)
    budget.steps = 0
    good_path = _good_path(paths, Budget(most_steps))
    return _found(good_path)


def _good_path(paths: Paths, budget: Budget) -> Path | None:
    """A complete path of which nobody knows whether it is the best one."""
    greedy = greedy_path(paths)
    if len(paths.board.services) > _MOST_IN_BEAM:
        return greedy
    promising = beam_search(paths, budget)
    if greedy is None or promising is None:
        return greedy or promising
    return min(greedy, promising, key=lambda path: path.cost)


def _found(path: Path | None) -> Found | None:
    if path is None:
        return None
    return Found(path.cost, path.steps)
