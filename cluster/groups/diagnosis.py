"""Why the groups of a service are not ready, and which member keeps a group back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

from cluster.diagnosis.diagnose import LogOf, diagnose, wanted_log
from cluster.diagnosis.engine_release import release_of_pod
from cluster.diagnosis.lost_pods import refused_by_node
from cluster.groups.controller import (
    name_too_long,
    not_looking,
    pods_missing,
    recreated_again_and_again,
)
from cluster.groups.lost_nodes import member_lost
from cluster.groups.members import (
    Group,
    counts,
    group_index,
    groups_of,
    limit_of,
    rank,
    title,
)
from cluster.groups.placement import group_without_nodes, stuck_update
from cluster.groups.progress import is_updating, with_current_template
from cluster.groups.reports import LONGEST, explained, last_report
from cluster.pods import (
    containers,
    ended,
    is_init,
    is_over,
    node_of,
    running,
)
from cluster.snapshot import (
    Object,
    Snapshot,
    instance_of,
    instant,
    name_of,
    replicas_of,
)
from models.engines.root_cause import Cause, find_cause
from models.finding import Finding

_STILL_STARTING = ("slow-start", "starting", "not-ready", "terminating")
"""Findings about a member that may only be waiting for the others."""

_ABOUT_A_MEMBER_WITHOUT_NODE = ("gang-waiting", "group-too-large", "group-incomplete")


class _Level(IntEnum):
    """How much a finding about a member explains; the lower, the more."""

    POD = 0
    """The state of its pod."""
    REPORT = 1
    """The leader reports that its server ended first."""
    LOG = 2
    """Its log shows a failure, perhaps one of another member."""
    WAITING = 3
    """It starts, or waits for the others."""


@dataclass(frozen=True)
class _Member:
    """A member that is not ready, or whose log shows a failure."""

    pod: Object
    finding: Finding
    level: _Level
    cause: Cause | None
    """The finding in its log."""

    @property
    def order(self) -> tuple[bool, int, bool, datetime, bool]:
        """The lower, the more it explains: what failed first, then who still prepares, and the leader last.

        The leader waits for all workers, so its own state says little while a worker is not well.
        """
        return (
            self.finding.severity != "error",
            self.level,
            self._is_consequence,
            _end(self.pod),
            rank(self.pod) == 0,
        )

    @property
    def _is_consequence(self) -> bool:
        """Whether its log may show what followed from another member."""
        known = self.cause.known if self.cause else None
        return bool(known and known.weight != "cause")


def why_not_ready(
    group_set: Object,
    snapshot: Snapshot,
    *,
    resource: str,
    startup: float,
) -> tuple[Finding, Object | None]:
    """Why the groups of a LeaderWorkerSet are not ready, and the pod to blame.

    Args:
        group_set: The LeaderWorkerSet.
        snapshot: The cluster.
        resource: Name of the NPUs as a Kubernetes resource.
        startup: Longest start of the server in seconds.
    """
    groups = groups_of(snapshot.pods_of(instance_of(group_set)))
    current = with_current_template(group_set, groups)
    failing = _failing_member(
        current, snapshot, resource=resource, startup=startup, of=len(groups)
    )
    return (
        _without_pod(name_too_long(group_set))
        or _without_pod(not_looking(group_set, snapshot))
        or _member_lost(groups, snapshot, resource)
        or recreated_again_and_again(group_set, snapshot)
        or _without_pod(pods_missing(group_set, snapshot))
        or stuck_update(group_set, groups, snapshot, resource)
        or _if_error(failing)
        or _group_without_nodes(group_set, groups, snapshot, resource)
        or failing
        or (_changing(group_set, groups), None)
    )


def _without_pod(finding: Finding | None) -> tuple[Finding, None] | None:
    if finding is None:
        return None
    return finding, None


def _if_error(
    failing: tuple[Finding, Object] | None,
) -> tuple[Finding, Object] | None:
    if failing is None or failing[0].severity != "error":
        return None
    return failing


def _member_lost(
    groups: Sequence[Group], snapshot: Snapshot, resource: str
) -> tuple[Finding, Object] | None:
    lost = member_lost(groups, snapshot, resource)
    if lost is None:
        return None
    finding, pod = lost
    return _about(finding, pod, len(groups)), pod


def logs_wanted(pods: Sequence[Object]) -> list[LogOf]:
    """The logs that explain most about groups that are not ready, at most one for each member.

    A worker has no probe and counts as ready, so its log is read, too. The cause may stand far above the
    last lines, as in the log of a container that has ended.
    """
    logs = []
    for group in groups_of(pods):
        if group.is_ready:
            continue
        for pod in group.members:
            log = wanted_log(pod) or _log_of_server(pod)
            if log:
                logs.append(replace(log, has_ended=True))
    return logs


def _log_of_server(pod: Object) -> LogOf | None:
    for container in containers(pod):
        if running(container) and not is_init(pod, container):
            return LogOf(
                name_of(pod), str(container["name"]), previous=False, has_ended=True
            )
    return None


def _failing_member(
    groups: Sequence[Group],
    snapshot: Snapshot,
    *,
    resource: str,
    startup: float,
    of: int,
) -> tuple[Finding, Object] | None:
    """The member with a node that keeps its group back.

    Args:
        groups: The groups with the current template: an update replaces the others, whatever is wrong with them.
        snapshot: The cluster.
        resource: Name of the NPUs as a Kubernetes resource.
        startup: Longest start of the server in seconds.
        of: The number of all groups.
    """
    members = []
    for group in groups:
        if group.is_ready:
            continue
        reported = _reported_member(group, snapshot)
        if reported:
            members.append(reported)
        for pod in group.members:
            if not node_of(pod) and not is_over(pod):
                continue
            member = _judged(pod, snapshot, resource=resource, startup=startup)
            if member:
                members.append(member)
    if not members:
        return None
    worst = min(members, key=lambda member: member.order)
    return _about(worst.finding, worst.pod, of), worst.pod


def _reported_member(group: Group, snapshot: Snapshot) -> _Member | None:
    """The member whose server ended first, as the leader reports."""
    leader = group.members[0]
    report = last_report(snapshot.logs.get(name_of(leader), ()))
    if report is None or rank(leader) != 0:
        return None
    pods = [pod for pod in group.members if rank(pod) == report.rank]
    pod = pods[0] if pods else leader
    cause = find_cause(report.lines, release_of_pod(pod).known_errors)
    return _Member(pod, explained(report, cause), _Level.REPORT, cause)


def _judged(
    pod: Object, snapshot: Snapshot, *, resource: str, startup: float
) -> _Member | None:
    lines = snapshot.logs.get(name_of(pod), ())
    cause = find_cause(lines, release_of_pod(pod).known_errors)
    finding = refused_by_node(pod, snapshot) or diagnose(
        pod, snapshot, resource=resource, startup=startup
    )
    if finding and finding.rule not in _STILL_STARTING:
        return _Member(pod, finding, _Level.POD, cause)
    if cause and cause.known:
        finding = Finding(
            "group-member-failed",
            "error",
            cause.known.meaning,
            why=f"{cause.known.why}; its log says: {cause.line.strip()[:LONGEST]}",
            fix=cause.known.fix,
        )
        return _Member(pod, finding, _Level.LOG, cause)
    if finding is None:
        return None
    return _Member(pod, finding, _Level.WAITING, cause)


def _end(pod: Object) -> datetime:
    """When a container of a member ended first; the far future if none has."""
    ends = [
        instant(ended(container).get("finishedAt"))
        for container in containers(pod)
        if ended(container)
    ]
    return min(ends, default=datetime.max.replace(tzinfo=instant(None).tzinfo))


def _group_without_nodes(
    group_set: Object, groups: Sequence[Group], snapshot: Snapshot, resource: str
) -> tuple[Finding, Object] | None:
    for group in groups:
        reason = group_without_nodes(group, snapshot, resource)
        if reason is None:
            continue
        finding, pod = reason
        if finding.rule in _ABOUT_A_MEMBER_WITHOUT_NODE and replicas_of(group_set) > 1:
            message = f"group {group_index(pod)}: {finding.message}"
            return replace(finding, message=message), pod
        if finding.rule in _ABOUT_A_MEMBER_WITHOUT_NODE:
            return finding, pod
        return _about(finding, pod, len(groups)), pod
    return None


def _about(finding: Finding, pod: Object, groups: int) -> Finding:
    """A finding about a member, in a sentence about its group; `groups` is their number."""
    member = title(pod, groups)
    node = node_of(pod)
    if node:
        member += f" on {node}"
    message = f"{member} keeps the group back: {finding.message}"
    return replace(finding, message=message)


def _changing(group_set: Object, groups: Sequence[Group]) -> Finding:
    """All members that exist are well, but there are too few or too many groups, or some have the old template."""
    replicas = replicas_of(group_set)
    existing, updated = counts(group_set, "replicas", "updatedReplicas")
    held_back = min(limit_of(group_set, "partition"), replicas)
    whole = sum(1 for group in groups if group.is_ready)
    message = f"{updated} of {replicas} groups have the current template, {whole} are ready, {existing} exist"
    why = "the controller creates the groups"
    if is_updating(group_set):
        why = "LeaderWorkerSet replaces one group after the other, from the last to the first"
    if held_back:
        why += f"; the partition keeps {held_back} groups on the old template"
    return Finding("rolling", "warning", message, why=why, fix="wait")
