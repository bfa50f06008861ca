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
from plan.moves import Move, moves, moves_of
from plan.placement import State
from plan.units import Unit, units

MOST_STEPS = 25_000
"""Steps that are tried in all searches for a plan, before only the most promising states are kept.

On many nodes and with many pods, a step counts as several."""

_MOST_EXACT = 12
"""Services up to which all orders are tried, as far as the steps suffice."""

_MOST_BOUNDED = 24
"""Services up to which the most promising states are kept. With more, one order is made without a search."""

_MOST_KEPT = 6
"""States that the bounded search keeps after each step for their cost, and as many for the services that are done."""

_SERVICES_KEPT = 96
"""Services of all these states together: with more services, fewer states are kept."""

_STEPS_OF_A_SERVICE = 3
"""Most steps of the bounded search, for each service."""

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


def search(board: Board, budget: Budget, most_steps: int = MOST_STEPS) -> Found | None:
    """The best sequence from what runs to what is wanted; None if there is none, or the bounded search finds none."""
    judged = units(board)
    now = board.placement(board.start).peak
    peak = max(now, board.wanted_npus)
    start = _Path((0, peak, 0, 0), board.start, None)
    best: _Path | None = None
    is_complete = False
    if len(board.services) <= _MOST_EXACT:
        best, is_complete = _exact(board, judged, start, budget)
    if not is_complete:
        budget.steps = 0
        best = _without_proof(board, judged, start, Budget(most_steps))
    if best is None:
        return None
    return Found(best.cost, tuple(_steps(best)))


def _without_proof(
    board: Board, judged: Sequence[Unit], start: _Path, budget: Budget
) -> _Path | None:
    """A good sequence, of which nobody knows whether it is the best one."""
    candidates = [_made(board, judged, start)]
    if len(board.services) <= _MOST_BOUNDED:
        candidates.append(_bounded(board, judged, start, budget))
    found = [path for path in candidates if path]
    return min(found, key=lambda path: path.cost, default=None)


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
        for further in _continued(board, judged, path):
            if budget.is_spent:
                return None, False
            budget.steps -= board.effort
            at_least = _at_least(board, further)
            heapq.heappush(open_paths, (at_least, next(number), further))
    return None, True


def _bounded(
    board: Board, judged: Sequence[Unit], start: _Path, budget: Budget
) -> _Path | None:
    """A good sequence: after each step, only the states are kept that are best and nearest to what is wanted."""
    best: _Path | None = None
    paths = [start]
    services = len(board.services)
    kept = min(max(_SERVICES_KEPT // services, 1), _MOST_KEPT)
    for _ in range(_STEPS_OF_A_SERVICE * services):
        candidates: dict[object, _Path] = {}
        for path in paths:
            for further in _continued(board, judged, path):
                if budget.is_spent:
                    return best
                budget.steps -= board.effort
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
        paths = _most_promising(board, promising, kept)
        if not paths:
            break
    return best


def _made(board: Board, judged: Sequence[Unit], start: _Path) -> _Path | None:
    """A sequence that is made without a search: whatever makes a service as wanted without downtime comes first."""
    path = start
    while not board.is_done(path.state):
        before = path
        path = _finished(board, judged, path, may_be_down=False)
        if path is before:
            path = _finished(board, judged, path, may_be_down=True)
        if path is before:
            stopped = _largest_stopped(board, judged, path)
            if stopped is None:
                return None
            path = stopped
    return path


def _finished(
    board: Board, judged: Sequence[Unit], path: _Path, *, may_be_down: bool
) -> _Path:
    """The path after one step for each service that a step makes as wanted, and for each companion."""
    for index in _companions_first(board):
        if board.least_seconds(index, path.state) is None:
            continue
        placement = board.placement(path.state)
        candidates = []
        for move in moves_of(board, path.state, index, placement):
            is_companion = index in board.partners
            is_done = board.least_seconds(index, move.state) is None
            further = _after(judged, path, move)
            if (is_done or is_companion) and (
                may_be_down or further.cost[0] == path.cost[0]
            ):
                candidates.append(further)
        if candidates:
            path = min(candidates, key=lambda further: further.cost)
    return path


def _companions_first(board: Board) -> list[int]:
    """The positions of all services. A companion starts before others take the free NPUs."""
    return sorted(
        range(len(board.services)), key=lambda index: index not in board.partners
    )


def _largest_stopped(board: Board, judged: Sequence[Unit], path: _Path) -> _Path | None:
    """The path after the largest service that is not as wanted was stopped; None if none can be."""
    candidates = []
    for index, running in enumerate(path.state):
        if running is None or board.least_seconds(index, path.state) is None:
            continue
        placement = board.placement(path.state)
        for move in moves_of(board, path.state, index, placement):
            if move.kind in ("stop", "delete"):
                npus = board.placement(move.state).used
                candidates.append((npus, index, _after(judged, path, move)))
    if not candidates:
        return None
    _, _, further = min(candidates, key=lambda candidate: candidate[:2])
    return further


def _continued(board: Board, judged: Sequence[Unit], path: _Path) -> Iterator[_Path]:
    """A path with each possible next step."""
    for move in moves(board, path.state):
        yield _after(judged, path, move)


def _after(judged: Sequence[Unit], path: _Path, move: Move) -> _Path:
    """A path after one more step."""
    downtime, peak, seconds, steps = path.cost
    cost = (
        downtime + _weighted(judged, path.state, move),
        max(peak, move.peak),
        seconds + move.seconds,
        steps + 1,
    )
    return _Path(cost, move.state, Taken(move, path.state, path.last))


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
    for index in range(len(board.services)):
        least = board.least_seconds(index, path.state)
        if least is not None:
            seconds += least
            steps += 1
    return downtime, peak, seconds, steps


def _most_promising(board: Board, paths: Sequence[_Path], number: int) -> list[_Path]:
    """The paths with the least cost, and those with the fewest services that are not done."""
    cheapest = sorted(paths, key=lambda path: _at_least(board, path))[:number]
    nearest = sorted(paths, key=lambda path: (_distance(board, path), path.cost))
    kept = {id(path): path for path in [*cheapest, *nearest[:number]]}
    return list(kept.values())


def _distance(board: Board, path: _Path) -> int:
    """Services that are not yet as wanted."""
    missing = 0
    for index in range(len(board.services)):
        if board.least_seconds(index, path.state) is not None:
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
