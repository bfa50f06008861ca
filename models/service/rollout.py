"""How the pods of each service are replaced, so that no update waits for NPUs that only its own end would free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from models.service.capacity import sure_to_fit
from models.stack_file.cluster import Pool
from models.stack_file.operation import Queue, Rollout
from models.words import counted


@dataclass(frozen=True)
class Demand:
    """What a service asks of the pools."""

    service: str
    replicas: int
    npus: int
    """NPUs of each pod."""
    min_member: int
    queue: str
    """Volcano's queue."""
    startup: int
    """Seconds."""
    rollout: Rollout
    """What the stack file says of it."""
    external: bool = False
    """Whether an autoscaler sets the replicas, and may hold what is free."""


@dataclass(frozen=True)
class Plan:
    """How a service rolls."""

    rollout: Rollout
    """With nothing left open."""
    because: str
    """Why what the stack file leaves open is as it is."""
    room: int | None
    """Pods more than `replicas`, up to those asked for, that are sure to find their NPUs while all services roll at
    once; None when no pools are given."""


@dataclass
class _Held:
    """What pods hold: how many there are by their NPUs, and the NPUs of each queue."""

    pods: Counter[int] = field(default_factory=Counter)
    queues: Counter[str] = field(default_factory=Counter)

    def add(self, demand: Demand, pods: int) -> None:
        self.pods[demand.npus] += pods
        self.queues[demand.queue] += pods * demand.npus


def plan_rollouts(demands: Iterable[Demand], pools: Mapping[str, Pool], queues: Mapping[str, Queue]) -> dict[str, Plan]:
    """Decide for each service, in the order of what a pod more saves: first what would be down, the slowest first."""
    asked = sorted(demands, key=lambda demand: (demand.replicas != 1, -demand.startup, demand.service))
    nodes, held = _nodes(pools), _Held()
    for demand in asked:
        held.add(demand, demand.replicas)
    plans = {}
    for demand in asked:
        wanted, room = _most_surge(demand), 0
        while room < wanted and _has_room(demand, held, nodes, queues):
            held.add(demand, 1)
            room += 1
        plans[demand.service] = _plan(demand, room if pools else None, full=not _within(demand, held, queues))
    return plans


def stuck_rollouts(
    demands: Sequence[Demand], running: Mapping[str, int], pools: Mapping[str, Pool], queues: Mapping[str, Queue]
) -> list[Demand]:
    """The rollouts that make a pod more first and find no room for it, since larger pods run than are asked for.

    `plan_rollouts` counts the pods that are asked for. Where `npus` is lowered, larger ones hold their NPUs until a
    new one is ready. What deletes first goes on by itself and leaves room to others.

    Args:
        demands: What all services ask for, with rollouts that leave nothing open.
        running: NPUs of the pods that run, by service.
        pools: The nodes.
        queues: The queues and their quotas.
    """
    nodes, waiting = _nodes(pools), [one for one in demands if one.replicas and running.get(one.service, 0) > one.npus]
    while True:
        sizes = {one.service: running[one.service] for one in waiting}
        stuck = [
            one
            for one in waiting
            if one.rollout.max_surge and not _has_room(one, _beside(one, demands, sizes), nodes, queues)
        ]
        if stuck == waiting:
            return stuck
        waiting = stuck


def _beside(rolling: Demand, demands: Iterable[Demand], sizes: Mapping[str, int]) -> _Held:
    """What all pods hold before the first step of a rollout, while the others have made theirs."""
    held = _Held()
    for one in demands:
        surge = 0 if one is rolling else one.rollout.max_surge or 0
        held.add(replace(one, npus=sizes.get(one.service, one.npus)), one.replicas + surge)
    return held


def _nodes(pools: Mapping[str, Pool]) -> Counter[int]:
    """How many nodes there are by their NPUs."""
    return Counter(pool.npus_per_node for pool in pools.values() for _ in range(pool.nodes))


def _most_surge(demand: Demand) -> int:
    """Pods more than the replicas that the service may want."""
    given = demand.rollout
    if given.kind == "recreate" or demand.replicas == 0:
        return 0
    if demand.external and given.max_surge is None:
        return 0
    if given.max_surge is not None:
        return min(given.max_surge, demand.replicas)
    return 0 if given.max_unavailable or (demand.min_member > 1 and given.kind is None) else 1


def _has_room(demand: Demand, held: _Held, nodes: Mapping[int, int], queues: Mapping[str, Queue]) -> bool:
    return _within(demand, held, queues) and sure_to_fit(demand.npus, held.pods, nodes)


def _within(demand: Demand, held: _Held, queues: Mapping[str, Queue]) -> bool:
    """Whether a pod more is within the quota of its queue."""
    queue = queues.get(demand.queue)
    return not queue or not queue.npus or held.queues[demand.queue] + demand.npus <= queue.npus


def _plan(demand: Demand, room: int | None, full: bool) -> Plan:
    given = demand.rollout
    surge, unavailable = given.max_surge, given.max_unavailable
    because = _because(demand, room, full)
    whole = given.kind is None and surge is None and unavailable is None
    alone = demand.replicas == 1 and not demand.external
    if given.kind == "recreate" or (whole and (demand.min_member > 1 or (alone and not room))):
        return Plan(given.model_copy(update={"kind": "recreate"}), because, room)
    if surge is None:
        surge = 0 if unavailable else 1 if room or unavailable == 0 else 0
    if unavailable is None:
        unavailable = 0 if surge else 1
    complete = {"kind": "rollingUpdate", "max_surge": surge, "max_unavailable": unavailable}
    return Plan(given.model_copy(update=complete), because, room)


def _because(demand: Demand, room: int | None, full: bool) -> str:
    given = demand.rollout
    if given.kind == "recreate" or given.max_surge is not None or given.max_unavailable is not None:
        return "the stack file says so"
    if demand.min_member > 1:
        return f"{demand.min_member} pods start together, and those of an update form a gang of their own"
    if demand.replicas == 0 or demand.external:
        return "an autoscaler may hold what is free" if demand.external else "there are no pods"
    npus = counted(demand.npus, "NPU")
    if room is None:
        return "no pools are given, so nothing is known to be free"
    if full and not room:
        return f"the quota of queue {demand.queue} has no room for {npus} more"
    return f"{'a' if room else 'no'} node is sure to have {npus} free"
