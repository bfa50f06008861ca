"""A possible step, and two of them as one."""

from __future__ import annotations

from dataclasses import dataclass

from plan.placement import State
from plan.step import Kind, Way


@dataclass(frozen=True)
class Move:
    """A possible step. A move of a companion is several steps, see `plan/companion_steps.py`."""

    kind: Kind
    service: int
    way: Way
    state: State
    """What runs afterwards."""
    peak: int
    seconds: int
    interruption: int
    """Seconds in which no pod of the service answers, if some do before and after the step."""
    together: tuple[Move, ...] = ()
    """The updates of the same step, one for each of its services; empty for a step of one service."""

    @property
    def services(self) -> tuple[int, ...]:
        """The services that the step changes."""
        if not self.together:
            return (self.service,)
        return tuple(move.service for move in self.together)


def as_one(first: Move, second: Move, *, is_parallel: bool) -> Move:
    """The updates of both services of a pair as one step.

    The pair answers when both services have new pods. Old pods that stop complete the requests that they have, as in
    any other step. But if the second service is updated after the first one has its nodes, the pair waits for both.

    Args:
        first: The update of the service that is updated first.
        second: The update of the other service, from the state after the first one.
        is_parallel: Whether both services are updated at the same time.
    """
    stop = _stop(first)
    if is_parallel:
        seconds = max(first.seconds, second.seconds)
        interruption = max(first.seconds - stop, second.seconds - _stop(second))
    else:
        until_placed = stop if first.way == "delete first" else first.seconds
        seconds = max(first.seconds, until_placed + second.seconds)
        interruption = seconds - stop
    return Move(
        kind="update",
        service=first.service,
        way=first.way,
        state=second.state,
        peak=max(first.peak, second.peak),
        seconds=seconds,
        interruption=interruption,
        together=(first, second),
    )


def _stop(update: Move) -> int:
    """Seconds in which an update only stops old pods."""
    if update.way == "delete first":
        return update.seconds - update.interruption
    return 0
