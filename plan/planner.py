"""From a transition to its plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from plan.board import Board, board, queue_shortage, wanted_npus
from plan.budget import MOST_STEPS, Budget
from plan.companion_steps import companion_steps
from plan.missing import missing_npus
from plan.missing_beside import missing_beside
from plan.move import Move
from plan.path import Taken
from plan.placement import State
from plan.search import Found, search
from plan.step import Step, Together
from plan.transition import PlannedService, Transition
from plan.units import downtimes, units

_MOST_HELPERS = 4
"""Services that do not change up to which every combination of them is tried."""

_MOST_COMBINATIONS = 24
"""Combinations that are tried with more services."""


@dataclass(frozen=True)
class UpdatePlan:
    """An update in steps."""

    steps: tuple[Step, ...]
    npus: int
    """NPUs of all nodes, without those that pods of others hold."""
    is_best: bool
    """Whether no order of steps is better."""
    weighted: int
    """Seconds of downtime, each multiplied by the priority of its service."""
    downtime: Mapping[str, int] = field(default_factory=dict)
    """Seconds in which services do not answer during the whole update, without those that always answer."""
    before: Mapping[str, int] = field(default_factory=dict)
    """Replicas of the services before the first step."""

    @property
    def peak(self) -> int:
        """Most NPUs that the pods of the stack hold."""
        return max((step.peak for step in self.steps), default=0)

    @property
    def seconds(self) -> int:
        """Longest duration."""
        return sum(step.seconds for step in self.steps)


@dataclass(frozen=True)
class NoPlan:
    """There is no order of steps."""

    missing: int
    """The smallest number of NPUs that are missing."""
    queue: str | None = None
    """The queue in whose quota they are missing; None if they are missing on the nodes."""
    beside: str | None = None
    """The service beside which its next launch has no room; None if the wanted pods have none."""


def plan_update(
    transition: Transition, most_steps: int = MOST_STEPS
) -> UpdatePlan | NoPlan:
    """The steps of an update with the least weighted downtime, then the lowest peak, then the least time.

    A service that the update does not change is scaled or stopped for a while only if that saves downtime.

    Args:
        transition: The update.
        most_steps: Steps that are tried in a search. With fewer, a search takes less time and may miss the best order.
    """
    shortage = queue_shortage(transition)
    if shortage:
        queue, missing = shortage
        return NoPlan(missing, queue)
    npus = sum(node.npus for node in transition.nodes)
    if wanted_npus(transition) > npus:
        return NoPlan(missing_npus(transition))
    budget = Budget(most_steps)
    best: tuple[Board, Found] | None = None
    for taking_part in _participants(transition.services):
        tried = board(transition, taking_part)
        found = search(tried, budget, most_steps)
        if found and _is_better(found, best):
            best = (tried, found)
        if best and (best[1].cost.downtime == 0 or budget.is_spent):
            break
    if best is None:
        return _refused(transition)
    return _plan(best[0], best[1], is_best=not budget.is_spent)


def _refused(transition: Transition) -> NoPlan:
    """Why no order of steps was found."""
    missing = missing_npus(transition)
    beside = missing_beside(transition)
    if beside.npus > missing:
        return NoPlan(beside.npus, beside.queue, beside.service)
    return NoPlan(missing)


def _participants(services: Sequence[PlannedService]) -> Iterator[set[str]]:
    """The services that may take part: first those that change, then others with them, as few as possible."""
    changing = {service.name for service in services if service.changes}
    candidates = []
    for service in services:
        has_pods = service.old is not None and service.old.replicas > 0
        if not service.changes and has_pods and not service.external:
            candidates.append(service)
    candidates.sort(key=_is_down_if_it_shrinks)
    helpers = [service.name for service in candidates]
    yield changing
    if not changing:
        return
    if len(helpers) <= _MOST_HELPERS:
        for number in range(1, len(helpers) + 1):
            for names in combinations(helpers, number):
                yield changing.union(names)
        return
    for helper in helpers[:_MOST_COMBINATIONS]:
        yield changing | {helper}
    yield changing.union(helpers)


def _is_down_if_it_shrinks(service: PlannedService) -> bool:
    """Whether a service cannot have fewer pods without downtime. Such services are tried last."""
    if service.old is None:
        return True
    least = max(service.old.demand.min_member, 1)
    return service.old.replicas <= least and service.priority > 0


def _is_better(found: Found, best: tuple[Board, Found] | None) -> bool:
    """Whether a sequence has less downtime. With as much, the one is kept in which fewer services take part."""
    return best is None or found.cost.downtime < best[1].cost.downtime


def _plan(planned: Board, found: Found, *, is_best: bool) -> UpdatePlan:
    steps = tuple(step for taken in found.steps for step in _steps(planned, taken))
    total: dict[str, int] = {}
    for step in steps:
        for name, seconds in step.downtime.items():
            total[name] = total.get(name, 0) + seconds
    return UpdatePlan(
        steps=steps,
        npus=sum(node.npus for node in planned.transition.nodes),
        is_best=is_best,
        weighted=found.cost.downtime,
        downtime=total,
        before={
            name: replicas.number
            for name, replicas in planned.replicas(planned.start).items()
        },
    )


def _steps(planned: Board, taken: Taken) -> Iterator[Step]:
    """The steps of a move: several for one of a companion."""
    step = _step(planned, taken)
    companion = planned.services[taken.move.service].beside
    if companion is None:
        yield step
        return
    yield from companion_steps(step, companion, planned.switched(taken.before))


def _step(planned: Board, taken: Taken) -> Step:
    move = taken.move
    return Step(
        kind=move.kind,
        service=planned.services[move.service].name,
        before=_number(taken.before, move.service),
        after=_number(move.state, move.service),
        way=move.way,
        peak=move.peak,
        seconds=move.seconds,
        downtime=downtimes(units(planned), taken.before, move),
        frees=_freed(planned, taken),
        state=planned.replicas(move.state),
        companions=planned.running_companions(move.state),
        switched=planned.switched(move.state),
        together=_together(planned, taken),
    )


def _number(state: State, service: int) -> int:
    """The replicas of a service in a state."""
    running = state[service]
    return len(running.replicas) if running else 0


def _together(planned: Board, taken: Taken) -> Together | None:
    """The second service that a step updates; None if it updates one."""
    move = taken.move
    if not move.together:
        return None
    second: Move = move.together[1]
    return Together(
        service=planned.services[second.service].name,
        before=_number(taken.before, second.service),
        after=_number(move.state, second.service),
        way=second.way,
    )


def _freed(planned: Board, taken: Taken) -> Mapping[str, int]:
    """The NPUs that a step frees, by node."""
    before = planned.placement(taken.before).free
    after = planned.placement(taken.move.state).free
    freed = {}
    for node, had, has in zip(planned.transition.nodes, before, after, strict=True):
        if has > had:
            freed[node.name] = has - had
    return freed
