"""All services of a stack against the NPUs of its pools and queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from models.finding import Finding, Mark, at, error, warning
from models.rules.registry import rule, stack_rule
from models.service.capacity import Packing, is_exact, pack, pool_nodes
from models.service.resolve import demand
from models.service.resolved import ResolvedService, ResolvedStack
from models.service.rollout import stuck_rollouts
from models.words import counted


def packing(stack: ResolvedStack) -> Packing:
    """The pods of a stack on the nodes of its pools, without those that no node is large enough for."""
    nodes = pool_nodes(stack.cluster.pools)
    largest = max((node.npus for node in nodes), default=0)
    fitting = [service for service in stack.services if service.npus <= largest]
    return pack(((service.name, service.npus) for service in fitting for _ in range(service.replicas)), nodes)


@stack_rule
def over_committed(stack: ResolvedStack) -> Iterator[Finding]:
    """All pods of a stack find their NPUs on the nodes of its pools.

    A pod has all its NPUs on one node, so what is free on several nodes does not add up. A pod that finds no place
    waits for ever, and with it the update. Services whose shape is refused are not counted. Where sizes do not divide
    each other, such as 3 and 8, the packing that is tried here may not be the best one: that is a warning.
    """
    packed = packing(stack)
    homeless = Counter(service for service, _ in packed.homeless)
    if not stack.cluster.pools or not homeless:
        return
    need = sum(service.npus * service.replicas for service in stack.services)
    have = sum(node.npus for node in packed.nodes)
    name = homeless.most_common(1)[0][0]
    sizes = [*(service.npus for service in stack.services), *(node.npus for node in packed.nodes)]
    say = error if need > have or is_exact(sizes) else warning
    free = ", ".join(f"{node.free} on {node.name}" for node in packed.nodes if node.free) or "none"
    yield say(
        f"the services need {need} NPUs of {have}: no room for {', '.join(map(_pods, homeless.items()))}"
        if need > have
        else f"no node has room for {', '.join(map(_pods, homeless.items()))}, with {need} of {have} NPUs asked for",
        why=f"a pod has all its NPUs on one node; free in the best case: {free}",
        fix="lower replicas or npus, remove a service, or add nodes to cluster.pools",
        marks=[
            *(_uses(service) for service in stack.services if service.name == name),
            *(_uses(service) for service in stack.services if service.name != name and service.replicas),
        ],
    )


@stack_rule
def queue_quota(stack: ResolvedStack) -> Iterator[Finding]:
    """The pods of a queue are within its quota.

    Volcano lets no pod of a queue start that would take it above its `capability`; what is above waits for ever.
    """
    for name, queue in stack.cluster.queues.items():
        members = [service for service in stack.services if service.in_queue == name]
        need = sum(service.npus * service.replicas for service in members)
        if queue.npus and need > queue.npus:
            yield error(
                f"the services of queue {name} need {need} NPUs, its quota is {queue.npus}",
                why="Volcano starts no pod that takes a queue above its capability",
                fix=f"raise cluster.queues.{name}.npus, or lower replicas",
                marks=[*map(_uses, members), Mark(("cluster", "queues", name), f"{queue.npus} NPUs")],
            )


@rule
def unknown_queue(service: ResolvedService) -> Iterator[Finding]:
    """The queue of a service is one of `cluster.queues`, or Volcano's `default`.

    Pods of a queue that does not exist wait for ever.
    """
    queues = service.cluster.queues
    if service.queue and service.queue != "default" and service.queue not in queues:
        yield error(
            f"cluster.queues has no queue {service.queue}",
            why="pods of a queue that does not exist wait for ever",
            fix=f"name one of {', '.join([*queues, 'default'])}, or say what it is under cluster.queues",
            marks=[at("queue")],
        )


@rule
def min_member_above_replicas(service: ResolvedService) -> Iterator[Finding]:
    """A gang is no larger than the service.

    Volcano starts none of its pods before there are `minMember` of them.
    """
    if 0 < service.replicas < service.min_member and not service.external:
        yield error(
            f"{service.min_member} pods are to start together, and there are {service.replicas}",
            why="Volcano starts none before there are minMember of them",
            fix=f"set minMember to {service.replicas} at most",
            marks=[at("minMember"), at("replicas", f"{service.replicas} pods")],
        )


@rule
def rollout_would_hang(service: ResolvedService) -> Iterator[Finding]:
    """An update can take its first step: a pod more finds NPUs, or one fewer is allowed.

    With `maxUnavailable: 0` no old pod goes before a new one is ready, and the new one waits for NPUs that the old one
    holds. A new gang needs `minMember` pods at once: each ReplicaSet has a gang of its own (Volcano issue 4739).
    """
    rollout, room = service.rollout, service.room
    if rollout.kind == "recreate" or not service.replicas:
        return
    surge, unavailable = rollout.max_surge or 0, min(rollout.max_unavailable or 0, service.replicas)
    possible = (surge if room is None else min(surge, room)) + unavailable
    if possible >= min(service.min_member, service.replicas):
        return
    gang = service.min_member > 1
    yield error(
        f"an update would hang: {counted(service.npus, 'NPU')} for a pod more are not sure to be free"
        if possible < surge + unavailable
        else f"an update would hang: it makes {possible} pods at a time, and {service.min_member} start together",
        why="no old pod goes before a new one is ready" + (", and Volcano starts no part of a gang" if gang else ""),
        fix="remove rollout, which is right by itself, or set it to recreate",
        marks=[at("rollout"), at("npus"), *([at("minMember")] if gang else [])],
    )


def updates_that_would_hang(stack: ResolvedStack, running: Mapping[str, int]) -> Iterator[Finding]:
    """Updates that find no room for a pod more, since larger pods run than the stack file now asks for.

    Args:
        stack: The stack.
        running: NPUs of the pods that run, by service.
    """
    cluster = stack.cluster
    for one in stuck_rollouts([*map(demand, stack.services)], running, cluster.pools, cluster.queues):
        yield Finding(
            "rollout-would-hang",
            "error",
            f"{one.service}: its update makes a pod with {counted(one.npus, 'NPU')} first, and the pods with "
            f"{running[one.service]} that run now leave no node that is sure to have as many free",
            "no old pod goes before a new one is ready, and npus was lowered",
            f"write rollout: recreate for {one.service}, run pulumi up, and remove it again",
        )


@rule
def memory_below_shared(service: ResolvedService) -> Iterator[Finding]:
    """The memory of a pod is more than its `/dev/shm`.

    What is written to `/dev/shm` counts as memory of the pod, which is killed above its limit.
    """
    memory, shm = service.resources.memory or 0, service.resources.shm or 0
    if memory <= shm:
        yield error(
            "resources.memory is not above resources.shm",
            why="what is written to /dev/shm counts as memory of the pod, which is killed above its limit",
            fix="raise memory, or lower shm",
            marks=[at("resources.memory"), at("resources.shm")],
        )


def _uses(service: ResolvedService) -> Mark:
    times = f"{service.replicas} × " if service.replicas > 1 else ""
    return Mark(("services", service.name, "npus"), f"{service.name}: {times}{counted(service.npus, 'NPU')}")


def _pods(asked: tuple[str, int]) -> str:
    name, count = asked
    return f"{count} pods of {name}" if count > 1 else f"a pod of {name}"
