"""Pods that lost their node: the node is down, evicted the pod or refused it."""

from __future__ import annotations

import re

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

_ALLOCATION = re.compile(
    r"Allocate failed|GetPreferredAllocation|PreStartContainer|device plugin"
)
_UNKNOWN_TO_PLUGIN = re.compile(
    r"(?i)valid pod|candidate pod|pod annotation|no such pod|not such pod|unknown uuid|device number not matched"
    r"|not found.*annotation|annotation.*not found|no pending pod|pod not found"
)
_TOO_FEW = re.compile(
    r"requested number of devices unavailable for (?P<resource>[^\s.]+(?:\.[^\s.]+)*)\."
    r" Requested: (?P<requested>\d+), Available: (?P<available>\d+)"
)
"""The kubelet itself counts the devices before it asks the plugin (pkg/kubelet/cm/devicemanager/manager.go)."""
_PLUGIN_DOWN = re.compile(
    r"(?i)unavailable|\bEOF\b|transport is closing|connection refused|no such file|endpoint"
)

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
            why="the node ran short of the resource in the message; caches and logs below / count as ephemeral storage",
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
    too_few = _TOO_FEW.search(text)
    if too_few:
        return Finding(
            "refused-by-node",
            "error",
            f"{node} has {too_few['available']} free {too_few['resource']}, and the pod requests"
            f" {too_few['requested']}: {text}",
            why="the scheduler counted more free NPUs than the kubelet: a pod of another scheduler or one that is still"
            " ending holds them, or the device plugin reports fewer NPUs than before",
            fix="let one scheduler place all pods of the NPU nodes, check the NPUs with npu-smi info -t health, then"
            " delete this pod: the Deployment replaces it",
        )
    if reason in ("Preempting", "Preempted"):
        return Finding(
            "preempted",
            "error",
            f"a pod of higher priority took its place: {text}",
            why=reason,
            fix="free NPUs",
        )
    return _refused_by_device_plugin(node, reason, text) or _refused_by_kubelet(
        node, reason, text
    )


def _refused_by_kubelet(node: str, reason: str, text: str) -> Finding:
    if reason.startswith("OutOf"):
        return Finding(
            "refused-by-node",
            "error",
            f"{node} has too little free {reason.removeprefix('OutOf')}: {text}",
            why="the kubelet counts all pods on its node, including pods of another scheduler and pods that are still"
            " ending",
            fix="let one scheduler place all pods of the NPU nodes, then delete this pod: the Deployment replaces it",
        )
    return Finding(
        "refused-by-node",
        "error",
        f"{node} refused the pod: {text or reason}",
        why=reason,
        fix="fix the problem in the message",
    )


def _refused_by_device_plugin(node: str, reason: str, text: str) -> Finding | None:
    """The kubelet asked the device plugin for the NPUs of the pod, and got an error."""
    if not _ALLOCATION.search(text):
        return None
    why = "the kubelet asks the device plugin for the NPUs when a pod starts, and got an error"
    fix = "see the log of the node's device plugin, restart it, and delete this pod"
    if _UNKNOWN_TO_PLUGIN.search(text):
        why = (
            "the plugin finds no such pod: the scheduler that it works with did not place this pod, so the annotation"
            " with its NPUs is missing or belongs to another pod"
        )
        fix = (
            "place the pods with the scheduler that the plugin belongs to: Volcano with Ascend's NPU plugin for"
            " MindCluster, or HAMi's scheduler for HAMi's plugin; then delete this pod"
        )
    elif _PLUGIN_DOWN.search(text):
        why = "the device plugin ended or restarted while the pod started"
        fix = (
            "check that the device plugin runs on the node (kubectl get pod -A -o wide), then delete this pod:"
            " the Deployment creates another"
        )
    return Finding(
        "refused-by-device-plugin",
        "error",
        f"the NPU device plugin of {node} refused the pod: {text or reason}",
        why=why,
        fix=fix,
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
