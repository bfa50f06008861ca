"""Downtime that an update could avoid, because services whose additional pods are counted first do not change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from models.service.resolved import ResolvedService, ResolvedStack
from models.service.rollout import Demand, demand, plan_rollouts
from models.stack_file.keys.operation import Recreate
from review.changes import ServiceChange


def avoidable_downtime(
    stack: ResolvedStack, changes: Sequence[ServiceChange]
) -> tuple[str, ...]:
    """The services that are down in this update, although an additional pod would find its NPUs.

    Only services that restart take part, because the others need no additional pod. A rollout that the stack file sets
    is counted all the same, so that `check` accepts the rollout that avoids the downtime.

    Args:
        stack: The stack after the update.
        changes: What happens to each service.
    """
    candidates = {change.name for change in changes if _may_be_avoided(change)}
    if not candidates:
        return ()
    demands = list(_demands(changes, candidates))
    plans = plan_rollouts(demands, stack.cluster.pools, stack.cluster.queues)
    return tuple(name for name in sorted(candidates) if plans[name].room)


def _may_be_avoided(change: ServiceChange) -> bool:
    """Whether a planned rollout is the reason for the downtime, and the pods keep their number and size."""
    old = change.old
    new = change.new
    if not change.downtime or old is None or new is None:
        return False
    if new.is_rollout_set or new.min_member > 1:
        return False
    return old.replicas == new.replicas and old.npus == new.npus


def _demands(
    changes: Iterable[ServiceChange], candidates: set[str]
) -> Iterator[Demand]:
    """The most NPUs that each service holds during the update, and the planned additional pods."""
    for change in changes:
        states = [state for state in (change.old, change.new) if state]
        if not states:
            continue
        request = _largest(states)
        if change.name in candidates:
            yield replace(request, rollout=None)
        elif change.restarts or states[-1].is_rollout_set:
            yield request
        else:
            yield replace(request, rollout=Recreate())


def _largest(states: Sequence[ResolvedService]) -> Demand:
    """The demand of the last state, with the most and the largest pods of all states."""
    return replace(
        demand(states[-1]),
        replicas=max(state.replicas for state in states),
        npus=max(state.npus for state in states),
    )
