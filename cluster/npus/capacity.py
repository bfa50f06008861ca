"""The NPUs of a live cluster: which nodes offer them, who holds them, and whether the stack fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cluster.npus.usage import holders, offered, rejection
from cluster.pods import node_of
from cluster.snapshot import Object, Snapshot, is_selected, name_of
from models.finding import Finding, Severity
from models.service.capacity import Node, pack
from models.service.resolved import ResolvedStack

_ANY_POD: Object = {"spec": {}}
"""A pod without tolerations."""


def live_nodes(stack: ResolvedStack, snapshot: Snapshot) -> list[Node]:
    """The nodes with NPUs that the platform's selector matches, by name, each with the pods that hold NPUs.

    NPUs of a node that accepts no pods count as held, by the reason in parentheses.
    """
    platform = stack.cluster.platform
    nodes = []
    for item in sorted(snapshot.nodes, key=name_of):
        npus = offered(item, platform.resource)
        if not npus or not is_selected(item, platform.node_selector):
            continue
        held = holders(item, snapshot, platform.resource)
        node = Node(name_of(item), "", npus, pods=sorted(held.items()))
        reason = rejection(item, _ANY_POD)
        if reason and node.free > 0:
            node.pods.append((f"({reason})", node.free))
        nodes.append(node)
    return nodes


def live_findings(
    stack: ResolvedStack, snapshot: Snapshot, nodes: Sequence[Node]
) -> Iterator[Finding]:
    """Differences between the cluster and `cluster.pools`, and services without room."""
    yield from _pools_differ(stack, nodes)
    yield from _no_room(stack, snapshot, nodes)


def _pools_differ(stack: ResolvedStack, nodes: Sequence[Node]) -> Iterator[Finding]:
    pools = stack.cluster.pools.values()
    expected = sum(pool.nodes * pool.npus_per_node for pool in pools)
    available = sum(node.npus for node in nodes)
    if not pools or expected == available:
        return
    severity: Severity = "warning"
    if available < expected:
        severity = "error"
    resource = stack.cluster.platform.resource
    yield Finding(
        "pools-differ",
        severity,
        f"cluster.pools has {expected} NPUs, the cluster has {available} of {resource} on {len(nodes)} nodes",
        why="rollouts and capacity are planned from cluster.pools",
        fix="correct cluster.pools, or find out why nodes are missing",
    )


def _no_room(
    stack: ResolvedStack, snapshot: Snapshot, nodes: Sequence[Node]
) -> Iterator[Finding]:
    missing = []
    for service in stack.services:
        count = service.replicas - _placed_pods(service.name, snapshot)
        missing += [(service.name, service.npus)] * max(count, 0)
    copies = [replace(node, pods=[*node.pods]) for node in nodes]
    packing = pack(missing, copies)
    unplaced = Counter(name for name, _ in packing.homeless)
    services = {service.name: service for service in stack.services}
    for name, pods in unplaced.items():
        service = services[name]
        yield Finding(
            "no-room",
            "error",
            f"{pods} of {service.replicas} pods of {name} find no node with {service.npus} free NPUs",
            why="other pods hold the NPUs; they are listed above",
            fix="free NPUs, add nodes, or lower replicas or npus",
        )


def _placed_pods(service: str, snapshot: Snapshot) -> int:
    """The number of pods of a service that have a node."""
    pods = snapshot.pods_of(service)
    return sum(1 for pod in pods if node_of(pod))
