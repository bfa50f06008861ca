"""Where the pods of services run, and which NPUs the others leave to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.npus.usage import in_use, offered, rejection
from cluster.pods import created, node_of, npus
from cluster.snapshot import (
    Object,
    Snapshot,
    instance_of,
    is_selected,
    is_terminating,
    labels_of,
    name_of,
    replicas_of,
)
from models.service.resolved import ResolvedStack

_GROUP_INDEX = "leaderworkerset.sigs.k8s.io/group-index"
"""The label with the number of the group that a pod belongs to."""

_ANY_POD: Object = {"spec": {}}
"""A pod without tolerations."""


@dataclass(frozen=True)
class RunningService:
    """A service in the cluster."""

    name: str
    replicas: int
    """Requested pods, or groups of pods."""
    npus: int
    """NPUs of each pod."""
    nodes: int
    """Pods of each replica."""
    grace_period: int
    """Seconds until a pod has ended."""
    placed: tuple[tuple[str, ...], ...]
    """The nodes of each replica whose pods all have one, the newest last."""

    @property
    def is_settled(self) -> bool:
        """Whether all requested replicas have nodes, and no others."""
        return len(self.placed) == self.replicas


@dataclass(frozen=True)
class FreeNode:
    """A node, and the NPUs that the services may use on it."""

    name: str
    npus: int


def running_services(
    stack: ResolvedStack, snapshot: Snapshot
) -> Iterator[RunningService]:
    """The services of the stack's namespace that have a Deployment or a LeaderWorkerSet."""
    resource = stack.cluster.platform.resource
    templates = [(item, item["spec"]["template"], 1) for item in snapshot.deployments]
    for item in snapshot.leader_worker_sets:
        group = item["spec"]["leaderWorkerTemplate"]
        templates.append((item, group["leaderTemplate"], int(group.get("size") or 1)))
    for item, template, nodes in templates:
        name = instance_of(item)
        yield RunningService(
            name=name,
            replicas=replicas_of(item),
            npus=npus(template, resource),
            nodes=nodes,
            grace_period=int(
                template["spec"].get("terminationGracePeriodSeconds") or 30
            ),
            placed=tuple(_replicas(snapshot.pods_of(name), nodes)),
        )


def free_nodes(
    stack: ResolvedStack, snapshot: Snapshot, services: Sequence[str]
) -> list[FreeNode]:
    """The nodes of the platform, by name, with the NPUs that no pod of others holds.

    Args:
        stack: The stack.
        snapshot: The cluster.
        services: The services whose pods do not count.
    """
    platform = stack.cluster.platform
    nodes = []
    for node in sorted(snapshot.nodes, key=name_of):
        offer = offered(node, platform.resource)
        if not offer or not is_selected(node, platform.node_selector):
            continue
        held_by_others = 0
        held_by_services = 0
        for pod in snapshot.holders or snapshot.pods:
            if node_of(pod) != name_of(node) or not in_use(pod, platform.resource):
                continue
            if _is_own(pod, snapshot, services):
                held_by_services += npus(pod, platform.resource)
            else:
                held_by_others += npus(pod, platform.resource)
        if rejection(node, _ANY_POD):
            nodes.append(FreeNode(name_of(node), held_by_services))
        else:
            nodes.append(FreeNode(name_of(node), offer - held_by_others))
    return nodes


def _is_own(pod: Object, snapshot: Snapshot, services: Sequence[str]) -> bool:
    is_here = pod["metadata"].get("namespace") == snapshot.namespace
    return is_here and instance_of(pod) in services


def _replicas(pods: Sequence[Object], nodes: int) -> Iterator[tuple[str, ...]]:
    """The nodes of each replica whose pods all have one, the oldest first."""
    placed = [pod for pod in pods if node_of(pod) and not is_terminating(pod)]
    placed.sort(key=created)
    groups: dict[str, list[str]] = {}
    for pod in placed:
        group = name_of(pod)
        if nodes > 1:
            group = labels_of(pod).get(_GROUP_INDEX, "")
        groups.setdefault(group, []).append(node_of(pod))
    for names in groups.values():
        if len(names) == nodes:
            yield tuple(names)
