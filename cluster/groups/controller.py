"""Why groups do not exist or do not last: the controller is down, it may not create pods, or it recreates them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from cluster.api.paths import LEADER_WORKER_SETS
from cluster.diagnosis.not_ready import rejection
from cluster.groups.members import (
    groups_of,
    limit_of,
    size_of,
    stateful_sets_of,
    title,
)
from cluster.groups.progress import is_observed
from cluster.pods import created
from cluster.snapshot import (
    Object,
    Snapshot,
    instance_of,
    instant,
    moment,
    name_of,
    one_line,
    replicas_of,
)
from models.finding import Finding
from models.words import counted, duration

LONGEST_NAME = 52
"""Characters of a set's name with a dash and the number of its last group. Kubernetes appends a hash of 11 characters
to the name of the workers' StatefulSet and writes both into a label, which has 63 at most."""

_PATIENCE = 30
"""Seconds after which a controller that runs has looked at a change."""

_RECREATIONS = 3
"""Recreations of groups that are a loop if they happen within `_LOOP` seconds."""
_LOOP = 300

_FAILED_MEMBER = re.compile(r"pod (\S+) failed")
_WEBHOOK_FAILED = re.compile(
    r"failed calling webhook \"[^\"]*(?:leaderworkerset|mpod)\S*"
)

_NO_PODS = "the LeaderWorkerSet exists, but its pods cannot be created"
_CHECK_CONTROLLER = (
    "check that the LeaderWorkerSet controller runs: kubectl get pods -n lws-system;"
    " pods that run are not affected"
)


def not_deployed(service: str, snapshot: Snapshot) -> Finding:
    """Why there is no LeaderWorkerSet of a service."""
    if LEADER_WORKER_SETS.plural in snapshot.unknown_kinds:
        return Finding(
            "no-leader-worker-set",
            "error",
            "the cluster has no LeaderWorkerSet controller, which must create the pods",
            why="the pods of a service over several nodes are groups of a LeaderWorkerSet",
            fix="install LeaderWorkerSet 0.9.0 with gangSchedulingManagement.schedulerProvider: volcano",
        )
    unread = snapshot.unread.get(LEADER_WORKER_SETS.plural)
    if unread:
        return Finding(
            "unread",
            "error",
            unread,
            why="without its LeaderWorkerSet, the state of a service over several nodes is unknown",
            fix="request a role that may list LeaderWorkerSets",
        )
    return Finding(
        "not-deployed",
        "error",
        f"the namespace {snapshot.namespace} has no LeaderWorkerSet of {service}",
        why="the service is in the stack but not in the cluster",
        fix="run pulumi up",
    )


def name_too_long(group_set: Object) -> Finding | None:
    """The name of a set leaves no room for what Kubernetes appends to it."""
    name = name_of(group_set)
    most_groups = max(replicas_of(group_set) + limit_of(group_set, "maxSurge"), 1)
    length = len(name) + 1 + len(str(most_groups - 1))
    if length <= LONGEST_NAME:
        return None
    excess = counted(length - LONGEST_NAME, "character")
    return Finding(
        "group-name-too-long",
        "error",
        f"the name {name} is {excess} too long for {counted(most_groups, 'group')}",
        why="Kubernetes writes the name of a StatefulSet with a hash into a label of 63 characters, so some or all pods"
        " of the group are never created",
        fix=f"shorten the name of the service by {excess}; it becomes a new service",
    )


def not_looking(group_set: Object, snapshot: Snapshot) -> Finding | None:
    """The controller does not react to the current spec of a set."""
    if is_observed(group_set):
        return None
    refused = _refused_update(group_set, snapshot)
    if refused:
        return refused
    elapsed = (snapshot.at - _last_change(group_set)).total_seconds()
    if elapsed < _PATIENCE:
        return None
    return Finding(
        "group-controller-down",
        "error",
        f"no controller has looked at the LeaderWorkerSet {name_of(group_set)} for {duration(elapsed)}",
        why="the controller creates the pods of groups, and reacts within seconds; until then the status of the set is"
        " out of date",
        fix=_CHECK_CONTROLLER,
    )


def _last_change(group_set: Object) -> datetime:
    """When somebody changed a set, apart from its status; its creation if this is unknown."""
    times = [
        instant(entry.get("time"))
        for entry in group_set["metadata"].get("managedFields") or []
        if entry.get("subresource") != "status"
    ]
    return max(times, default=created(group_set))


def _refused_update(group_set: Object, snapshot: Snapshot) -> Finding | None:
    """The controller tried to apply the spec, and Kubernetes refused it."""
    for event in snapshot.events_of(group_set):
        if event.get("reason") != "FailedUpdate":
            continue
        return Finding(
            "group-update-refused",
            "error",
            f"Kubernetes refuses the change of the groups: {one_line(event.get('message'))}",
            why="the change is about a field of a StatefulSet that can never change, so the old groups run on",
            fix="undo the change, or delete the service and create it again",
        )
    return None


def pods_missing(group_set: Object, snapshot: Snapshot) -> Finding | None:
    """Pods of groups cannot be created: the controller's webhook does not answer, or the API server rejects them."""
    groups = replicas_of(group_set)
    pods = snapshot.pods_of(instance_of(group_set))
    if len(pods) >= groups * size_of(group_set):
        return None
    for name in stateful_sets_of(group_set, groups):
        event = _last_creation(name, snapshot)
        if event is None or event.get("reason") != "FailedCreate":
            continue
        text = one_line(event.get("message"))
        if _WEBHOOK_FAILED.search(text):
            return Finding(
                "group-controller-down",
                "error",
                f"the LeaderWorkerSet controller does not answer: {text}",
                why="each pod of a group passes its webhook, so no pod is created while it does not answer",
                fix=_CHECK_CONTROLLER,
            )
        return rejection(text, snapshot.namespace, _NO_PODS)
    return None


def _last_creation(stateful_set: str, snapshot: Snapshot) -> Object | None:
    """The latest event about the creation of a pod by a StatefulSet."""
    events = []
    for event in snapshot.events:
        target = event.get("involvedObject") or {}
        is_about_set = (
            target.get("kind") == "StatefulSet" and target.get("name") == stateful_set
        )
        if is_about_set and event.get("reason") in ("FailedCreate", "SuccessfulCreate"):
            events.append(event)
    return max(events, key=moment, default=None)


def recreated_again_and_again(
    group_set: Object, snapshot: Snapshot
) -> tuple[Finding, Object | None] | None:
    """Groups that crash and are recreated. Only events show this: new pods have no restarts and no old logs.

    Recreations before the last change of the set do not count: the change may have corrected the cause.
    """
    begin = max(snapshot.at - timedelta(seconds=_LOOP), _last_change(group_set))
    events = []
    for event in snapshot.events_of(group_set):
        if event.get("reason") == "RecreateGroup" and moment(event) >= begin:
            events.append(event)
    times = sum(_occurrences(event) for event in events)
    if times < _RECREATIONS:
        return None
    pods = snapshot.pods_of(instance_of(group_set))
    groups = groups_of(pods)
    failed = _failed_member(events)
    pod = _pod_named(failed, pods) or _newest(pods)
    member = failed or "a member"
    if pod and name_of(pod) == failed:
        member = title(pod, len(groups))
    first = min(events, key=moment)
    elapsed = (snapshot.at - moment(first)).total_seconds()
    finding = Finding(
        "group-crash-loop",
        "error",
        f"{member} ended again and again: the whole group was recreated {times} times in {duration(elapsed)}",
        why="when a container of a group ends, LeaderWorkerSet deletes all its pods and creates them again, without a"
        f" pause; their logs are lost ({one_line(events[0].get('message'))})",
        fix="read the log of the member while it runs (kubectl logs -f), fix the error in it, then run pulumi up",
    )
    return finding, pod


def _occurrences(event: Object) -> int:
    series = event.get("series") or {}
    return int(series.get("count") or event.get("count") or 1)


def _failed_member(events: Sequence[Object]) -> str:
    """The pod that the latest event names. It says `Worker pod` for leaders, too."""
    found = _FAILED_MEMBER.search(one_line(events[0].get("message")))
    return found[1] if found else ""


def _pod_named(name: str, pods: Sequence[Object]) -> Object | None:
    for pod in pods:
        if name_of(pod) == name:
            return pod
    return None


def _newest(pods: Sequence[Object]) -> Object | None:
    return max(pods, key=created, default=None)
