"""Why the members of a group have no nodes. Volcano gives all of them a node, or none."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.diagnosis.queues import queue_full, queue_unusable
from cluster.diagnosis.rollouts import WAITING
from cluster.diagnosis.scheduling import no_suitable_node, no_volcano, unscheduled
from cluster.groups.members import Group, counts, limit_of, size_of
from cluster.groups.progress import is_updating
from cluster.npus.usage import candidates, free, offered, shortage
from cluster.pods import any_terminating, npus
from cluster.snapshot import Object, Snapshot, condition, replicas_of
from models.finding import Finding
from models.words import counted

_FITS = "can possibly be assigned"
"""Part of Volcano's message about a member that fits, while another member does not."""


def group_without_nodes(
    group: Group, snapshot: Snapshot, resource: str
) -> tuple[Finding, Object] | None:
    """Why the members of a group have no nodes, and the member that keeps the group back.

    Args:
        group: The group.
        snapshot: The cluster.
        resource: Name of the NPUs as a Kubernetes resource.
    """
    pending = group.pending
    if not pending:
        return None
    pod = min(pending, key=_fits)
    finding = (
        no_volcano(pod, snapshot)
        or queue_unusable(pod, snapshot)
        or _incomplete(group)
        or no_suitable_node(pod, snapshot, resource)
        or _too_few_nodes(group, pod, snapshot, resource)
        or queue_full(pod, snapshot, resource, pods=len(pending))
        or unscheduled(pod, snapshot, resource)
    )
    return finding, pod


def _fits(pod: Object) -> bool:
    message = str(condition(pod, "PodScheduled").get("message") or "")
    return _FITS in message


def _incomplete(group: Group) -> Finding | None:
    """Not all members exist yet; the controller creates the workers after their leader."""
    if len(group.members) >= group.size:
        return None
    return Finding(
        "group-incomplete",
        "warning",
        f"{len(group.members)} of {counted(group.size, 'pod')} of the group exist",
        why="Volcano starts all pods of a group together, and the controller creates the workers after their leader",
        fix="wait",
    )


def _too_few_nodes(
    group: Group, pod: Object, snapshot: Snapshot, resource: str
) -> Finding | None:
    """Not all members find their NPUs: because other pods hold them, or even if the cluster were empty."""
    requested = npus(pod, resource)
    if not snapshot.nodes or not requested:
        return None
    places = 0
    room = len(group.members) - len(group.pending)
    for node in candidates(pod, snapshot):
        places += offered(node, resource) // requested
        room += free(node, pod, snapshot, resource) // requested
    if places < group.size:
        return _too_large(group, requested, places)
    if room < group.size:
        return _waits_for_nodes(
            group, requested, room, shortage(pod, snapshot, resource)
        )
    return None


def _too_large(group: Group, requested: int, places: int) -> Finding:
    return Finding(
        "group-too-large",
        "error",
        f"a group has {group.size} pods with {counted(requested, 'NPU')} each, and all nodes together have room for"
        f" {places}",
        why="Volcano starts all pods of a group or none, so the group never starts",
        fix="add nodes, or lower nodes or npus of the service",
    )


def _waits_for_nodes(group: Group, requested: int, room: int, holders: str) -> Finding:
    return Finding(
        "gang-waiting",
        "error",
        f"the group needs {counted(requested, 'free NPU')} on {_nodes(group.size)}, but {_fit(room)}: {holders}",
        why="Volcano starts all pods of a group together or none of them; until then the group holds no NPUs",
        fix="free nodes, add nodes, or lower replicas; the group starts as soon as all its pods fit",
    )


def _nodes(count: int) -> str:
    return f"each of {count} nodes" if count > 1 else "a node"


def _fit(count: int) -> str:
    if count == 0:
        return "no pod fits"
    return "only 1 pod fits" if count == 1 else f"only {count} pods fit"


def stuck_update(
    group_set: Object,
    groups: Sequence[Group],
    snapshot: Snapshot,
    resource: str,
) -> tuple[Finding, Object] | None:
    """An update that cannot go on: its additional group does not fit, or it waits for a group that does not fit."""
    if not is_updating(group_set):
        return None
    if any_terminating((*snapshot.pods, *snapshot.holders)):
        return None
    for group in reversed(groups):
        reason = group_without_nodes(group, snapshot, resource)
        if reason is None or reason[0].rule not in WAITING:
            continue
        finding, pod = reason
        if group.index >= replicas_of(group_set):
            return _surge_stuck(group_set, finding), pod
        (updated,) = counts(group_set, "updatedReplicas")
        if updated < replicas_of(group_set):
            return _waits_for_group(group_set, group, finding), pod
    return None


def _surge_stuck(group_set: Object, finding: Finding) -> Finding:
    surge = limit_of(group_set, "maxSurge")
    size = size_of(group_set)
    return Finding(
        "group-surge-stuck",
        "error",
        f"the update waits for the nodes of an additional group: {finding.message}",
        why=f"maxSurge is {surge}, so a new group of {counted(size, 'pod')} starts before an old one ends; the old"
        " groups serve, and the update never ends while there are no free nodes for it",
        fix="write rollout: {maxSurge: 0, maxUnavailable: 1} and run pulumi up: the update then ends without further"
        " steps; or free the nodes",
    )


def _waits_for_group(group_set: Object, group: Group, finding: Finding) -> Finding:
    replicas = replicas_of(group_set)
    (updated,) = counts(group_set, "updatedReplicas")
    progress = "has not begun"
    if updated:
        progress = f"stops after {updated} of {counted(replicas, 'group')}"
    fix = "free or add nodes"
    if replicas > 1 and group.index == replicas - 1:
        fix += f", or write replicas: {replicas - 1} and run pulumi up: the update then continues immediately"
    return Finding(
        "group-update-waits",
        "error",
        f"the update {progress}, because group {group.index} does not fit: {finding.message}",
        why=f"LeaderWorkerSet replaces no further group while one of the {replicas} that were requested is not ready",
        fix=fix,
    )
