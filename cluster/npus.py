"""Who holds the NPUs of which node."""

from __future__ import annotations

from collections import Counter

from cluster.pods import is_over, name_and_owner, node_of, npus
from cluster.snapshot import Object, Seen, condition, name_of

_MOST_NODES = 6


def offered(node: Object, resource: str) -> int:
    """NPUs that a node offers to pods."""
    return int(((node.get("status") or {}).get("allocatable") or {}).get(resource) or 0)


def in_use(pod: Object, resource: str) -> bool:
    """Whether a pod holds NPUs of a node."""
    return bool(node_of(pod)) and not is_over(pod) and npus(pod, resource) > 0


def holders(node: Object, seen: Seen, resource: str) -> Counter[str]:
    """NPUs of a node by who holds them: a service of the namespace, else `namespace/name`."""
    held: Counter[str] = Counter()
    for pod in seen.holders or seen.pods:
        if node_of(pod) == name_of(node) and in_use(pod, resource):
            held[name_and_owner(pod, seen.namespace)] += npus(pod, resource)
    return held


def free(node: Object, pod: Object, seen: Seen, resource: str) -> int:
    """NPUs of a node that a new pod may have; none where it may not go."""
    if closed(node, pod):
        return 0
    return max(offered(node, resource) - sum(holders(node, seen, resource).values()), 0)


def candidates(pod: Object, seen: Seen) -> list[Object]:
    """The nodes that the pod's selector allows, by name."""
    selector = pod["spec"].get("nodeSelector") or {}
    allowed = (node for node in seen.nodes if selector.items() <= (node["metadata"].get("labels") or {}).items())
    return sorted(allowed, key=name_of)


def closed(node: Object, pod: Object) -> str:
    """Why a node does not take the pod, however many NPUs are free; empty when it does."""
    if condition(node, "Ready").get("status") != "True":
        return "not ready"
    if node["spec"].get("unschedulable"):
        return "cordoned"
    tolerations = pod["spec"].get("tolerations") or []
    taints = [taint for taint in node["spec"].get("taints") or [] if taint.get("effect") != "PreferNoSchedule"]
    hard = [taint["key"] for taint in taints if not any(_tolerates(one, taint) for one in tolerations)]
    return f"tainted {hard[0]}" if hard else ""


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return (toleration.get("key"), toleration.get("value") or "") == (taint["key"], taint.get("value") or "")


def shortage(pod: Object, seen: Seen, resource: str) -> str:
    """Node by node, who holds the NPUs that a pod would need: `node-1 is held by llava (2)`."""
    told = [_told(node, pod, seen, resource) for node in candidates(pod, seen) if offered(node, resource)]
    shown, more = told[:_MOST_NODES], len(told) - _MOST_NODES
    return ", ".join([*shown, f"and {more} more"] if more > 0 else shown)


def _told(node: Object, pod: Object, seen: Seen, resource: str) -> str:
    if why := closed(node, pod):
        return f"{name_of(node)} is {why}"
    held = sorted(holders(node, seen, resource).items())
    who = ", ".join(f"{name} ({count})" for name, count in held)
    return f"{name_of(node)} is held by {who}" if who else f"{name_of(node)} has {offered(node, resource)} in all"
