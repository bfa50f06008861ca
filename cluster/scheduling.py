"""Why a pod has no node: queue, nodes, NPUs, gang."""

from __future__ import annotations

from collections import Counter

from cluster.findings import found
from cluster.npus import candidates, free, in_use, offered, shortage
from cluster.pods import name_and_owner, npus, since
from cluster.snapshot import Object, Seen, condition, name_of
from models.finding import Finding
from models.manifests.pod import QUEUE_NAME
from models.words import counted

GROUP = "scheduling.k8s.io/group-name"
"""The pod's annotation that Volcano writes its PodGroup to."""

_PATIENCE = 30


def unscheduled(pod: Object, seen: Seen, resource: str) -> Finding:
    """Why no node takes a pod."""
    reasons = (_no_volcano, _queue, _nodes, _gang, _quota, _full, _held_back, _never_looked_at)
    return next((reason for why in reasons if (reason := why(pod, seen, resource))), None) or _said(pod, seen)


def queue_of(pod: Object, seen: Seen) -> str:
    """The queue that a pod waits in: its PodGroup's, as Volcano has it."""
    group = _group(pod, seen)
    asked = (pod["metadata"].get("annotations") or {}).get(QUEUE_NAME)
    return str(asked or (group or {}).get("spec", {}).get("queue") or "default")


def _no_volcano(pod: Object, seen: Seen, _: str) -> Finding | None:
    why = seen.unread.get("podgroups", "")
    if "none of this kind" not in why or pod["spec"].get("schedulerName") != "volcano":
        return None
    return found(
        "no-volcano",
        "the cluster has no Volcano, which is to schedule the pod",
        why="nobody looks at a pod whose scheduler is not there",
        fix="install Volcano (on CCE: the add-on Volcano Scheduler)",
    )


def _queue(pod: Object, seen: Seen, _: str) -> Finding | None:
    queues = {name_of(queue): queue for queue in seen.queues}
    name = queue_of(pod, seen)
    if not queues:
        return None
    if name not in queues:
        return found(
            "no-queue",
            f"the queue {name} does not exist; there are: {', '.join(sorted(set(queues) - {'root'}))}",
            why="Volcano never looks at pods of a queue that it does not know",
            fix=f"name one that exists as queue, or have the stack make it: cluster.queues.{name} with create: true",
        )
    state = (queues[name].get("status") or {}).get("state")
    if state in ("Closed", "Closing"):
        message = f"the queue {name} is {str(state).lower()}"
        return found("queue-closed", message, why="a closed queue takes no pods", fix="open it, or name another")
    return None


def _nodes(pod: Object, seen: Seen, resource: str) -> Finding | None:
    """No node that could ever take the pod."""
    if not seen.nodes:
        return None
    wanted = npus(pod, resource)
    selector = pod["spec"].get("nodeSelector") or {}
    matching = candidates(pod, seen)
    if not matching:
        shown = ", ".join(f"{key}={value}" for key, value in selector.items())
        return found(
            "no-matching-node",
            f"no node has the labels {shown}",
            why=f"the pod goes to such nodes only, and none of the cluster's {len(seen.nodes)} is one",
            fix="label the NPU nodes, or correct cluster.platform.nodeSelector",
        )
    most = max(offered(node, resource) for node in matching)
    if wanted and not most:
        return found(
            "no-npu-resource",
            f"no node offers {resource}",
            why=f"{counted(len(matching), 'node')} with its labels, and no device plugin that tells of healthy NPUs",
            fix="install or mend the nodes' NPU device plugin and driver, or correct cluster.platform.resource",
        )
    if wanted > most:
        message = f"no node has {counted(wanted, 'NPU')}: the largest has {most}"
        return found("too-many-npus", message, why="a pod lives on one node", fix=f"set npus to {most} or fewer")
    return None


def _gang(pod: Object, seen: Seen, resource: str) -> Finding | None:
    group = _group(pod, seen)
    least = int((group or {}).get("spec", {}).get("minMember") or 1)
    if group is None or least < 2:
        return None
    members = [other for other in seen.pods if _group_name(other) == name_of(group)]
    if len(members) < least:
        return found(
            "gang-waiting",
            f"Volcano starts {least} pods at once or none, and there are {len(members)}",
            why=f"minMember of the PodGroup {name_of(group)} is {least}",
            fix="raise replicas, or lower minMember",
        )
    placed = sum(bool(other["spec"].get("nodeName")) for other in members)
    room = placed + sum(
        free(node, pod, seen, resource) // max(npus(pod, resource), 1) for node in candidates(pod, seen)
    )
    if room >= least:
        return None
    return found(
        "gang-waiting",
        f"Volcano starts {least} pods at once or none, and {room} fit: {shortage(pod, seen, resource)}",
        why=f"minMember of the PodGroup {name_of(group)} is {least}, with {npus(pod, resource)} NPUs each",
        fix="free NPUs, or lower minMember; a rolling update doubles what a gang needs",
    )


def _quota(pod: Object, seen: Seen, resource: str) -> Finding | None:
    name = queue_of(pod, seen)
    queue = next((queue for queue in seen.queues if name_of(queue) == name), None)
    limit = ((queue or {}).get("spec", {}).get("capability") or {}).get(resource)
    if queue is None or limit is None:
        return None
    users: Counter[str] = Counter()
    for other in seen.holders:
        if in_use(other, resource) and queue_of(other, seen) == name:
            users[name_and_owner(other, seen.namespace)] += npus(other, resource)
    reported = int(((queue.get("status") or {}).get("allocated") or {}).get(resource) or 0)
    used, wanted = max(sum(users.values()), reported), npus(pod, resource)
    if used + wanted <= int(limit):
        return None
    who = ", ".join(f"{user} ({count})" for user, count in users.most_common()) or "others"
    return found(
        "queue-full",
        f"the queue {name} has {max(int(limit) - used, 0)} of {limit} NPUs left, and the pod asks for {wanted}: "
        f"used by {who}",
        why=f"the queue's capability for {resource} is {limit}",
        fix="free NPUs of the queue, raise its quota (cluster.queues), or name another queue",
    )


def _full(pod: Object, seen: Seen, resource: str) -> Finding | None:
    wanted = npus(pod, resource)
    if not seen.nodes or not wanted or any(free(node, pod, seen, resource) >= wanted for node in candidates(pod, seen)):
        return None
    return found(
        "no-free-npus",
        f"no node has {counted(wanted, 'free NPU')}: {shortage(pod, seen, resource)}",
        why="a pod's NPUs are on one node; Volcano starts it as soon as one has as many"
        + (f" ({seen.unread['pods']})" if "pods" in seen.unread else ""),
        fix="scale down or move what holds them, add a node, or wait; an update that deletes first needs no spare NPUs",
    )


def _held_back(pod: Object, seen: Seen, resource: str) -> Finding | None:
    """A queue that is kept for pods which find no node themselves."""
    group = _group(pod, seen)
    if (group or {}).get("status", {}).get("phase") != "Pending":
        return None
    kept: Counter[str] = Counter()
    for other in seen.cluster_groups:
        if (other.get("status") or {}).get("phase") == "Inqueue":
            kept[_owner(other, seen)] += int((other["spec"].get("minResources") or {}).get(resource) or 0)
    who = ", ".join(f"{owner} ({count})" for owner, count in kept.most_common() if count)
    if not who:
        return None
    return found(
        "queue-held",
        f"Volcano keeps NPUs that are free for pods that it admitted before: {who}",
        why="it admits pods for as many NPUs as all nodes have, and those that no node takes stay admitted",
        fix="correct, scale down or delete what waits there, what asks for more than a node has first; or wait",
    )


def _owner(group: Object, seen: Seen) -> str:
    """Whose pods a PodGroup is made for: a service of the namespace, else `namespace/owner`."""
    own = group["metadata"].get("namespace")
    owner: Object = next(iter(group["metadata"].get("ownerReferences") or []), {})
    name = str(owner.get("name") or name_of(group))
    if owner.get("kind") == "ReplicaSet":
        name = name.rpartition("-")[0]
    return name if own == seen.namespace else f"{own}/{name}"


def _never_looked_at(pod: Object, seen: Seen, _: str) -> Finding | None:
    if condition(pod, "PodScheduled") or since(pod, seen.at) < _PATIENCE:
        return None
    scheduler = pod["spec"].get("schedulerName", "default-scheduler")
    return found(
        "not-scheduled",
        f"the scheduler {scheduler} has not looked at the pod",
        why="a scheduler that runs says within seconds what it thinks of a pod",
        fix=f"see whether {scheduler} runs: its pods, its leader election, its log",
    )


def _said(pod: Object, seen: Seen) -> Finding:
    """What the scheduler itself says."""
    own = condition(pod, "PodScheduled").get("message")
    heard = next((event.get("message") for event in seen.events_of(pod) if event.get("type") == "Warning"), None)
    if not own and not heard:
        return found(
            "unschedulable", "the scheduler has said nothing yet", why="the pod is new", fix="wait", severity="warning"
        )
    said = " ".join(str(own or heard).split())
    unread = "; ".join(seen.unread.values())
    return found(
        "unschedulable",
        f"no node takes the pod: {said}",
        why="that is the scheduler's own message" + (f"; not looked at: {unread}" if unread else ""),
        fix="free or add what it names, or ask for less; pods before it in the queue may hold it back"
        " (kubectl get podgroups)",
    )


def _group_name(pod: Object) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(GROUP) or "")


def _group(pod: Object, seen: Seen) -> Object | None:
    name = _group_name(pod)
    return next((group for group in seen.pod_groups if name and name_of(group) == name), None)
