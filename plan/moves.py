"""The steps that are possible from a state, each simulated on the nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from models.stack_file.keys.operation import Recreate, RollingUpdate
from plan.board import SWITCH, Board
from plan.move import Move, as_one
from plan.placement import Label, Placement, Running, State, leaving
from plan.step import Way
from plan.transition import Companion, PlannedService, Replica, Version

_MOST_LEVELS = 5
"""Most replicas of a service for which every number between is tried."""


_UPDATES_OF_PAIR: Sequence[Way] = ("delete first", "one by one", "additional pod")
"""The ways to update both services of a pair, the preferred one first: an additional pod saves it no downtime."""


@dataclass(frozen=True)
class _Turn:
    """A step that is being simulated."""

    board: Board
    state: State
    index: int
    """The service that the step changes."""
    placement: Placement
    """The pods of the state. It is copied, not changed."""

    @property
    def service(self) -> PlannedService:
        return self.board.services[self.index]

    @property
    def new_npus(self) -> int:
        """NPUs of a wanted pod of the service; 0 if it is removed."""
        new = self.service.new
        return new.demand.npus if new else 0

    def state_with(self, running: Running | None) -> State:
        """The state in which the service is the only one that differs."""
        services = list(self.state)
        services[self.index] = running
        return tuple(services)


def moves(board: Board, state: State) -> Iterator[Move]:
    """All steps that are possible from a state. Each changes one service, or both of a pair."""
    placement = board.placement(state)
    for index in range(len(board.services)):
        yield from moves_of(board, state, index, placement)


def moves_of(
    board: Board, state: State, index: int, placement: Placement
) -> Iterator[Move]:
    """The steps that are possible for one service. Those for both services of a pair belong to the first one.

    Args:
        board: The transition.
        state: What runs.
        index: The service.
        placement: The pods of the state.
    """
    turn = _Turn(board, state, index, placement)
    updates = list(_updates_of_pair(turn))
    for move in _moves(turn):
        ends = move.state[index] is None
        if not board.is_mixed(move.state) and not (updates and ends):
            yield move
    if updates and updates[0].service == index:
        yield from updates


def _moves(turn: _Turn) -> Iterator[Move]:
    """The steps that are possible for a service alone."""
    board = turn.board
    state = turn.state
    index = turn.index
    service = turn.service
    running = state[index]
    if service.beside:
        yield from _beside(turn, service.beside)
        return
    if running is None:
        yield from _starts(turn)
        return
    if not service.external or service.new is None:
        yield from _scales(turn, running)
    may_update = not service.is_replaced and not board.is_waiting(state, index)
    if not running.is_new and service.new and may_update:
        yield from _updates(turn, running, service.new)


def _updates_of_pair(turn: _Turn) -> Iterator[Move]:
    """Updates of the service and the other one of its pair in one step."""
    board = turn.board
    pair = board.pair_at_once
    if pair is None or turn.index not in pair:
        return
    if not board.is_updated_at_once(turn.state):
        return
    turn = replace(turn, index=pair[0])
    for update in _preferred_updates(turn):
        placement = board.placement(update.state)
        following = _Turn(board, update.state, pair[1], placement)
        for other in _preferred_updates(following):
            sizes = {turn.new_npus, following.new_npus}
            is_parallel = len(sizes) == 1 and update.way == other.way
            yield as_one(update, other, is_parallel=is_parallel)


def _preferred_updates(turn: _Turn) -> list[Move]:
    """The updates of a service in the preferred one of the ways that are possible."""
    updates = [move for move in _moves(turn) if move.kind == "update"]
    for way in _UPDATES_OF_PAIR:
        in_this_way = [move for move in updates if move.way == way]
        if in_this_way:
            return in_this_way
    return []


def _starts(turn: _Turn) -> Iterator[Move]:
    """Starts of a service without pods."""
    service = turn.service
    if service.new is None:
        return
    for replicas in _levels(service.new, most=service.new.replicas):
        placement = turn.placement.copy()
        placed = _started(turn, placement, replicas, service.new)
        if placed:
            yield Move(
                kind="start",
                service=turn.index,
                way="",
                state=turn.state_with(Running(True, placed)),
                peak=placement.peak,
                seconds=service.new.start,
                interruption=0,
            )


def _beside(turn: _Turn, companion: Companion) -> Iterator[Move]:
    """The start of a companion, which then takes the requests; or its end, after it has given them back."""
    service = turn.board.partners[turn.index]
    if turn.board.is_waiting(turn.state, service) and turn.board.all_answer(turn.state):
        yield from _begins(turn, companion)
    present = turn.state[service]
    if turn.state[turn.index] is None or present is None or not present.is_new:
        return
    wanted = turn.board.version(service, is_new=True).replicas
    needed = min(turn.board.answering_replicas(service), wanted)
    if len(present.replicas) >= needed:
        yield Move(
            kind="delete",
            service=turn.index,
            way="",
            state=turn.state_with(None),
            peak=turn.placement.used,
            seconds=SWITCH + companion.version.stop,
            interruption=0,
        )


def _begins(turn: _Turn, companion: Companion) -> Iterator[Move]:
    """Start all pods of a companion, compare it, and switch to it."""
    placement = turn.placement.copy()
    version = companion.version
    placed = _started(turn, placement, version.replicas, version)
    if placed:
        yield Move(
            kind="start",
            service=turn.index,
            way="",
            state=turn.state_with(Running(True, placed)),
            peak=placement.peak,
            seconds=version.start + companion.comparison + SWITCH,
            interruption=0,
        )


def _scales(turn: _Turn, running: Running) -> Iterator[Move]:
    """More or fewer replicas of a service, or none."""
    service = turn.service
    version = turn.board.version(turn.index, is_new=running.is_new)
    now = len(running.replicas)
    levels = _levels(version, most=now - 1, further=service.new)
    if turn.board.is_waiting(turn.state, turn.index):
        needed = turn.board.answering_replicas(turn.index)
        levels = [level for level in {*levels, needed} if needed <= level < now]
    if turn.board.may_end(turn.state, turn.index):
        yield _end(turn, version)
    for replicas in sorted(levels, reverse=True):
        yield _fewer(turn, running, version, replicas)
    if running.is_new:
        for replicas in _levels(version, most=version.replicas):
            if replicas > now:
                yield from _more(turn, running, version, replicas)


def _end(turn: _Turn, version: Version) -> Move:
    return Move(
        kind="stop" if turn.service.new else "delete",
        service=turn.index,
        way="",
        state=turn.state_with(None),
        peak=turn.placement.used,
        seconds=version.stop,
        interruption=0,
    )


def _fewer(turn: _Turn, running: Running, version: Version, replicas: int) -> Move:
    kept = list(running.replicas)
    while len(kept) > replicas:
        kept.pop(leaving(kept))
    return Move(
        kind="scale",
        service=turn.index,
        way="",
        state=turn.state_with(Running(running.is_new, tuple(kept))),
        peak=turn.placement.used,
        seconds=version.stop,
        interruption=0,
    )


def _more(
    turn: _Turn, running: Running, version: Version, replicas: int
) -> Iterator[Move]:
    now = len(running.replicas)
    placement = turn.placement.copy()
    started = _started(turn, placement, replicas - now, version)
    if started is None:
        return
    placed = running.replicas + started
    yield Move(
        kind="scale",
        service=turn.index,
        way="",
        state=turn.state_with(Running(True, placed)),
        peak=placement.peak,
        seconds=version.start,
        interruption=0,
    )


def _started(
    turn: _Turn, placement: Placement, number: int, version: Version
) -> tuple[Replica, ...] | None:
    """Further replicas of the wanted version of a service; None without room."""
    label = (turn.index, True)
    placed = []
    for _ in range(number):
        replica = placement.start(label, version.demand)
        if replica is None:
            return None
        placed.append(replica)
    return tuple(placed)


def _updates(turn: _Turn, running: Running, new: Version) -> Iterator[Move]:
    """Updates in place, in each way that the stack file allows."""
    rollout = new.demand.rollout
    now = len(running.replicas)
    is_free = rollout is None
    if isinstance(rollout, RollingUpdate):
        surge, unavailable = _numbers(rollout)
        is_free = rollout.max_surge is None and rollout.max_unavailable is None
        if not is_free:
            yield from _rolling(turn, running, surge, unavailable)
    if is_free and new.demand.min_member == 1:
        if not new.demand.external:
            yield from _rolling(turn, running, 1, 0)
        if now > 1 or new.demand.external or new.demand.is_group:
            yield from _rolling(turn, running, 0, 1)
    may_recreate = is_free and not (new.demand.external or new.demand.is_group)
    if may_recreate or isinstance(rollout, Recreate):
        for replicas in _recreated(turn.service, new, now):
            yield from _recreate(turn, running, new, replicas)


def _numbers(rollout: RollingUpdate) -> tuple[int, int]:
    """The additional and the unavailable pods of a rollout that the stack file sets at least in part."""
    surge = rollout.max_surge
    unavailable = rollout.max_unavailable
    if surge is None:
        surge = 0 if unavailable else 1
    if unavailable is None:
        unavailable = 0 if surge else 1
    return surge, unavailable


def _recreated(service: PlannedService, new: Version, now: int) -> list[int]:
    """The numbers of replicas that an update may have which deletes all pods first."""
    if service.external:
        return [now]
    return _levels(new, most=new.replicas)


def _recreate(
    turn: _Turn, running: Running, new: Version, replicas: int
) -> Iterator[Move]:
    """Delete all pods, then start the new ones."""
    old = turn.board.version(turn.index, is_new=False)
    placement = turn.placement.copy()
    for replica in running.replicas:
        placement.remove((turn.index, False), old.demand, replica)
    placed = _started(turn, placement, replicas, new)
    if placed is None:
        return
    yield Move(
        kind="update",
        service=turn.index,
        way="delete first",
        state=turn.state_with(Running(True, placed)),
        peak=placement.peak,
        seconds=old.stop + new.start,
        interruption=new.start,
    )


def _rolling(
    turn: _Turn, running: Running, surge: int, unavailable: int
) -> Iterator[Move]:
    """Replace the replicas a few at a time."""
    replicas = len(running.replicas)
    surge = min(surge, replicas)
    if surge and not turn.board.has_room_for_surge(turn.state, turn.index, replicas):
        return
    placement = turn.placement.copy()
    placed = _rolled(turn, running, placement, (surge, unavailable))
    if placed is None:
        return
    old = turn.board.version(turn.index, is_new=False)
    new = turn.board.version(turn.index, is_new=True)
    rounds = math.ceil(replicas / (surge + unavailable))
    yield Move(
        kind="update",
        service=turn.index,
        way="additional pod" if surge else "one by one",
        state=turn.state_with(Running(True, placed)),
        peak=placement.peak,
        seconds=rounds * (old.stop + new.start),
        interruption=new.start if unavailable >= replicas else 0,
    )


def _rolled(
    turn: _Turn, running: Running, placement: Placement, numbers: tuple[int, int]
) -> tuple[Replica, ...] | None:
    """The new replicas after a rolling update; None if a new one finds no room."""
    surge, unavailable = numbers
    old = turn.board.version(turn.index, is_new=False).demand
    new = turn.board.version(turn.index, is_new=True).demand
    before: Label = (turn.index, False)
    after: Label = (turn.index, True)
    leaving_replicas = list(running.replicas)
    placed: list[Replica] = []
    wanted = len(running.replicas)
    for _ in range(min(unavailable, wanted)):
        replica = leaving_replicas.pop(leaving(leaving_replicas))
        placement.remove(before, old, replica)
    while len(placed) < wanted:
        running_now = len(placed) + len(leaving_replicas)
        for _ in range(min(wanted + surge - running_now, wanted - len(placed))):
            started = placement.start(after, new)
            if started is None:
                return None
            placed.append(started)
        superfluous = len(placed) + len(leaving_replicas) - (wanted - unavailable)
        for _ in range(min(superfluous, len(leaving_replicas))):
            replica = leaving_replicas.pop(leaving(leaving_replicas))
            placement.remove(before, old, replica)
    return tuple(placed)


def _levels(version: Version, most: int, further: Version | None = None) -> list[int]:
    """The numbers of replicas, above 0, that a step may lead to.

    All of them for a small service; for a large one some.

    Args:
        version: The version that runs then.
        most: The largest number.
        further: A version whose number is tried in any case.
    """
    least = max(version.demand.min_member, 1)
    levels = set(range(least, most + 1))
    if most > _MOST_LEVELS:
        levels = {least, most // 4, most // 2, most - 1, most}
        if further:
            levels.add(further.replicas)
    return sorted(level for level in levels if least <= level <= most)
