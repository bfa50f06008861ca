"""The NPUs of a cluster as it is: its nodes with what holds them, held against what a stack says and needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cluster.findings import found
from cluster.npus import closed, holders, offered
from cluster.snapshot import Object, Seen, name_of
from models.finding import Finding
from models.service.capacity import Node, pack
from models.service.resolved import ResolvedStack


def live_nodes(stack: ResolvedStack, seen: Seen) -> list[Node]:
    """The nodes that the platform's selector names and that offer NPUs, by name, with the services and other pods that
    hold them. What a node does not give to new pods counts as held."""
    platform = stack.cluster.platform
    nodes = []
    for node in sorted(seen.nodes, key=name_of):
        labels = (node["metadata"].get("labels") or {}).items()
        if platform.node_selector.items() <= labels and (npus := offered(node, platform.resource)):
            held = sorted(holders(node, seen, platform.resource).items())
            nodes.append(_with_closed(Node(name_of(node), "", npus, held), node))
    return nodes


def _with_closed(live: Node, node: Object) -> Node:
    why = closed(node, {"spec": {}})
    if why and live.free > 0:
        live.pods.append((f"({why})", live.free))
    return live


def live_findings(stack: ResolvedStack, seen: Seen, nodes: Sequence[Node]) -> Iterator[Finding]:
    """Where the cluster is not what the stack says, and what of the stack has no room there."""
    resource = stack.cluster.platform.resource
    asked = sum(pool.nodes * pool.npus_per_node for pool in stack.cluster.pools.values())
    there = sum(node.npus for node in nodes)
    if stack.cluster.pools and asked != there:
        yield found(
            "pools-differ",
            f"cluster.pools has {asked} NPUs, the cluster {there} of {resource} on {len(nodes)} nodes",
            why="rollouts and capacity are planned with what cluster.pools says",
            fix="correct cluster.pools, or see why nodes are missing",
            severity="error" if there < asked else "warning",
        )
    missing = [
        (service.name, service.npus)
        for service in stack.services
        for _ in range(max(service.replicas - _placed(service.name, seen), 0))
    ]
    copies = [replace(node, pods=[*node.pods]) for node in nodes]
    homeless = Counter(name for name, _ in pack(missing, copies).homeless)
    for name, pods in homeless.items():
        service = stack.service(name)
        npus = service.npus if service else 0
        yield found(
            "no-room",
            f"{pods} of {service.replicas if service else 0} pods of {name} find no node with {npus} free NPUs",
            why="others hold them; see who, above",
            fix="free them, add nodes, or lower replicas or npus",
        )


def _placed(service: str, seen: Seen) -> int:
    """Pods of a service that have a node."""
    return sum(bool(pod["spec"].get("nodeName")) for pod in seen.pods_of(service))
