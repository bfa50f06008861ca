"""Which services answer, and for how long they do not: what a plan is judged by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from plan.board import Board
from plan.moves import Move
from plan.placement import State
from plan.transition import PlannedService


@dataclass(frozen=True)
class Unit:
    """Services that count as one: a service alone or with its companion, a renamed one, or a pair for prefill and
    decode."""

    name: str
    members: tuple[int, ...]
    """Positions of the services."""
    needs: Literal["any", "all"]
    """Whether one of them is enough, as for a renamed service, or all have to answer in one version, as for a pair."""
    priority: int

    def answers(self, state: State) -> bool:
        """Whether a state answers requests."""
        running = [state[member] for member in self.members]
        if self.needs == "any":
            return any(running)
        if not all(running):
            return False
        versions = {service.is_new for service in running if service}
        return len(versions) == 1

    def downtime(self, before: State, move: Move) -> int:
        """Seconds of a step in which the unit does not answer.

        The end of its own last pods does not count: until then they answer the requests that they have.
        """
        answered = self.answers(before)
        if not answered:
            return move.seconds
        if move.service not in self.members:
            return 0
        if not self.answers(move.state):
            return move.interruption
        others = [member for member in self.members if member != move.service]
        is_covered = self.needs == "any" and any(before[other] for other in others)
        return 0 if is_covered else move.interruption


def units(board: Board) -> tuple[Unit, ...]:
    """The units that answer before and after the update. Only these can have downtime."""
    found = []
    for unit in _all_units(board):
        answers_before = unit.answers(board.start)
        if answers_before and _is_wanted(board.services, unit):
            found.append(unit)
    return tuple(found)


def downtimes(units: Sequence[Unit], before: State, move: Move) -> Mapping[str, int]:
    """The downtime of each unit in a step, without those that have none."""
    found = {}
    for unit in units:
        seconds = unit.downtime(before, move)
        if seconds:
            found[unit.name] = seconds
    return found


def _all_units(board: Board) -> Iterator[Unit]:
    positions = {service.name: index for index, service in enumerate(board.services)}
    together: set[str] = set()
    pair = board.transition.pair
    if pair and all(name in positions for name in pair):
        yield _unit(board, pair, needs="all")
        together.update(pair)
    for old, new in board.transition.renamed:
        if old in positions and new in positions:
            yield _unit(board, (new, old), needs="any")
            together.update((old, new))
    for position, companion in board.companions.items():
        names = (board.services[position].name, board.services[companion].name)
        yield _unit(board, names, needs="any")
        together.update(names)
    for service in board.services:
        if service.name not in together and not service.is_answered:
            yield _unit(board, (service.name,), needs="any")


def _unit(board: Board, names: Sequence[str], needs: Literal["any", "all"]) -> Unit:
    members = []
    priorities = []
    for name in names:
        for index, service in enumerate(board.services):
            if service.name == name:
                members.append(index)
                priorities.append(service.priority)
    return Unit(
        name=names[0] if needs == "any" else " + ".join(names),
        members=tuple(members),
        needs=needs,
        priority=max(priorities),
    )


def _is_wanted(services: Sequence[PlannedService], unit: Unit) -> bool:
    """Whether the unit answers after the update."""
    wanted = []
    for member in unit.members:
        new = services[member].new
        wanted.append(new is not None and new.replicas > 0)
    return any(wanted) if unit.needs == "any" else all(wanted)
