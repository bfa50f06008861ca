"""How many NPUs are missing if the next launch of a service has no room beside the present one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.service.rollout import Demand
from plan.missing import least_missing
from plan.placement import leaving
from plan.transition import Companion, PlannedService, Replica, Transition


@dataclass(frozen=True)
class MissingBeside:
    """The smallest number of NPUs that are missing for a companion."""

    npus: int
    service: str | None = None
    """The service of the companion."""
    queue: str | None = None
    """The queue in whose quota they are missing; None if they are missing on the nodes."""


def missing_beside(transition: Transition) -> MissingBeside:
    """The smallest number of NPUs that must be added so that each companion has room at some time.

    A companion starts beside pods that no step can end: those of its service that still answer, those of an
    autoscaler, and one of each service whose downtime counts. Later, its service starts beside it. While this happens
    to the first service, those that wait for their companions have as many pods as these. Other services can be
    stopped for a while.
    """
    companions = {
        service.beside.service: service.beside
        for service in transition.services
        if service.beside
    }
    if not companions:
        return MissingBeside(0)
    alone = []
    first = []
    for name, companion in companions.items():
        waiting = {}
        for other, its_companion in companions.items():
            if other != name:
                waiting[other] = its_companion.version.replicas
        alone.append(_missing(transition, companion, {}))
        first.append(_missing(transition, companion, waiting))
    most = max(alone, key=_npus)
    least = min(first, key=_npus)
    return max(most, least, key=_npus)


def _npus(missing: MissingBeside) -> int:
    return missing.npus


def _missing(
    transition: Transition, companion: Companion, waiting: Mapping[str, int]
) -> MissingBeside:
    """What is missing for one companion, when it starts and when its service starts again.

    Args:
        transition: The update.
        companion: The companion.
        waiting: Replicas of other services, which remain until their companions answer for them.
    """
    service = transition.service(companion.service)
    demand = companion.version.demand
    present = _Room(transition, demand.queue)
    present.stay(service, demand.replicas)
    again = _Room(transition, demand.queue)
    if service.new:
        again.start(demand, min(service.new.replicas, demand.replicas))
    for room in (present, again):
        room.start(demand, demand.replicas)
        for other in transition.services:
            if other is not service:
                _count(other, room, waiting)
    missing = max(present.missing(), again.missing(), key=lambda missing: missing[0])
    npus, queue = missing
    return MissingBeside(npus, companion.service, queue)


def _count(service: PlannedService, room: _Room, waiting: Mapping[str, int]) -> None:
    """Count the pods of another service that it has in any case."""
    is_external = service.external and service.new is not None
    if service.name in waiting or is_external:
        room.stay(service, waiting.get(service.name, 1))
    elif service.must_answer and not service.changes:
        room.stay(service, 1)
    elif service.must_answer and service.old and service.new:
        before = service.old.demand
        after = service.new.demand
        smaller = min(before, after, key=_least_npus)
        room.start(smaller, max(smaller.min_member, 1))


def _least_npus(demand: Demand) -> int:
    return max(demand.min_member, 1) * demand.nodes * demand.npus


class _Room:
    """The nodes and the queue, with the pods that a companion leaves there."""

    def __init__(self, transition: Transition, queue: str) -> None:
        self._transition = transition
        self._queue = queue
        self._free = [node.npus for node in transition.nodes]
        self._pods: list[int] = []
        self._in_queue = 0

    def stay(self, service: PlannedService, replicas: int) -> None:
        """Count pods that run and remain where they are.

        Args:
            service: The service.
            replicas: Replicas that remain, unless fewer run or its gang is larger. With an autoscaler, all remain.
        """
        if service.old is None:
            return
        demand = service.old.demand
        for replica in _remaining(self._transition, service, replicas):
            for node in replica:
                self._free[node] -= demand.npus
            if demand.queue == self._queue:
                self._in_queue += len(replica) * demand.npus

    def start(self, demand: Demand, replicas: int) -> None:
        """Count pods that can be on any node."""
        pods = [demand.npus] * (replicas * demand.nodes)
        self._pods += pods
        if demand.queue == self._queue:
            self._in_queue += sum(pods)

    def missing(self) -> tuple[int, str | None]:
        """The NPUs that are missing for all these pods, and the queue in whose quota they are missing."""
        queue = self._transition.queues.get(self._queue)
        if queue and queue.npus is not None and self._in_queue > queue.npus:
            return self._in_queue - queue.npus, self._queue
        return least_missing(self._pods, self._free), None


def _remaining(
    transition: Transition, service: PlannedService, number: int
) -> Sequence[Replica]:
    """The replicas that remain if as few as possible do."""
    replicas = list(transition.placed.get(service.name, ()))
    if service.external or service.old is None:
        return replicas
    least = max(service.old.demand.min_member, number)
    while len(replicas) > least:
        replicas.pop(leaving(replicas))
    return replicas
