"""Rules on NPUs: all services of a stack on the nodes of its pools and within the quotas of its queues."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from models.finding import Finding, Mark, at, error, warning
from models.record import quantity_text
from models.rules.registry import rule, stack_rule
from models.service.capacity import Packing, is_exact, pack, pool_nodes
from models.service.resolved import ResolvedService, ResolvedStack
from models.service.rollout import Demand, demand, stuck_rollouts
from models.stack_file.keys.operation import Recreate, ResolvedRollingUpdate
from models.words import counted


def packing(stack: ResolvedStack) -> Packing:
    """The pods of a stack on the nodes of its pools, without pods that are larger than every node."""
    nodes = pool_nodes(stack.cluster.pools)
    largest = max((node.npus for node in nodes), default=0)
    pods: list[tuple[str, int]] = []
    for service in stack.services:
        if service.npus <= largest:
            pod = (service.name, service.npus)
            pods += [pod] * service.pods
    return pack(pods, nodes)


@stack_rule("error", "warning")
def over_committed(stack: ResolvedStack) -> Iterator[Finding]:
    """All pods of a stack find their NPUs on the nodes of its pools.

    A pod has all its NPUs on one node, so free NPUs of several nodes do not add up. A pod without a node waits forever,
    and the update waits with it. Services that `check` could not read are not counted. If sizes do not divide each
    other, such as 3 and 8, there may be a better placement than the one that was tried. Then the finding is a warning.
    """
    if not stack.cluster.pools:
        return
    packed = packing(stack)
    unplaced = Counter(service for service, _ in packed.homeless)
    if not unplaced:
        return

    requested = _requested(stack.services)
    available = sum(node.npus for node in packed.nodes)
    pods = ", ".join(_pod_count(name, count) for name, count in unplaced.items())
    if requested > available:
        severity = error
        message = f"the services request {requested} NPUs, the pools have {available}: no room for {pods}"
    else:
        severity = error if _is_best_packing(stack, packed) else warning
        message = f"no single node has room for {pods} ({requested} of {available} NPUs requested)"
    most_unplaced, _ = unplaced.most_common(1)[0]
    yield severity(
        message,
        why=f"a pod has all its NPUs on one node; free in the best case: {_free_npus(packed)}",
        fix=_lower_replicas(stack, unplaced),
        marks=_npu_marks(stack.services, first=most_unplaced),
    )


def _requested(services: Sequence[ResolvedService]) -> int:
    """The NPUs that services request together."""
    return sum(service.npus * service.pods for service in services)


def _is_best_packing(stack: ResolvedStack, packed: Packing) -> bool:
    """Whether no better packing exists."""
    sizes = [service.npus for service in stack.services]
    sizes += [node.npus for node in packed.nodes]
    return is_exact(sizes)


def _pod_count(service: str, count: int) -> str:
    return f"{counted(count, 'pod')} of {service}"


def _free_npus(packed: Packing) -> str:
    free = []
    for node in packed.nodes:
        if node.free:
            free.append(f"{node.free} on {node.name}")
    return ", ".join(free) or "none"


def _lower_replicas(stack: ResolvedStack, unplaced: Mapping[str, int]) -> str:
    """The edit that removes all pods without a node."""
    edits = []
    for service in stack.services:
        if service.name in unplaced:
            without_node = math.ceil(unplaced[service.name] / service.nodes)
            placed = service.replicas - without_node
            edits.append(f"write services.{service.name}.replicas: {placed}")
    edit = " and ".join(edits)
    return f"{edit}, or add nodes to the cluster and to cluster.pools"


def _npu_marks(services: Sequence[ResolvedService], first: str) -> list[Mark]:
    """The NPUs of the services that have pods, with those of the named one first."""
    marks: list[Mark] = []
    for service in services:
        mark = _requested_npus(service)
        if service.name == first:
            marks.insert(0, mark)
        elif service.replicas:
            marks.append(mark)
    return marks


def _requested_npus(service: ResolvedService) -> Mark:
    npus = counted(service.npus, "NPU")
    if service.pods > 1:
        npus = f"{service.pods} × {npus}"
    path = ("services", service.name, "npus")
    return Mark(path, f"{service.name}: {npus}")


@stack_rule("error")
def queue_quota(stack: ResolvedStack) -> Iterator[Finding]:
    """The pods of a queue stay within its quota.

    Volcano starts no pod that would take a queue above its `capability`. Such a pod waits forever.
    """
    for name, queue in stack.cluster.queues.items():
        members = [service for service in stack.services if service.in_queue == name]
        requested = _requested(members)
        if not queue.npus or requested <= queue.npus:
            continue
        marks = [_requested_npus(service) for service in members]
        marks.append(Mark(("cluster", "queues", name), f"{queue.npus} NPUs"))
        yield error(
            f"the services of queue {name} request {requested} NPUs, but its quota is {queue.npus}",
            why="Volcano starts no pod that takes a queue above its capability, so a pod waits forever",
            fix=f"write cluster.queues.{name}.npus: {requested}, or lower the replicas of its services",
            marks=marks,
        )


@rule("error")
def unknown_queue(service: ResolvedService) -> Iterator[Finding]:
    """The queue of a service is one of `cluster.diagnosis.queues`, or Volcano's `default`.

    Pods in a queue that does not exist wait forever.
    """
    known = [*service.cluster.queues, "default"]
    if not service.queue or service.queue in known:
        return
    names = ", ".join(known)
    yield error(
        f"queue {service.queue} is not in cluster.queues ({names})",
        why="Volcano ignores pods in a queue that does not exist, so they wait forever",
        fix=f"write queue: {known[0]}, or add {service.queue} to cluster.queues",
        marks=[at("queue")],
    )


@rule("error")
def min_member_above_replicas(service: ResolvedService) -> Iterator[Finding]:
    """A gang is not larger than the service.

    Volcano starts none of its pods before `minMember` of them exist.
    """
    is_known = not (service.external or service.group)
    if not is_known or not 0 < service.replicas < service.min_member:
        return
    replicas = counted(service.replicas, "replica")
    yield error(
        f"minMember {service.min_member} exceeds the {replicas} of the service",
        why="Volcano starts no pod before minMember pods exist, so all pods wait forever",
        fix=f"write minMember: {service.replicas}, or write replicas: {service.min_member}",
        marks=[
            at("minMember"),
            at("replicas", counted(service.replicas, "pod")),
        ],
    )


@rule("error")
def rollout_would_hang(service: ResolvedService) -> Iterator[Finding]:
    """An update can take its first step: an additional pod finds NPUs, or an old pod may be removed first.

    With `maxUnavailable: 0`, no old pod is removed before a new one is ready, and the new one waits for NPUs that the
    old one holds. A new gang needs `minMember` pods together: each ReplicaSet has its own gang (Volcano issue 4739). A
    LeaderWorkerSet waits for its additional group even if it may remove an old one (lws 0.9.0).
    """
    rollout = service.rollout
    if isinstance(rollout, Recreate) or not service.replicas:
        return
    if service.group:
        yield from _additional_group_without_room(service, rollout)
        return
    surge = rollout.max_surge
    possible_surge = surge
    if service.room is not None:
        possible_surge = min(surge, service.room)
    unavailable = min(rollout.max_unavailable, service.replicas)
    startable = possible_surge + unavailable
    if startable >= min(service.min_member, service.replicas):
        return

    npus = counted(service.npus, "NPU")
    message = f"an update would hang: it starts {counted(startable, 'pod')}, but minMember is {service.min_member}"
    if possible_surge < surge:
        message = f"an update would hang: no node is sure to have {npus} for an additional pod"
    why = "no old pod is removed before a new one is ready"
    marks = [at("rollout"), at("npus")]
    if service.min_member > 1:
        why += ", and Volcano starts a gang only as a whole"
        marks.append(at("minMember"))
    yield error(
        message, why=why, fix="remove rollout (the default fits the pools)", marks=marks
    )


def _additional_group_without_room(
    service: ResolvedService, rollout: ResolvedRollingUpdate
) -> Iterator[Finding]:
    if service.room is None or service.room >= rollout.max_surge:
        return
    npus = counted(service.npus, "NPU")
    yield error(
        f"an update would hang: {service.nodes} nodes with {npus} each are not sure to be free for an additional group",
        why="the update waits for the additional group, and removes no old group before it (lws 0.9.0)",
        fix="remove rollout (the default fits the pools)",
        marks=[at("rollout"), at("nodes")],
    )


def updates_that_would_hang(
    stack: ResolvedStack,
    running: Mapping[str, int],
    unchanged: Collection[str] = (),
) -> Iterator[Finding]:
    """Updates without room for an additional pod, because the running pods are larger than the stack file requests.

    Args:
        stack: The stack.
        running: NPUs of the pods that run, by service.
        unchanged: Services whose pods the update does not restart, so that they need no additional pod.
    """
    cluster = stack.cluster
    demands = [demand(service) for service in stack.services]
    surges = {}
    for service in stack.services:
        surges[service.name] = 0 if service.name in unchanged else service.surge
    for stuck in stuck_rollouts(
        demands, surges, running, cluster.pools, cluster.queues
    ):
        yield _stuck_update(stuck, running[stuck.service])


def _stuck_update(stuck: Demand, running_npus: int) -> Finding:
    new_pod = counted(stuck.npus, "NPU")
    return Finding(
        rule="rollout-would-hang",
        severity="error",
        message=f"{stuck.service}: its update starts a pod with {new_pod} first, but while its pods with "
        f"{running_npus} NPUs run, no node is sure to have {new_pod} free",
        why="no old pod is removed before a new one is ready, and npus was lowered",
        fix=f"write rollout: recreate for {stuck.service}, run pulumi up, and remove it again",
    )


@rule("error")
def memory_below_shared(service: ResolvedService) -> Iterator[Finding]:
    """The memory of a pod is larger than its `/dev/shm`.

    Files in `/dev/shm` count as memory of the pod, and a pod above its limit is killed.
    """
    memory = service.resources.memory
    shared = service.resources.shm
    if memory > shared:
        return
    half = quantity_text(memory // 2)
    fix = f"write resources.shm: {half}"
    if memory + shared <= _largest_memory(service):
        fix = f"write resources.memory: {quantity_text(memory + shared)}, or {fix}"
    yield error(
        f"resources.memory {quantity_text(memory)} does not exceed resources.shm {quantity_text(shared)}",
        why="files in /dev/shm count as memory of the pod, and the kernel kills a pod above its limit",
        fix=fix,
        marks=[
            at("resources.memory"),
            at("resources.shm"),
        ],
    )


def _largest_memory(service: ResolvedService) -> float:
    """The memory of the largest node; infinite if it is not known of all pools."""
    memories = [pool.node_memory for pool in service.cluster.pools.values()]
    known = [memory for memory in memories if memory]
    if not known or len(known) < len(memories):
        return math.inf
    return max(known)
