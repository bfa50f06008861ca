"""Pods that lost their node: the node is down, evicted the pod or refused it."""

from __future__ import annotations

from cluster.pods import node_of
from cluster.snapshot import (
    Object,
    Snapshot,
    condition,
    instant,
    name_of,
    one_line,
    status_of,
)
from models.finding import Finding
from models.words import duration

_TERMINATING = 60
"""Seconds after its deadline during which a terminating pod is not an error."""


def refused_by_node(pod: Object, _: Snapshot) -> Finding | None:
    """The pod has failed because its node evicted or refused it."""
    status = status_of(pod)
    if status.get("phase") != "Failed" or not status.get("reason"):
        return None
    reason = str(status["reason"])
    text = one_line(status.get("message") or "")
    node = node_of(pod)
    if reason == "Evicted":
        return Finding(
            "evicted",
            "error",
            f"{node} evicted the pod: {text}",
            why="the node ran short of what the message names; caches and logs below / count as ephemeral storage",
            fix="free or enlarge it on the node; keep caches on a volume",
        )
    if "unhealthy" in text or "healthy devices" in text:
        return Finding(
            "npu-unhealthy",
            "error",
            f"{node} has too few healthy NPUs: {text}",
            why=f"the device plugin refused the pod ({reason})",
            fix="check the NPUs with npu-smi info -t health; cordon the node until they are repaired",
        )
    if reason in ("Preempting", "Preempted"):
        return Finding(
            "preempted",
            "error",
            f"a pod of higher priority took its place: {text}",
            why=reason,
            fix="free NPUs",
        )
    return Finding(
        "refused-by-node",
        "error",
        f"{node} refused the pod: {text or reason}",
        why=reason,
        fix="correct what the message names",
    )


def node_lost(pod: Object, snapshot: Snapshot) -> Finding | None:
    """The pod's node does not answer."""
    name = node_of(pod)
    if not name or not snapshot.nodes:
        return None
    nodes = {name_of(node): node for node in snapshot.nodes}
    if name not in nodes:
        return Finding(
            "node-lost",
            "error",
            f"the node {name} does not exist any longer",
            why="the pod ran on it",
            fix="wait until the pod is deleted, or delete it: kubectl delete pod --force",
        )
    ready = condition(nodes[name], "Ready")
    if ready.get("status") == "True":
        return None
    elapsed = (snapshot.at - instant(ready.get("lastTransitionTime"))).total_seconds()
    reason = ready.get("message") or ready.get("reason")
    return Finding(
        "node-lost",
        "error",
        f"the node {name} has not been ready for {duration(elapsed)}: {reason}",
        why="a node that does not answer keeps its pods and their NPUs until it answers again or is deleted",
        fix="repair the node, or delete it and the pod (kubectl delete pod --force) so that the pod starts elsewhere",
    )


def terminating(pod: Object, snapshot: Snapshot) -> Finding | None:
    """The pod is terminating, perhaps for too long."""
    deadline = pod["metadata"].get("deletionTimestamp")
    if not deadline:
        return None
    overdue = (snapshot.at - instant(deadline)).total_seconds()
    if overdue < _TERMINATING:
        return Finding(
            "terminating",
            "warning",
            "the pod is terminating",
            why="it finishes its requests first",
            fix="wait",
        )
    finalizers = pod["metadata"].get("finalizers") or ["none"]
    return Finding(
        "stuck-terminating",
        "error",
        f"the pod should have ended {duration(overdue)} ago",
        why=f"the node {node_of(pod)} has not reported that its containers ended, or a finalizer holds it: "
        + ", ".join(finalizers),
        fix="check the node; then run kubectl delete pod --force",
    )
