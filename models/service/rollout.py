"""How the pods of each service are replaced, so that no update waits for NPUs that only its own end would free."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic.alias_generators import to_camel

from models.service.capacity import sure_to_fit
from models.service.resolved import ResolvedService
from models.stack_file.keys.cluster import Pool
from models.stack_file.keys.operation import (
    Queue,
    Recreate,
    ResolvedRollingUpdate,
    ResolvedRollout,
    RollingUpdate,
)
from models.words import counted, listed

_MOST_NAMES = 3
"""Most services that a reason names."""


@dataclass(frozen=True)
class Demand:
    """The NPUs and pods that a service requests from the pools."""

    service: str
    replicas: int
    """Pods, or groups of pods."""
    npus: int
    """NPUs of each pod."""
    min_member: int
    queue: str
    """Volcano's queue."""
    startup: int
    """Seconds."""
    rollout: RollingUpdate | Recreate | None
    """The rollout in the stack file, if it has one."""
    external: bool = False
    """Whether an autoscaler sets the replicas, and may use the free NPUs."""
    nodes: int = 1
    """Pods of each replica, each on a separate node."""
    fixed_ports: bool = False
    """Whether its pods have ports of the node, so that no node runs two of them."""

    @property
    def is_group(self) -> bool:
        """Whether each replica is a group of pods, which starts as a whole."""
        return self.nodes > 1


def demand(service: ResolvedService) -> Demand:
    """The NPUs and pods that a resolved service requests from the pools."""
    return Demand(
        service=service.name,
        replicas=service.replicas,
        nodes=service.nodes,
        npus=service.npus,
        min_member=service.min_member,
        queue=service.in_queue,
        startup=service.startup,
        rollout=service.rollout,
        external=service.external,
        fixed_ports=service.group is not None and service.cluster.host_network,
    )


@dataclass(frozen=True)
class Plan:
    """How a service is updated."""

    rollout: ResolvedRollout
    reasons: Mapping[str, str]
    """The reason for each default, by its key."""
    room: int | None
    """Additional pods, up to the requested ones, that are sure to find their NPUs while all services are updated
    together. None without pools."""


@dataclass
class _Held:
    """The NPUs that pods hold: the number of pods by their NPUs, and the NPUs of each queue."""

    pods: Counter[int] = field(default_factory=Counter)
    queues: Counter[str] = field(default_factory=Counter)

    def add(self, demand: Demand, replicas: int, npus: int) -> None:
        pods = replicas * demand.nodes
        self.pods[npus] += pods
        self.queues[demand.queue] += pods * npus

    def copy(self) -> _Held:
        return _Held(pods=self.pods.copy(), queues=self.queues.copy())


@dataclass(frozen=True)
class _Cluster:
    """The nodes by their NPUs, and the queues."""

    nodes: Mapping[int, int]
    queues: Mapping[str, Queue]
    is_known: bool = True
    """Whether the stack file has pools."""

    def has_room(self, demand: Demand, held: _Held) -> bool:
        """Whether one more replica is sure to find the NPUs of all its pods, and is within the quota of its queue."""
        if not _within_quota(demand, held, self.queues):
            return False
        pods = held.pods.copy()
        own = demand.npus
        if demand.fixed_ports:
            own = max(self.nodes, default=demand.npus)
            running = min(pods[demand.npus], demand.replicas * demand.nodes)
            pods[demand.npus] -= running
            pods[own] += running
        for _ in range(demand.nodes):
            if not sure_to_fit(demand.npus, pods, self.nodes):
                return False
            pods[own] += 1
        return True


def plan_rollouts(
    demands: Iterable[Demand], pools: Mapping[str, Pool], queues: Mapping[str, Queue]
) -> dict[str, Plan]:
    """Plan the update of each service, so that all updates together have the least downtime.

    Free NPUs go first to services whose rollout the stack file sets, then to services with one pod: to the slowest, or
    to others if these save more downtime together.
    """
    cluster = _Cluster(_nodes(pools), queues, is_known=bool(pools))
    services = list(demands)
    best: dict[str, Plan] = {}
    least = math.inf
    for order in _ORDERS:
        plans = _plans(sorted(services, key=order), cluster)
        seconds = _downtime(services, plans)
        if seconds < least:
            best, least = plans, seconds
        if seconds == 0:
            break
    return best


def stuck_rollouts(
    demands: Sequence[Demand],
    surges: Mapping[str, int],
    running: Mapping[str, int],
    pools: Mapping[str, Pool],
    queues: Mapping[str, Queue],
) -> list[Demand]:
    """The updates that start an additional pod first and find no room, because larger pods run than are requested.

    `plan_rollouts` counts the requested pods. Where `npus` was lowered, larger pods hold their NPUs until a new one is
    ready. A service that deletes first continues without free NPUs, and leaves room to others.

    Args:
        demands: The demands of all services.
        surges: Additional pods during the update, by service.
        running: NPUs of the pods that run, by service.
        pools: The nodes.
        queues: The queues and their quotas.
    """
    cluster = _Cluster(_nodes(pools), queues)
    waiting = [
        demand
        for demand in demands
        if demand.replicas and running.get(demand.service, 0) > demand.npus
    ]
    while True:
        sizes = {demand.service: running[demand.service] for demand in waiting}
        stuck = []
        for demand in waiting:
            held = _held_before(demand, demands, surges, sizes)
            if surges[demand.service] and not cluster.has_room(demand, held):
                stuck.append(demand)
        if stuck == waiting:
            return stuck
        waiting = stuck


def _held_before(
    rolling: Demand,
    demands: Iterable[Demand],
    surges: Mapping[str, int],
    sizes: Mapping[str, int],
) -> _Held:
    """The NPUs that all pods hold before the first step of an update, while the others have made theirs."""
    held = _Held()
    for demand in demands:
        surge = 0 if demand is rolling else surges[demand.service]
        npus = sizes.get(demand.service, demand.npus)
        held.add(demand, demand.replicas + surge, npus)
    return held


_Order = tuple[int, float, int, str]


def _slowest_first(demand: Demand) -> _Order:
    return (_rank(demand), -demand.startup, demand.npus, demand.service)


def _smallest_first(demand: Demand) -> _Order:
    return (_rank(demand), demand.npus, -demand.startup, demand.service)


def _most_downtime_an_npu_first(demand: Demand) -> _Order:
    saved = demand.startup / demand.npus
    return (_rank(demand), -saved, demand.npus, demand.service)


_ORDERS = (_slowest_first, _most_downtime_an_npu_first, _smallest_first)
"""Orders in which services get free NPUs. The name decides only between services that cost the same."""


def _rank(demand: Demand) -> int:
    """Services whose rollout is set come first: without room, their update is refused. Then those that may be down."""
    rollout = demand.rollout
    if isinstance(rollout, RollingUpdate) and _is_configured(rollout):
        return 0
    if demand.replicas == 1:
        return 1
    return 2


def _plans(ordered: Sequence[Demand], cluster: _Cluster) -> dict[str, Plan]:
    """The plans if free NPUs are given in this order."""
    at_rest = _Held()
    for demand in ordered:
        at_rest.add(demand, demand.replicas, demand.npus)
    held = at_rest.copy()
    plans: dict[str, Plan] = {}
    for demand in ordered:
        wanted = _most_surge(demand)
        room = 0
        while room < wanted and cluster.has_room(demand, held):
            held.add(demand, 1, demand.npus)
            room += 1
        before: tuple[str, ...] = ()
        if wanted and not room and cluster.has_room(demand, at_rest):
            before = tuple(name for name, plan in plans.items() if plan.room)
        is_full = not _within_quota(demand, held, cluster.queues)
        known_room = room if cluster.is_known else None
        plans[demand.service] = _plan(demand, known_room, before, full=is_full)
    return plans


def _downtime(demands: Iterable[Demand], plans: Mapping[str, Plan]) -> int:
    """Seconds in which services with one pod do not answer, added up; without the services whose rollout is set."""
    seconds = 0
    for demand in demands:
        if (
            demand.replicas == 1
            and _most_surge(demand)
            and not plans[demand.service].room
        ):
            seconds += demand.startup
    return seconds


def _nodes(pools: Mapping[str, Pool]) -> Counter[int]:
    """The number of nodes by their NPUs."""
    nodes: Counter[int] = Counter()
    for pool in pools.values():
        nodes[pool.npus_per_node] += pool.nodes
    return nodes


def _most_surge(demand: Demand) -> int:
    """The additional pods that the update of a service may start."""
    rollout = demand.rollout
    if demand.replicas == 0 or isinstance(rollout, Recreate):
        return 0
    if rollout is not None and rollout.max_surge is not None:
        return min(rollout.max_surge, demand.replicas)
    if demand.external:
        return 0
    if rollout is None:
        return 1 if demand.min_member == 1 else 0
    return 0 if rollout.max_unavailable else 1


def _within_quota(demand: Demand, held: _Held, queues: Mapping[str, Queue]) -> bool:
    """Whether an additional replica is within the quota of its queue."""
    queue = queues.get(demand.queue)
    if queue is None or queue.npus is None:
        return True
    requested = demand.nodes * demand.npus
    return held.queues[demand.queue] + requested <= queue.npus


def _plan(
    demand: Demand, room: int | None, before: Sequence[str], *, full: bool
) -> Plan:
    """The plan of a service.

    Args:
        demand: Its requests.
        room: Its additional pods that are sure to find their NPUs; None without pools.
        before: The services that get the last free NPUs, which it would find without them.
        full: Whether the quota of its queue has no room.
    """
    rollout = _rollout(demand, room)
    because = _because(demand, room, full=full)
    if before and not _is_configured(demand.rollout):
        because += _after(before)
    configured = demand.rollout.model_fields_set if demand.rollout else frozenset[str]()
    defaults = [name for name in type(rollout).model_fields if name not in configured]
    return Plan(
        rollout, {f"rollout.{to_camel(name)}": because for name in defaults}, room
    )


def _rollout(demand: Demand, room: int | None) -> ResolvedRollout:
    rollout = demand.rollout
    if isinstance(rollout, Recreate):
        return rollout
    if rollout is None:
        is_alone = demand.replicas == 1 and not demand.external
        deletes_all = demand.min_member > 1 or (is_alone and not room)
        if deletes_all and not demand.is_group:
            return Recreate()
        rollout = RollingUpdate()
    surge, unavailable = rollout.max_surge, rollout.max_unavailable
    if surge is None:
        surge = 1 if _starts_first(unavailable, room) else 0
    if unavailable is None:
        unavailable = 0 if surge else 1
    return ResolvedRollingUpdate.model_construct(
        max_surge=surge, max_unavailable=unavailable
    )


def _starts_first(unavailable: int | None, room: int | None) -> bool:
    """Whether an update without `maxSurge` starts an additional pod before it deletes an old one."""
    if unavailable is None:
        return bool(room)
    return unavailable == 0


def _because(demand: Demand, room: int | None, *, full: bool) -> str:
    """The reason for a planned rollout."""
    if _is_configured(demand.rollout):
        return "set in the stack file"
    if demand.min_member > 1:
        return f"{demand.min_member} pods start together, and the pods of an update form a separate gang"
    if demand.external:
        return "an autoscaler may use the free NPUs"
    if demand.replicas == 0:
        return "there are no pods"
    return _because_of_npus(demand, room, full=full)


def _after(services: Sequence[str]) -> str:
    """The services whose additional pods are counted first."""
    names = list(services[:_MOST_NAMES])
    hidden = len(services) - _MOST_NAMES
    if hidden > 0:
        names.append(f"{hidden} more")
    pods = "pod" if len(services) == 1 else "pods"
    return f" next to the additional {pods} of {listed(names)}, counted first"


def _is_configured(rollout: RollingUpdate | Recreate | None) -> bool:
    """Whether the stack file decides how pods are replaced."""
    if isinstance(rollout, RollingUpdate):
        return rollout.max_surge is not None or rollout.max_unavailable is not None
    return rollout is not None


def _because_of_npus(demand: Demand, room: int | None, *, full: bool) -> str:
    npus = counted(demand.npus, "NPU")
    if demand.is_group:
        npus += f" on each of {demand.nodes} nodes"
    if room is None:
        return "cluster.pools is not set, so free NPUs are unknown"
    if full and not room:
        return f"the quota of queue {demand.queue} has no room for {npus} more"
    if demand.is_group:
        return f"{'' if room else 'not '}sure to have {npus} free"
    return f"{'a' if room else 'no'} node is sure to have {npus} free"
