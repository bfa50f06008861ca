"""How long services do not answer during an update: the downtime that the search keeps low."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from plan.board import Board
from plan.move import Move
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
    """Which services have to answer: any of them (a renamed service), or all of them in one version (a pair)."""
    priority: int

    def answers(self, state: State) -> bool:
        """Whether the unit answers requests in a state."""
        running = [state[member] for member in self.members]
        if self.needs == "any":
            return any(running)
        if not all(running):
            return False
        versions = {service.is_new for service in running if service}
        return len(versions) == 1

    def downtime(self, before: State, move: Move) -> int:
        """Seconds of a step in which the unit does not answer.

        While its own last pods stop, it still answers: they complete the requests that they have.
        """
        if not self.answers(before):
            return move.seconds
        if not set(move.services) & set(self.members):
            return 0
        if self.answers(move.state) and self._others_answer(before, move.services):
            return 0
        return move.interruption

    def _others_answer(self, state: State, services: Sequence[int]) -> bool:
        """Whether the unit answers without some of its services."""
        if self.needs == "all":
            return False
        others = [member for member in self.members if member not in services]
        return any(state[other] for other in others)


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
    """The pair, the renamed services, and each other service alone."""
    positions = {service.name: index for index, service in enumerate(board.services)}
    joined: set[str] = set()
    pair = board.transition.pair
    if pair and all(name in positions for name in pair):
        yield _unit(board, [positions[name] for name in pair], needs="all")
        joined.update(pair)
    for old, new in board.transition.renamed:
        if old in positions and new in positions:
            yield _unit(board, [positions[new], positions[old]], needs="any")
            joined.update((old, new))
    for position, companion in board.companions.items():
        yield _unit(board, [position, companion], needs="any")
        joined.update(board.services[member].name for member in (position, companion))
    for name, position in positions.items():
        is_alone = name not in joined
        if is_alone and not board.services[position].is_answered:
            yield _unit(board, [position], needs="any")


def _unit(board: Board, members: Sequence[int], needs: Literal["any", "all"]) -> Unit:
    services = [board.services[member] for member in members]
    name = services[0].name
    if needs == "all":
        name = " + ".join(service.name for service in services)
    return Unit(
        name=name,
        members=tuple(members),
        needs=needs,
        priority=max(service.priority for service in services),
    )


def _is_wanted(services: Sequence[PlannedService], unit: Unit) -> bool:
    """Whether the unit answers after the update."""
    wanted = []
    for member in unit.members:
        new = services[member].new
        wanted.append(new is not None and new.replicas > 0)
    if unit.needs == "any":
        return any(wanted)
    return all(wanted)
