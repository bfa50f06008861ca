"""Why a pod has no node: scheduler, queue, nodes, gang, NPUs."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.diagnosis.queues import queue_full, queue_held, queue_unusable
from cluster.diagnosis.scheduler_texts import explain
from cluster.npus.offers import (
    edit_of_platform,
    listed_offers,
    npu_resources,
    offers_text,
)
from cluster.npus.usage import candidates, free, offered, shortage
from cluster.pod_groups import group_name, group_of, min_member
from cluster.pods import age, node_of, npus
from cluster.snapshot import Object, Snapshot, condition, name_of, one_line
from models.finding import Finding
from models.words import counted

_PATIENCE = 30
"""Seconds after which a scheduler that runs has looked at a new pod."""


def unscheduled(pod: Object, snapshot: Snapshot, resource: str) -> Finding:
    """Why no node accepts a pod.

    Args:
        pod: The pod.
        snapshot: The cluster.
        resource: Name of the NPUs as a Kubernetes resource.
    """
    return (
        no_volcano(pod, snapshot)
        or queue_unusable(pod, snapshot)
        or no_suitable_node(pod, snapshot, resource)
        or _gang_waiting(pod, snapshot, resource)
        or queue_full(pod, snapshot, resource)
        or _no_free_npus(pod, snapshot, resource)
        or queue_held(pod, snapshot, resource)
        or _not_scheduled(pod, snapshot)
        or _message_of_scheduler(pod, snapshot)
    )


def no_volcano(pod: Object, snapshot: Snapshot) -> Finding | None:
    """The cluster has no scheduler for the pod."""
    if (
        "podgroups" not in snapshot.unknown_kinds
        or pod["spec"].get("schedulerName") != "volcano"
    ):
        return None
    return Finding(
        "no-volcano",
        "error",
        "the cluster has no Volcano, which must schedule the pod",
        why="a pod stays pending while its scheduler does not exist",
        fix="install Volcano (on CCE: the add-on Volcano Scheduler)",
    )


def no_suitable_node(pod: Object, snapshot: Snapshot, resource: str) -> Finding | None:
    """No node can ever accept the pod."""
    if not snapshot.nodes:
        return None
    matching = candidates(pod, snapshot)
    if not matching:
        return _no_matching_node(pod, snapshot, resource)

    requested = npus(pod, resource)
    largest = max(offered(node, resource) for node in matching)
    if requested and not largest:
        return _no_npu_resource(matching, snapshot, resource)
    if requested > largest:
        return Finding(
            "too-many-npus",
            "error",
            f"no node has {counted(requested, 'NPU')}: the largest has {largest}",
            why="all NPUs of a pod must be on one node",
            fix=f"set npus to {largest} or fewer",
        )
    return None


def _no_matching_node(pod: Object, snapshot: Snapshot, resource: str) -> Finding:
    selector = pod["spec"].get("nodeSelector") or {}
    labels = ", ".join(f"{key}={value}" for key, value in selector.items())
    return Finding(
        "no-matching-node",
        "error",
        f"no node has the labels {labels}",
        why=f"the pod runs only on nodes with these labels, and none of the cluster's {len(snapshot.nodes)} has them"
        f"{offers_text(snapshot.nodes, resource)}",
        fix=edit_of_platform(snapshot.nodes, resource)
        or "label the NPU nodes, or correct cluster.platform.nodeSelector",
    )


def _no_npu_resource(
    matching: Sequence[Object], snapshot: Snapshot, resource: str
) -> Finding:
    offers = npu_resources(matching)
    if offers:
        return Finding(
            "no-npu-resource",
            "error",
            f"no node offers {resource}: they offer {listed_offers(offers)}",
            why="the pod requests its NPUs under a name that the device plugins of the nodes do not use",
            fix=edit_of_platform(matching, resource),
        )
    why = f"{len(matching)} nodes match the selector, but their device plugins report no healthy NPUs"
    if len(matching) == 1:
        why = (
            "1 node matches the selector, but its device plugin reports no healthy NPUs"
        )
    return Finding(
        "no-npu-resource",
        "error",
        f"no node offers {resource}",
        why=why + offers_text(snapshot.nodes, resource),
        fix=edit_of_platform(snapshot.nodes, resource)
        or "install or repair the nodes' NPU device plugin and driver, or correct cluster.platform.resource",
    )


def _gang_waiting(pod: Object, snapshot: Snapshot, resource: str) -> Finding | None:
    """Volcano starts the pods of a group together, and not all of them fit."""
    group = group_of(pod, snapshot)
    if group is None or min_member(group) < 2:
        return None
    least = min_member(group)
    why = f"minMember of the PodGroup {name_of(group)} is {least}"
    members = [other for other in snapshot.pods if group_name(other) == name_of(group)]
    if len(members) < least:
        return Finding(
            "gang-waiting",
            "error",
            f"Volcano starts {least} pods together or none, and only {len(members)} exist",
            why=why,
            fix="raise replicas, or lower minMember",
        )

    requested = npus(pod, resource)
    room = sum(1 for member in members if node_of(member))
    for node in candidates(pod, snapshot):
        room += free(node, pod, snapshot, resource) // max(requested, 1)
    if room >= least:
        return None
    return Finding(
        "gang-waiting",
        "error",
        f"Volcano starts {least} pods together or none, and only {room} fit: {shortage(pod, snapshot, resource)}",
        why=f"{why}, with {counted(requested, 'NPU')} each",
        fix="free NPUs, or lower minMember; during a rolling update, a gang needs twice as many NPUs",
    )


def _no_free_npus(pod: Object, snapshot: Snapshot, resource: str) -> Finding | None:
    requested = npus(pod, resource)
    if not snapshot.nodes or not requested:
        return None
    for node in candidates(pod, snapshot):
        if free(node, pod, snapshot, resource) >= requested:
            return None
    why = "all NPUs of a pod must be on one node; Volcano starts the pod as soon as one node has enough"
    if "pods" in snapshot.unread:
        why += f" ({snapshot.unread['pods']})"
    return Finding(
        "no-free-npus",
        "error",
        f"no node has {counted(requested, 'free NPU')}: {shortage(pod, snapshot, resource)}",
        why=why,
        fix="scale down the services that hold them, add a node, or wait; an update that deletes pods first needs none",
    )


def _not_scheduled(pod: Object, snapshot: Snapshot) -> Finding | None:
    if condition(pod, "PodScheduled") or age(pod, snapshot.at) < _PATIENCE:
        return None
    scheduler = pod["spec"].get("schedulerName", "default-scheduler")
    return Finding(
        "not-scheduled",
        "error",
        f"the scheduler {scheduler} has not looked at the pod",
        why="a running scheduler reports within seconds why it cannot place a pod",
        fix=f"check that {scheduler} runs: its pods, its leader election, its log",
    )


def _message_of_scheduler(pod: Object, snapshot: Snapshot) -> Finding:
    messages = _messages(pod, snapshot)
    if not messages:
        return Finding(
            "scheduling",
            "warning",
            "the scheduler has not reported anything yet",
            why="the pod is new",
            fix="wait",
        )
    explanation = explain(messages)
    if explanation:
        return Finding(
            "unschedulable",
            "error",
            explanation.meaning,
            why=f"{explanation.why}; the scheduler reports: {messages[0]}",
            fix=explanation.fix,
        )
    why = "this is the scheduler's own message"
    unread = "; ".join(snapshot.unread.values())
    if unread:
        why += f"; not read: {unread}"
    return Finding(
        "unschedulable",
        "error",
        f"no node accepts the pod: {messages[0]}",
        why=why,
        fix="free or add the named resource, or request less; pods before it in the queue may hold it back"
        " (kubectl get podgroups)",
    )


def _messages(pod: Object, snapshot: Snapshot) -> list[str]:
    """The messages of schedulers about a pod and its group, the most specific first."""
    texts = [condition(pod, "PodScheduled").get("message")]
    texts += _refusals(pod, snapshot)
    group = group_of(pod, snapshot)
    if group:
        texts.append(condition(group, "Unschedulable").get("message"))
        texts += _refusals(group, snapshot)
    return [one_line(text) for text in texts if text]


def _refusals(item: Object, snapshot: Snapshot) -> list[str | None]:
    """The messages of schedulers about an object that they do not place, the latest first.

    Volcano reports what keeps a group out of its queue as a normal event.
    """
    return [
        event.get("message")
        for event in snapshot.events_of(item)
        if event.get("type") == "Warning" or event.get("reason") == "Unschedulable"
    ]
