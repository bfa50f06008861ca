"""The best sequence of steps: the least weighted downtime, then the lowest peak, then the shortest.

A sequence is never better than its beginning with what each service still needs at least. So the search always
continues the beginning that looks best so far (A*). Of two beginnings that lead to the same placement of pods, the one
is dropped that is not better in any of downtime, peak and length. So the first complete sequence is the best one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from plan.board import Board
from plan.moves import Move, moves
from plan.placement import State
from plan.units import Unit, units

MOST_STEPS = 25_000
"""Steps that are tried in all searches for a plan, before only the most promising states are kept."""

_KEPT = 6
"""States that the bounded search keeps after each step for their cost, and as many for the services that are done."""

_LONGEST = 40
"""Most steps of the bounded search."""

Cost = tuple[int, int, int, int]
"""Weighted downtime, most NPUs in use, seconds, and steps. The smaller tuple is better."""


@dataclass(frozen=True)
class Taken:
    """A step that was taken."""

    move: Move
    before: State
    previous: Taken | None
    """The steps before; None for the first one."""


@dataclass(frozen=True)
class Found:
    """The best sequence of steps."""

    cost: Cost
    steps: tuple[Taken, ...]


@dataclass
class Budget:
    """The steps that may still be tried."""

    steps: int = MOST_STEPS

    @property
    def is_spent(self) -> bool:
        """Whether none is left."""
        return self.steps <= 0


@dataclass(frozen=True)
class _Path:
    """The beginning of a sequence."""

    cost: Cost
    state: State
    last: Taken | None


def search(board: Board, budget: Budget) -> Found | None:
    """The best sequence from what runs to what is wanted; None if there is none, or the bounded search finds none."""
    judged = units(board)
    now = board.placement(board.start).peak
    peak = max(now, board.wanted_npus)
    start = _Path((0, peak, 0, 0), board.start, None)
    best, is_complete = _exact(board, judged, start, budget)
    if not is_complete:
        best = _bounded(board, judged, start)
    if best is None:
        return None
    return Found(best.cost, tuple(_steps(best)))


def _exact(
    board: Board, judged: Sequence[Unit], start: _Path, budget: Budget
) -> tuple[_Path | None, bool]:
    """The best sequence, and whether the search has ended with a result."""
    number = count()
    open_paths = [(_at_least(board, start), next(number), start)]
    closed: dict[object, list[Cost]] = {}
    while open_paths:
        _, _, path = heapq.heappop(open_paths)
        if board.is_done(path.state):
            return path, True
        known = closed.setdefault(_key(board, path.state), [])
        if any(_is_as_good(other, path.cost) for other in known):
            continue
        known.append(path.cost)
        if budget.is_spent:
            return None, False
        for further in _continued(board, judged, path):
            budget.steps -= 1
            at_least = _at_least(board, further)
            heapq.heappush(open_paths, (at_least, next(number), further))
    return None, True


def _bounded(board: Board, judged: Sequence[Unit], start: _Path) -> _Path | None:
    """A good sequence: after each step, only the states are kept that are best and nearest to what is wanted."""
    best: _Path | None = None
    paths = [start]
    for _ in range(_LONGEST):
        candidates: dict[object, _Path] = {}
        for path in paths:
            for further in _continued(board, judged, path):
                key = _key(board, further.state)
                known = candidates.get(key)
                if known is None or further.cost < known.cost:
                    candidates[key] = further
        promising = []
        for path in candidates.values():
            if best is not None and path.cost >= best.cost:
                continue
            if board.is_done(path.state):
                best = path
            else:
                promising.append(path)
        paths = _most_promising(board, promising)
        if not paths:
            break
    return best


def _continued(board: Board, judged: Sequence[Unit], path: _Path) -> Iterator[_Path]:
    """A path with each possible next step."""
    downtime, peak, seconds, steps = path.cost
    for move in moves(board, path.state):
        cost = (
            downtime + _weighted(judged, path.state, move),
            max(peak, move.peak),
            seconds + move.seconds,
            steps + 1,
        )
        yield _Path(cost, move.state, Taken(move, path.state, path.last))


def _weighted(judged: Sequence[Unit], before: State, move: Move) -> int:
    """The weighted downtime of a step."""
    return sum(unit.priority * unit.downtime(before, move) for unit in judged)


def _key(board: Board, state: State) -> object:
    """The same for states that differ only in the names of nodes."""
    replicas = [
        (running.is_new, len(running.replicas)) if running else None
        for running in state
    ]
    return tuple(replicas), board.placement(state).contents()


def _is_as_good(one: Cost, other: Cost) -> bool:
    """Whether every end of a sequence makes the first beginning at least as good as the other."""
    if one[0] != other[0]:
        return one[0] < other[0]
    return all(mine <= theirs for mine, theirs in zip(one, other, strict=True))


def _at_least(board: Board, path: _Path) -> Cost:
    """What a sequence with this beginning costs at least."""
    downtime, peak, seconds, steps = path.cost
    for index, running in enumerate(path.state):
        least = board.least_seconds(index, running)
        if least is not None:
            seconds += least
            steps += 1
    return downtime, peak, seconds, steps


def _most_promising(board: Board, paths: Sequence[_Path]) -> list[_Path]:
    """The paths with the least cost, and those with the fewest services that are not done."""
    cheapest = sorted(paths, key=lambda path: _at_least(board, path))[:_KEPT]
    nearest = sorted(paths, key=lambda path: (_distance(board, path), path.cost))
    kept = {id(path): path for path in [*cheapest, *nearest[:_KEPT]]}
    return list(kept.values())


def _distance(board: Board, path: _Path) -> int:
    """Services that are not yet as wanted."""
    missing = 0
    for index, running in enumerate(path.state):
        if board.least_seconds(index, running) is not None:
            missing += 1
    return missing


def _steps(path: _Path) -> list[Taken]:
    """The steps of a path, the first one first."""
    steps: list[Taken] = []
    taken = path.last
    while taken:
        steps.append(taken)
        taken = taken.previous
    steps.reverse()
    return steps
