"""From two states of a stack to the transition between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from models.service.capacity import pack, pool_nodes
from models.service.companion import companion_name, companion_replicas
from models.service.deadlines import grace_period, worker_grace_period
from models.service.resolved import ResolvedService, ResolvedStack
from models.service.rollout import demand
from models.stack_file.keys.update import UpdateByComparison
from plan.pair import pair_at_once
from plan.transition import (
    Companion,
    Node,
    PlannedService,
    Replica,
    Transition,
    Version,
)


@dataclass(frozen=True)
class Placed:
    """The pods that run, on the nodes with the NPUs that the stack may use."""

    nodes: tuple[Node, ...]
    services: Mapping[str, tuple[Replica, ...]]
    unplaced: tuple[str, ...] = ()
    """Services with pods that fit on no node."""
    removed: tuple[PlannedService, ...] = ()
    """Services that run and are in no stack file."""


@dataclass(frozen=True)
class Differences:
    """What a comparison of the two states has found."""

    restarting: Collection[str] = ()
    """Services whose pods have another template."""
    renamed: tuple[tuple[str, str], ...] = field(default=())
    """Old and new name of services that were renamed."""


def transition(
    old: ResolvedStack,
    new: ResolvedStack,
    differences: Differences,
    placed: Placed,
) -> Transition:
    """The update from one state of a stack to another.

    Args:
        old: What runs.
        new: The wanted stack.
        differences: What differs between them.
        placed: Where the pods of `old` run.
    """
    names = [service.name for service in (*old.services, *new.services)]
    services = []
    for name in dict.fromkeys(names):
        restarts = name in differences.restarting
        services.append(
            _planned(name, old.service(name), new.service(name), restarts=restarts)
        )
    services += placed.removed
    services += _companions(services, new)
    return Transition(
        services=tuple(services),
        nodes=placed.nodes,
        placed=placed.services,
        pools=new.cluster.pools,
        queues=new.cluster.queues,
        renamed=differences.renamed,
        pair=tuple(service.name for service in new.pair),
        pair_at_once=pair_at_once(old, new, differences.restarting),
    )


def _companions(
    services: Sequence[PlannedService], new: ResolvedStack
) -> Iterator[PlannedService]:
    """The next launches that run beside the present ones during the update."""
    names = {service.name for service in services}
    for service in services:
        wanted = new.service(service.name)
        name = companion_name(service.name)
        if wanted is None or name in names:
            continue
        runs = service.old is not None and service.old.replicas > 0
        is_replaced = service.restarts and runs and wanted.replicas > 0
        if is_replaced and isinstance(wanted.update, UpdateByComparison):
            yield _companion(name, wanted, wanted.update)


def _companion(
    name: str, wanted: ResolvedService, update: UpdateByComparison
) -> PlannedService:
    version = _version(wanted)
    requested = replace(
        version.demand,
        service=name,
        replicas=companion_replicas(wanted),
        rollout=None,
    )
    version = replace(version, demand=requested)
    companion = Companion(wanted.name, version, update.timeout)
    return PlannedService(
        name=name,
        old=None,
        new=None,
        restarts=False,
        priority=wanted.priority,
        beside=companion,
    )


def packed(old: ResolvedStack, new: ResolvedStack) -> Placed:
    """The pods of a state as tightly as possible on the nodes of the pools of the wanted one.

    Where the pods really run is known only from the cluster.
    """
    nodes = pool_nodes(new.cluster.pools)
    pods: list[tuple[str, int]] = []
    for service in old.services:
        pods += [(service.name, service.npus)] * service.pods
    packing = pack(pods, nodes)
    nodes_of: dict[str, list[int]] = {}
    for position, node in enumerate(packing.nodes):
        for name, _ in node.pods:
            nodes_of.setdefault(name, []).append(position)
    services = {}
    for service in old.services:
        services[service.name] = _replicas(nodes_of.get(service.name, []), service)
    return Placed(
        nodes=tuple(Node(node.name, node.npus) for node in packing.nodes),
        services=services,
        unplaced=tuple(sorted({name for name, _ in packing.homeless})),
    )


def _replicas(nodes: Sequence[int], service: ResolvedService) -> tuple[Replica, ...]:
    """The nodes of each replica, from those of its pods one after the other."""
    size = service.nodes
    starts = range(0, len(nodes) - size + 1, size)
    return tuple(tuple(nodes[start : start + size]) for start in starts)


def _planned(
    name: str,
    old: ResolvedService | None,
    new: ResolvedService | None,
    *,
    restarts: bool,
) -> PlannedService:
    is_replaced = False
    is_answered = False
    if old and new:
        if new.external:
            # The update leaves the replicas that run, until an autoscaler sets others.
            new = replace(new, replicas=old.replicas)
        is_replaced = (old.group is None) != (new.group is None)
        is_answered = bool(old.answering and new.answering)
    known = new or old
    return PlannedService(
        name=name,
        old=_version(old) if old else None,
        new=_version(new) if new else None,
        restarts=restarts,
        is_replaced=is_replaced,
        priority=known.priority if known else 1,
        is_answered=is_answered,
    )


def _version(service: ResolvedService) -> Version:
    rollout = service.rollout if service.is_rollout_set else None
    stop = grace_period(service)
    if service.group:
        stop = worker_grace_period(service)
    return Version(replace(demand(service), rollout=rollout), stop)
