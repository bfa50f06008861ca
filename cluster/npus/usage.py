"""Which pods hold the NPUs of which node, and which nodes accept a pod."""

from __future__ import annotations

from collections import Counter

from cluster.pods import is_over, name_and_owner, node_of, npus
from cluster.snapshot import (
    Object,
    Snapshot,
    has_condition,
    is_selected,
    name_of,
    status_of,
)

_MOST_NODES = 6
"""Nodes that a message names; more are counted."""


def offered(node: Object, resource: str) -> int:
    """The NPUs that a node offers to pods."""
    allocatable = status_of(node).get("allocatable") or {}
    return int(allocatable.get(resource) or 0)


def in_use(pod: Object, resource: str) -> bool:
    """Whether a pod holds NPUs of a node."""
    has_node = bool(node_of(pod)) and not is_over(pod)
    return has_node and npus(pod, resource) > 0


def holders(node: Object, snapshot: Snapshot, resource: str) -> Counter[str]:
    """The NPUs that are held on a node, by holder: a service of the namespace, otherwise `namespace/owner`."""
    held: Counter[str] = Counter()
    for pod in snapshot.holders or snapshot.pods:
        if node_of(pod) != name_of(node) or not in_use(pod, resource):
            continue
        held[name_and_owner(pod, snapshot.namespace)] += npus(pod, resource)
    return held


def free(node: Object, pod: Object, snapshot: Snapshot, resource: str) -> int:
    """The NPUs of a node that a new pod can get; 0 if the node does not accept the pod."""
    if rejection(node, pod):
        return 0
    held = holders(node, snapshot, resource).total()
    return max(offered(node, resource) - held, 0)


def candidates(pod: Object, snapshot: Snapshot) -> list[Object]:
    """The nodes that match the pod's node selector, by name."""
    selector = pod["spec"].get("nodeSelector") or {}
    matching = [node for node in snapshot.nodes if is_selected(node, selector)]
    return sorted(matching, key=name_of)


def rejection(node: Object, pod: Object) -> str:
    """Why a node does not accept the pod, whatever NPUs are free; empty if it does."""
    if not has_condition(node, "Ready"):
        return "not ready"
    if node["spec"].get("unschedulable"):
        return "cordoned"
    tolerations = pod["spec"].get("tolerations") or []
    for taint in node["spec"].get("taints") or []:
        is_hard = taint.get("effect") != "PreferNoSchedule"
        if is_hard and not any(
            _tolerates(toleration, taint) for toleration in tolerations
        ):
            return f"tainted {taint['key']}"
    return ""


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    if toleration.get("key") != taint["key"]:
        return False
    return (toleration.get("value") or "") == (taint.get("value") or "")


def shortage(pod: Object, snapshot: Snapshot, resource: str) -> str:
    """For each node, who holds the NPUs that a pod needs: `node-1 is held by llava (2)`."""
    nodes = [node for node in candidates(pod, snapshot) if offered(node, resource)]
    texts = [_node_text(node, pod, snapshot, resource) for node in nodes[:_MOST_NODES]]
    if len(nodes) > _MOST_NODES:
        texts.append(f"and {len(nodes) - _MOST_NODES} more")
    return ", ".join(texts)


def _node_text(node: Object, pod: Object, snapshot: Snapshot, resource: str) -> str:
    name = name_of(node)
    reason = rejection(node, pod)
    if reason:
        return f"{name} is {reason}"
    held = sorted(holders(node, snapshot, resource).items())
    if not held:
        return f"{name} has {offered(node, resource)} in total"
    holder_list = ", ".join(f"{holder} ({count})" for holder, count in held)
    return f"{name} is held by {holder_list}"
