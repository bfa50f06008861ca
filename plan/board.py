"""The part of a transition that the search moves: the services that take part, on the NPUs that the others leave."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from models.service.rollout import Demand, plan_rollouts, stuck_rollouts
from models.stack_file.keys.operation import RollingUpdate
from plan.placement import Placement, Running, State
from plan.step import Replicas
from plan.transition import Companion, PlannedService, Transition, Version

_SMALL = 40
"""Nodes and pods that cost little to copy."""

_ADDITIONAL_POD = RollingUpdate(max_surge=1, max_unavailable=0)

SWITCH = 30
"""Longest seconds of an update that changes only the selector of a Service."""


@dataclass(frozen=True)
class Board:
    """A transition in which only some services take part."""

    transition: Transition
    services: tuple[PlannedService, ...]
    """The services that take part. The pods of all others keep their nodes."""
    fixed: tuple[PlannedService, ...]

    @property
    def start(self) -> State:
        """What runs before the update."""
        return tuple(self._running(service) for service in self.services)

    def _running(self, service: PlannedService) -> Running | None:
        placed = self.transition.placed.get(service.name, ())
        if not placed:
            return None
        is_new = not service.restarts and service.new is not None
        return Running(is_new, placed)

    @cached_property
    def _surge_rooms(self) -> dict[tuple[object, ...], bool]:
        """What `has_room_for_surge` has found out."""
        return {}

    def version(self, service: int, *, is_new: bool) -> Version:
        """A version of a service that has pods in it."""
        planned = self.services[service]
        if planned.beside:
            return planned.beside.version
        version = planned.new if is_new else planned.old
        if version is None:
            raise KeyError(planned.name)
        return version

    def placement(self, state: State) -> Placement:
        """The pods of a state on the nodes."""
        placement = self._fixed_pods.copy()
        for index, running in enumerate(state):
            if running is None:
                continue
            demand = self.version(index, is_new=running.is_new).demand
            for replica in running.replicas:
                placement.add((index, running.is_new), demand, replica)
        return placement

    @cached_property
    def _fixed_pods(self) -> Placement:
        """The pods of the services that take no part."""
        transition = self.transition
        placement = Placement.empty(transition.nodes, transition.queues)
        for number, service in enumerate(self.fixed):
            version = service.new or service.old
            label = (-1 - number, True)
            if version is None:
                continue
            for replica in transition.placed.get(service.name, ()):
                placement.add(label, version.demand, replica)
        return placement

    @cached_property
    def effort(self) -> int:
        """How much more a step costs to try than on a few nodes with a few pods."""
        pods = 0
        for replicas in self.transition.placed.values():
            pods += sum(len(replica) for replica in replicas)
        return 1 + (pods + len(self.transition.nodes)) // _SMALL

    @cached_property
    def wanted_npus(self) -> int:
        """NPUs of all wanted pods."""
        return wanted_npus(self.transition)

    @cached_property
    def companions(self) -> Mapping[int, int]:
        """The position of the companion of each service that has one, by the position of the service."""
        positions = {service.name: index for index, service in enumerate(self.services)}
        found = {}
        for index, service in enumerate(self.services):
            if service.beside:
                found[positions[service.beside.service]] = index
        return found

    @cached_property
    def partners(self) -> Mapping[int, int]:
        """The position of the service of each companion, by the position of the companion."""
        return {companion: index for index, companion in self.companions.items()}

    @cached_property
    def pair_at_once(self) -> tuple[int, int] | None:
        """The positions of a pair of which no service may run alone in its new version, in the order of their updates.

        None if there is no such pair. Larger pods come first, as in `cluster/update/order.py`.
        """
        names = self.transition.pair_at_once
        positions = []
        for index, service in enumerate(self.services):
            if service.name in names and service.new:
                positions.append(index)
        if len(positions) != 2:
            return None
        positions.sort(key=self._wanted_size, reverse=True)
        first, second = positions
        return first, second

    def _wanted_size(self, service: int) -> int:
        return self.version(service, is_new=True).demand.npus

    def is_mixed(self, state: State) -> bool:
        """Whether only one service of such a pair runs in its new version."""
        if self.pair_at_once is None:
            return False
        first, second = (state[index] for index in self.pair_at_once)
        if first is None or second is None:
            return False
        return first.is_new != second.is_new

    def is_updated_at_once(self, state: State) -> bool:
        """Whether one step can still update both services of such a pair."""
        if self.pair_at_once is None:
            return False
        pair = [state[index] for index in self.pair_at_once]
        return all(running and not running.is_new for running in pair)

    def is_waiting(self, state: State, service: int) -> bool:
        """Whether a service keeps its present launch until its companion has been compared with it."""
        companion = self.companions.get(service)
        if companion is None or state[companion] is not None:
            return False
        running = state[service]
        return running is not None and not running.is_new

    def answering_replicas(self, service: int) -> int:
        """The replicas of a service that answer at least while its companion does not.

        They are as many as the companion has, which answers alone in between.
        """
        planned = self.services[self.companions[service]]
        if planned.beside is None:
            raise KeyError(planned.name)
        return planned.beside.version.replicas

    def may_end(self, state: State, service: int) -> bool:
        """Whether all pods of a service may end: not in favour of a companion, if the downtime counts."""
        companion = self.companions.get(service)
        if companion is not None and state[companion] is not None:
            return True
        if self.is_waiting(state, service):
            return False
        has_companions = any(state[index] is not None for index in self.partners)
        return not (has_companions and self.services[service].must_answer)

    def all_answer(self, state: State) -> bool:
        """Whether every service answers that may not be stopped in favour of a companion."""
        answered = self.running_companions(state).values()
        for service, running in zip(self.services, state, strict=True):
            if service.must_answer and running is None and service.name not in answered:
                return False
        return True

    def running_companions(self, state: State) -> Mapping[str, str]:
        """The service of each companion that runs, by the companion's name."""
        found = {}
        for service, companion in self.companions.items():
            if state[companion] is not None:
                name = self.services[companion].name
                found[name] = self.services[service].name
        return found

    def switched(self, state: State) -> tuple[str, ...]:
        """The services whose requests their companions answer."""
        return tuple(self.running_companions(state).values())

    def least_seconds(self, service: int, state: State) -> int | None:
        """The least time that a service needs to become as wanted; None if it is."""
        planned = self.services[service]
        running = state[service]
        if planned.beside:
            return self._least_of_companion(service, state, planned.beside)
        old = planned.old
        new = planned.new
        wanted = new.replicas if new else 0
        now = len(running.replicas) if running else 0
        needs_update = running is not None and not running.is_new and wanted > 0
        if now == wanted and not needs_update:
            return None
        if new and needs_update:
            stop = old.stop if old else 0
            return stop + new.start
        if new and wanted > now:
            return new.start
        stopped = old or new
        return stopped.stop if stopped else 0

    def _least_of_companion(
        self, service: int, state: State, companion: Companion
    ) -> int | None:
        """The least time until a companion is deleted; None if it is not needed any more."""
        ending = SWITCH + companion.version.stop
        if state[service] is not None:
            return ending
        if self.is_waiting(state, self.partners[service]):
            return companion.version.start + companion.comparison + SWITCH + ending
        return None

    def is_done(self, state: State) -> bool:
        """Whether what runs is what is wanted."""
        return all(
            self.least_seconds(index, state) is None
            for index in range(len(self.services))
        )

    def replicas(self, state: State) -> dict[str, Replicas]:
        """The services that have pods, by name, including those that take no part."""
        found: dict[str, Replicas] = {}
        for service in self.fixed:
            number = len(self.transition.placed.get(service.name, ()))
            if number:
                found[service.name] = Replicas(is_new=True, number=number)
        for service, running in zip(self.services, state, strict=True):
            if running:
                found[service.name] = Replicas(running.is_new, len(running.replicas))
        return found

    def has_room_for_surge(self, state: State, service: int, replicas: int) -> bool:
        """Whether `check` and `pulumi up` accept an update of a service with an additional pod.

        They count on a node only if it is free wherever the scheduler has placed the other pods.
        """
        counts = [(running and len(running.replicas)) or 0 for running in state]
        versions = [running and running.is_new for running in state]
        key = (service, replicas, *counts, *versions)
        if key not in self._surge_rooms:
            self._surge_rooms[key] = self._finds_room(state, service, replicas)
        return self._surge_rooms[key]

    def _finds_room(self, state: State, service: int, replicas: int) -> bool:
        pools = self.transition.pools
        queues = self.transition.queues
        if not pools:
            return True
        name = self.services[service].name
        demands = self._demands_after(state, service, replicas)
        plans = plan_rollouts(demands, pools, queues)
        if not plans[name].room:
            return False
        old = self.version(service, is_new=False).demand
        surges = {demand.service: 0 for demand in demands}
        surges[name] = 1
        return not stuck_rollouts(demands, surges, {name: old.npus}, pools, queues)

    def _demands_after(
        self, state: State, service: int, replicas: int
    ) -> Sequence[Demand]:
        """The demands of the stack after the update of a service. No other service is updated in the same step."""
        demands = []
        for planned in self.fixed:
            if planned.new:
                demands.append(replace(planned.new.demand, rollout=None))
        for index, running in enumerate(state):
            if index == service:
                demand = self.version(index, is_new=True).demand
                rollout = demand.rollout or _ADDITIONAL_POD
                demands.append(replace(demand, replicas=replicas, rollout=rollout))
            elif running:
                demand = self.version(index, is_new=running.is_new).demand
                number = len(running.replicas)
                demands.append(replace(demand, replicas=number, rollout=None))
        return demands


def board(transition: Transition, taking_part: Collection[str]) -> Board:
    """The board on which the named services take part."""
    moving = []
    fixed = []
    for service in transition.services:
        if service.name in taking_part:
            moving.append(service)
        else:
            fixed.append(service)
    return Board(transition, tuple(moving), tuple(fixed))


def wanted_npus(transition: Transition) -> int:
    """NPUs of all wanted pods."""
    npus = 0
    for service in transition.services:
        if service.new:
            demand = service.new.demand
            npus += demand.replicas * demand.nodes * demand.npus
    return npus


def queue_shortage(transition: Transition) -> tuple[str, int] | None:
    """The first queue whose quota is below what the wanted services request, and the missing NPUs."""
    for name, queue in transition.queues.items():
        if queue.npus is None:
            continue
        requested = _requested(transition.services, name)
        if requested > queue.npus:
            return name, requested - queue.npus
    return None


def _requested(services: Sequence[PlannedService], queue: str) -> int:
    npus = 0
    for service in services:
        if service.new is None or service.new.demand.queue != queue:
            continue
        demand = service.new.demand
        npus += demand.replicas * demand.nodes * demand.npus
    return npus
