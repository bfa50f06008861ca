"""Why Volcano's queue keeps a pod waiting: it is missing, closed, full, or held by other pods."""

from __future__ import annotations

from collections import Counter

from cluster.npus.usage import in_use
from cluster.pod_groups import group_of, owner_of, queue_of
from cluster.pods import name_and_owner, npus
from cluster.snapshot import Object, Snapshot, name_of, status_of
from models.finding import Finding


def queue_unusable(pod: Object, snapshot: Snapshot) -> Finding | None:
    """The queue of a pod does not exist, or accepts no pods."""
    queues = {name_of(queue): queue for queue in snapshot.queues}
    name = queue_of(pod, snapshot)
    if not queues:
        return None
    if name not in queues:
        existing = ", ".join(sorted(set(queues) - {"root"}))
        return Finding(
            "no-queue",
            "error",
            f"the queue {name} does not exist; the cluster has: {existing}",
            why="Volcano ignores pods of a queue that does not exist",
            fix=f"write cluster.queues.{name}.create: true, or set queue to an existing one",
        )
    state = str(status_of(queues[name]).get("state"))
    if state in ("Closed", "Closing"):
        return Finding(
            "queue-closed",
            "error",
            f"the queue {name} is {state.lower()}",
            why="a closed queue accepts no pods",
            fix=f"open the queue {name}, or set another queue",
        )
    return None


def queue_full(
    pod: Object, snapshot: Snapshot, resource: str, pods: int = 1
) -> Finding | None:
    """The queue of a pod has fewer NPUs left than the pod requests.

    Args:
        pod: The pod.
        snapshot: The cluster.
        resource: Name of the NPUs as a Kubernetes resource.
        pods: The number of such pods that start together.
    """
    name = queue_of(pod, snapshot)
    queues = {name_of(queue): queue for queue in snapshot.queues}
    capability = _npus_by_resource(queues.get(name, {}).get("spec"), "capability")
    if resource not in capability:
        return None

    limit = int(capability[resource])
    users = _users(name, snapshot, resource)
    allocated = _npus_by_resource(status_of(queues[name]), "allocated")
    used = max(users.total(), int(allocated.get(resource) or 0))
    requested = npus(pod, resource) * pods
    if used + requested <= limit:
        return None
    requester = "the pod requests"
    if pods > 1:
        requester = f"the {pods} pods of the group request"
    remaining = max(limit - used, 0)
    return Finding(
        "queue-full",
        "error",
        f"the queue {name} has {remaining} of {limit} NPUs left, and {requester} {requested}: "
        f"used by {_largest_first(users) or 'others'}",
        why=f"the queue's capability for {resource} is {limit}",
        fix="free NPUs of the queue, raise its quota (cluster.queues), or set another queue",
    )


def _npus_by_resource(fields: Object | None, key: str) -> Object:
    return (fields or {}).get(key) or {}


def _users(queue: str, snapshot: Snapshot, resource: str) -> Counter[str]:
    """The NPUs of a queue that are in use, by holder."""
    users: Counter[str] = Counter()
    for pod in snapshot.holders:
        if in_use(pod, resource) and queue_of(pod, snapshot) == queue:
            users[name_and_owner(pod, snapshot.namespace)] += npus(pod, resource)
    return users


def queue_held(pod: Object, snapshot: Snapshot, resource: str) -> Finding | None:
    """Volcano keeps free NPUs for admitted pods that no node accepts."""
    group = group_of(pod, snapshot)
    if group is None or status_of(group).get("phase") != "Pending":
        return None
    owners = _largest_first(_admitted(snapshot, resource))
    if not owners:
        return None
    return Finding(
        "queue-held",
        "error",
        f"Volcano keeps free NPUs for pods that it admitted earlier: {owners}",
        why="it admits pods until their NPUs add up to those of all nodes, and admitted pods that no node accepts"
        " stay admitted",
        fix="correct, scale down or delete these pods, first those that request more NPUs than a node has; or wait",
    )


def _admitted(snapshot: Snapshot, resource: str) -> Counter[str]:
    """The NPUs of admitted PodGroups whose pods do not run yet, by owner."""
    admitted: Counter[str] = Counter()
    for group in snapshot.cluster_groups:
        if status_of(group).get("phase") != "Inqueue":
            continue
        resources = group["spec"].get("minResources") or {}
        admitted[owner_of(group, snapshot)] += int(resources.get(resource) or 0)
    return admitted


def _largest_first(npus_by_owner: Counter[str]) -> str:
    """Owners with their NPUs: `qwen (8), team/other (2)`."""
    return ", ".join(
        f"{owner} ({count})" for owner, count in npus_by_owner.most_common() if count
    )
