"""Pods whose node is gone, threw them out or refused them."""

from __future__ import annotations

from cluster.findings import found
from cluster.pods import node_of
from cluster.snapshot import Object, Seen, condition, instant, name_of
from models.finding import Finding
from models.words import duration

_TERMINATING = 60


def refused_by_node(pod: Object, _: Seen) -> Finding | None:
    """The pod is over since its node ended or refused it."""
    status = pod.get("status") or {}
    if status.get("phase") != "Failed" or not status.get("reason"):
        return None
    reason, text = str(status["reason"]), " ".join(str(status.get("message") or "").split())
    node = node_of(pod)
    if reason == "Evicted":
        return found(
            "evicted",
            f"{node} threw the pod out: {text}",
            why="the node ran short of what the message names; caches and logs below / count as ephemeral storage",
            fix="free or enlarge it on the node; keep caches on a volume",
        )
    if "unhealthy" in text or "healthy devices" in text:
        return found(
            "npu-unhealthy",
            f"{node} has too few healthy NPUs: {text}",
            why=f"the device plugin refused the pod ({reason})",
            fix="look at the NPUs with npu-smi info -t health; cordon the node until they are mended",
        )
    if reason in ("Preempting", "Preempted"):
        return found("preempted", f"a pod of higher priority took its place: {text}", why=reason, fix="free NPUs")
    return found(
        "refused-by-node", f"{node} refused the pod: {text or reason}", why=reason, fix="mend what the message names"
    )


def node_lost(pod: Object, seen: Seen) -> Finding | None:
    """The pod's node does not answer any more."""
    name = node_of(pod)
    if not name or not seen.nodes:
        return None
    node = next((node for node in seen.nodes if name_of(node) == name), None)
    fix = "mend the node, or delete it and the pod (kubectl delete pod --force) to have the pod start elsewhere"
    if node is None:
        fix = "wait until the pod is deleted, or delete it: kubectl delete pod --force"
        return found("node-lost", f"the node {name} does not exist any more", why="the pod was on it", fix=fix)
    ready = condition(node, "Ready")
    if ready.get("status") == "True":
        return None
    span = duration((seen.at - instant(ready.get("lastTransitionTime"))).total_seconds())
    return found(
        "node-lost",
        f"the node {name} is not ready for {span}: {ready.get('message') or ready.get('reason')}",
        why="a node that does not answer keeps its pods and their NPUs until it is back or deleted",
        fix=fix,
    )


def terminating(pod: Object, seen: Seen) -> Finding | None:
    """The pod is to go and does not."""
    asked = pod["metadata"].get("deletionTimestamp")
    if not asked:
        return None
    late = (seen.at - instant(asked)).total_seconds()
    if late < _TERMINATING:
        return found(
            "terminating", "the pod is ending", why="it finishes its requests first", fix="wait", severity="warning"
        )
    return found(
        "stuck-terminating",
        f"the pod should have ended {duration(late)} ago",
        why=f"the node {node_of(pod)} has not said that its containers ended, or a finalizer holds it: "
        + (", ".join(pod["metadata"].get("finalizers") or []) or "none"),
        fix="see whether the node is well; then kubectl delete pod --force",
    )
