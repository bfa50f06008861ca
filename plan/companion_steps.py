"""The steps of one move of a companion: start, compare and switch; or switch back and delete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from plan.board import SWITCH
from plan.step import Kind, Replicas, Step
from plan.transition import Companion


def companion_steps(
    step: Step, companion: Companion, before: tuple[str, ...]
) -> Iterator[Step]:
    """The steps of a move.

    Args:
        step: The move as one step.
        companion: The companion that starts or ends.
        before: The services whose requests their companions answer before the move.
    """
    if step.kind == "start":
        yield _lasting(step, companion.version.start, before)
        yield _of_service(step, companion, "compare", companion.comparison, before)
        yield _of_service(step, companion, "switch", SWITCH, step.switched)
        return
    back = _of_service(step, companion, "switch back", SWITCH, step.switched)
    number = step.before
    companions = {**step.companions, step.service: companion.service}
    running = Replicas(is_new=True, number=number)
    yield replace(
        back, companions=companions, state={**step.state, step.service: running}
    )
    yield _lasting(step, companion.version.stop, step.switched)


def _of_service(
    step: Step,
    companion: Companion,
    kind: Kind,
    seconds: int,
    switched: tuple[str, ...],
) -> Step:
    """A step in which no pod starts or ends."""
    replicas = step.state[companion.service].number
    still = replace(
        step,
        kind=kind,
        service=companion.service,
        before=replicas,
        after=replicas,
        frees={},
    )
    return _lasting(still, seconds, switched)


def _lasting(step: Step, seconds: int, switched: tuple[str, ...]) -> Step:
    """A step of a part of the move. Whoever does not answer in the move does not answer in each of its parts."""
    downtime = dict.fromkeys(step.downtime, seconds)
    return replace(step, seconds=seconds, downtime=downtime, switched=switched)
