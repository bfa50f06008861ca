"""The paths on a board: sequences of steps, how they continue, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from plan.board import Board
from plan.move import Move
from plan.moves import moves, moves_of
from plan.placement import State
from plan.units import units


class Cost(NamedTuple):
    """The cost of a path. The smaller tuple is better."""

    downtime: int
    """Seconds of downtime, each multiplied by the priority of its unit."""
    peak: int
    """Most NPUs in use."""
    seconds: int
    steps: int


@dataclass(frozen=True)
class Taken:
    """A step that was taken."""

    move: Move
    before: State
    previous: Taken | None
    """The step before; None for the first one."""


@dataclass(frozen=True)
class Path:
    """A sequence of steps. It is complete if everything is as wanted after it."""

    cost: Cost
    state: State
    """What runs after the steps."""
    last: Taken | None
    """The last step; None for a path without steps."""

    @property
    def steps(self) -> tuple[Taken, ...]:
        """The steps, the first one first."""
        backwards = []
        taken = self.last
        while taken:
            backwards.append(taken)
            taken = taken.previous
        return tuple(reversed(backwards))


class Paths:
    """All paths on a board."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._units = units(board)

    def start(self) -> Path:
        """The path without steps."""
        used_now = self.board.placement(self.board.start).peak
        peak = max(used_now, self.board.wanted_npus)
        cost = Cost(downtime=0, peak=peak, seconds=0, steps=0)
        return Path(cost, self.board.start, None)

    def continued(self, path: Path) -> Iterator[Path]:
        """The path with each possible next step."""
        for move in moves(self.board, path.state):
            yield self.after(path, move)

    def moves_of(self, path: Path, service: int) -> Iterator[Move]:
        """The possible next steps that change one service."""
        placement = self.board.placement(path.state)
        return moves_of(self.board, path.state, service, placement)

    def after(self, path: Path, move: Move) -> Path:
        """The path with one more step."""
        cost = Cost(
            downtime=path.cost.downtime + self._downtime(path.state, move),
            peak=max(path.cost.peak, move.peak),
            seconds=path.cost.seconds + move.seconds,
            steps=path.cost.steps + 1,
        )
        return Path(cost, move.state, Taken(move, path.state, path.last))

    def _downtime(self, before: State, move: Move) -> int:
        """The downtime of a step, weighted with the priorities of the units."""
        weighted = 0
        for unit in self._units:
            weighted += unit.priority * unit.downtime(before, move)
        return weighted

    def is_complete(self, path: Path) -> bool:
        """Whether everything is as wanted after the path."""
        return self.board.is_done(path.state)

    def unfinished(self, path: Path) -> list[int]:
        """The services that are not yet as wanted."""
        services = []
        for index in range(len(self.board.services)):
            if self.board.least_seconds(index, path.state) is not None:
                services.append(index)
        return services

    def least_cost(self, path: Path) -> Cost:
        """The least that a complete path costs that begins with this one.

        Each service that is not yet as wanted needs at least one more step, and the time for it. One step can update
        both services of a pair, in the time of the slower one.
        """
        needed = []
        of_pair = []
        is_at_once = self.board.is_updated_at_once(path.state)
        for index in range(len(self.board.services)):
            least = self.board.least_seconds(index, path.state)
            if least is None:
                continue
            if is_at_once and index in (self.board.pair_at_once or ()):
                of_pair.append(least)
            else:
                needed.append(least)
        if of_pair:
            needed.append(max(of_pair))
        return path.cost._replace(
            seconds=path.cost.seconds + sum(needed),
            steps=path.cost.steps + len(needed),
        )

    def place(self, path: Path) -> object:
        """What runs after the path and where: equal if only the names of nodes differ.

        The order of the replicas counts, because it says which one ends first and which nodes a group has.
        """
        free = self.board.placement(path.state).free
        nodes: list[list[tuple[int, int, bool]]] = [[] for _ in free]
        for service, running in enumerate(path.state):
            if running is None:
                continue
            for number, replica in enumerate(running.replicas):
                for node in replica:
                    nodes[node].append((service, number, running.is_new))
        contents = zip(free, map(tuple, nodes), strict=True)
        return tuple(sorted(contents))
