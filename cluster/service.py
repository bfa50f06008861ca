"""The state of a service in its cluster: how many pods are ready, since when, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cluster.api.reader import Reader
from cluster.diagnosis.diagnose import LogOf, wanted_log
from cluster.diagnosis.engine_release import release_of_pod
from cluster.diagnosis.lost_pods import node_lost
from cluster.diagnosis.not_ready import newest_pods, no_deployment, not_ready
from cluster.groups import progress as group_progress
from cluster.groups.controller import not_deployed
from cluster.groups.diagnosis import logs_wanted, why_not_ready
from cluster.groups.members import groups_of
from cluster.groups.reading import settled_services, with_leader_worker_sets
from cluster.pods import (
    created,
    is_over,
    is_ready,
    node_of,
    pod_state,
)
from cluster.snapshot import (
    Object,
    Snapshot,
    name_of,
    replicas_of,
    status_of,
)
from models.credentials import masked
from models.engines.root_cause import find_cause
from models.finding import Finding

LINES = 20
"""Last lines of a log that are read; fewer are shown."""

LINES_OF_ENDED = 1000
"""Last lines of the log of a container that ended. The tracebacks of other processes stand below the cause: 40 lines
and more for each of them."""

SHOWN = 8
"""Last lines of a log that are shown."""

_MOST_LOGS = 3
"""Pods of a service whose logs are read."""

_MOST_LOGS_OF_GROUPS = 8
"""Members of groups that are not ready whose logs are read: one member shows the cause, the others its consequence."""

_RULES_WITH_LOG = (
    "crash-loop",
    "crash",
    "init-failed",
    "init-failed-once",
    "startup-budget-spent",
    "liveness-killed",
    "out-of-memory",
    "out-of-memory-once",
    "slow-start",
    "preparing",
    "group-member-failed",
    "group-gave-up",
)
"""Findings that the last log lines explain further."""

_RULES_WITH_CAUSE = (
    "crash-loop",
    "crash",
    "init-failed",
    "init-failed-once",
    "group-member-failed",
    "group-gave-up",
)
"""Findings whose log is searched for the cause."""


@dataclass(frozen=True)
class WatchedService:
    """A service of the stack, as far as its diagnosis needs it."""

    name: str
    resource: str
    """Name of the NPUs as a Kubernetes resource."""
    startup: int
    """Longest start of the server in seconds."""
    replicas: int = 1
    """Number of pods, or of groups if a server has several nodes."""
    nodes: int = 1
    """Pods of one server. More than one make up a group of a LeaderWorkerSet."""


@dataclass(frozen=True)
class State:
    """The state of a service in its cluster."""

    service: str
    ready: int
    """Pods that take requests, whatever their template: the number before the slash in kubectl's column READY."""
    updated: int
    """Pods that take requests and have the current template."""
    desired: int
    """Pods that the Deployment requests."""
    state: str
    """In one or two words, as kubectl shows it: `Running`, `Pending`, `CrashLoopBackOff`, `not deployed`."""
    since: datetime | None
    """When the pod that `state` is about was created."""
    finding: Finding | None
    """Why the service is not ready; None if it is."""
    nodes: tuple[str, ...] = ()
    """The nodes of the pods, each node once."""
    pod: str = ""
    """The pod that the finding is about."""
    log: tuple[str, ...] = ()
    """The last log lines of that pod, without credentials. The line of the cause comes first if it stands above."""
    unit: str = "pod"
    """The unit of the numbers: `pod`, or `group` for a service over several nodes."""

    @property
    def is_ready(self) -> bool:
        """Whether all pods are ready."""
        return self.finding is None


def is_settled(deployment: Object | None) -> bool:
    """Whether all replicas of a Deployment have its current template and are ready, and no other pods exist."""
    if deployment is None or not is_observed(deployment):
        return False
    replicas = replicas_of(deployment)
    status = status_of(deployment)
    updated = status.get("updatedReplicas") or 0
    existing = status.get("replicas") or 0
    available = status.get("availableReplicas") or 0
    return bool(updated == existing == available == replicas)


def is_observed(deployment: Object) -> bool:
    """Whether the status of a Deployment belongs to its current spec."""
    observed = status_of(deployment).get("observedGeneration") or 0
    generation = deployment["metadata"].get("generation") or 0
    return int(observed) >= int(generation)


async def settled_names(reader: Reader, services: Sequence[WatchedService]) -> set[str]:
    """The names of the services whose pods all have the current template and are ready.

    Args:
        reader: The cluster.
        services: The services.

    Raises:
        ClusterError: The cluster cannot be read.
    """
    settled = set()
    deployed = {service.name for service in services if service.nodes == 1}
    if deployed:
        for deployment in await reader.deployments():
            if is_settled(deployment) and name_of(deployment) in deployed:
                settled.add(name_of(deployment))
    grouped = [service.name for service in services if service.nodes > 1]
    if grouped:
        settled |= await settled_services(reader, grouped)
    return settled


async def take_snapshot(
    reader: Reader, services: Sequence[WatchedService], *, wide: bool
) -> Snapshot:
    """A snapshot, with LeaderWorkerSets if one of the services has several nodes.

    Args:
        reader: The cluster.
        services: The services.
        wide: Read nodes, queues and the pods of all namespaces, too.

    Raises:
        ClusterError: The cluster cannot be reached.
    """
    snapshot = await reader.look(wide=wide)
    if all(service.nodes == 1 for service in services):
        return snapshot
    return await with_leader_worker_sets(reader, snapshot)


async def look(
    reader: Reader,
    services: Sequence[WatchedService],
    *,
    wide: bool,
) -> tuple[Snapshot, tuple[State, ...]]:
    """Take a snapshot with the last log lines of pods in trouble, and report the state of each service.

    Args:
        reader: The cluster.
        services: The services.
        wide: Read nodes, queues and the pods of all namespaces, too.

    Raises:
        ClusterError: The cluster cannot be read.
    """
    snapshot = await take_snapshot(reader, services, wide=wide)
    logs: dict[str, tuple[str, ...]] = {}
    for service in services:
        for log in _wanted_logs(service, snapshot):
            logs[log.pod] = await _last_lines(reader, log)
    snapshot = replace(snapshot, logs=logs)
    states = [state_of(service, snapshot) for service in services]
    return snapshot, tuple(states)


def _wanted_logs(service: WatchedService, snapshot: Snapshot) -> list[LogOf]:
    """The logs of the containers to blame."""
    pods = snapshot.pods_of(service.name)
    if service.nodes > 1:
        return logs_wanted(pods)[:_MOST_LOGS_OF_GROUPS]
    if is_settled(snapshot.deployment(service.name)):
        return []
    logs = [wanted_log(pod) for pod in pods[:_MOST_LOGS]]
    return [log for log in logs if log]


async def _last_lines(reader: Reader, log: LogOf) -> tuple[str, ...]:
    """The last lines of a log, without credentials."""
    count = LINES
    if log.has_ended:
        count = LINES_OF_ENDED
    lines = await reader.log(
        log.pod,
        log.container,
        previous=log.previous,
        lines=count,
    )
    return shown_lines(lines)


def shown_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines of a log without credentials and without empty lines."""
    return tuple(masked(line.rstrip()) for line in lines if line.strip())


def state_of(service: WatchedService, snapshot: Snapshot) -> State:
    """The state of a service in a snapshot."""
    if service.nodes > 1:
        return _state_of_groups(service, snapshot)
    deployment = snapshot.deployment(service.name)
    if deployment is None:
        return _not_deployed(service, no_deployment(service.name, snapshot))

    replicas = replicas_of(deployment)
    pods = newest_pods(deployment, snapshot)
    nodes = _nodes_of(snapshot.pods_of(service.name))
    if is_settled(deployment) and not any(node_lost(pod, snapshot) for pod in pods):
        return State(
            service=service.name,
            ready=replicas,
            updated=replicas,
            desired=replicas,
            state="Running",
            since=_newest_creation(pods),
            finding=None,
            nodes=nodes,
        )

    finding, pod = not_ready(
        deployment,
        snapshot,
        resource=service.resource,
        startup=service.startup,
    )
    state = State(
        service=service.name,
        ready=int(status_of(deployment).get("readyReplicas") or 0),
        updated=sum(1 for pod in pods if is_ready(pod)),
        desired=replicas,
        state="no pod",
        since=created(deployment),
        finding=finding,
        nodes=nodes,
    )
    if pod is None:
        return state
    return _with_pod(state, pod, finding, snapshot)


def _not_deployed(service: WatchedService, finding: Finding) -> State:
    return State(
        service=service.name,
        ready=0,
        updated=0,
        desired=service.replicas,
        state="not deployed",
        since=None,
        finding=finding,
    )


def _with_pod(state: State, pod: Object, finding: Finding, snapshot: Snapshot) -> State:
    """A state with the pod to blame and its last log lines."""
    lines: tuple[str, ...] = ()
    if finding.rule in _RULES_WITH_LOG:
        lines = snapshot.logs.get(name_of(pod), ())
    return replace(
        state,
        state=pod_state(pod),
        since=created(pod),
        pod=name_of(pod),
        log=_short(lines, pod, finding),
    )


def _state_of_groups(service: WatchedService, snapshot: Snapshot) -> State:
    """The state of a service over several nodes. Its numbers count groups."""
    group_set = snapshot.leader_worker_set(service.name)
    if group_set is None:
        state = _not_deployed(service, not_deployed(service.name, snapshot))
        return replace(state, unit="group")

    pods = snapshot.pods_of(service.name)
    groups = groups_of(pods)
    current = group_progress.with_current_template(group_set, groups)
    is_lost = any(node_lost(pod, snapshot) for pod in pods)
    state = State(
        service=service.name,
        ready=sum(1 for group in groups if group.is_ready),
        updated=sum(1 for group in current if group.is_ready),
        desired=replicas_of(group_set),
        state="Running",
        since=_newest_creation(pods),
        finding=None,
        nodes=_nodes_of(pods),
        unit="group",
    )
    if group_progress.is_settled(group_set, pods) and not is_lost:
        return state

    finding, pod = why_not_ready(
        group_set,
        snapshot,
        resource=service.resource,
        startup=service.startup,
    )
    state = replace(state, finding=finding, state="not ready")
    if pod is None:
        return state
    return _with_pod(state, pod, finding, snapshot)


def _newest_creation(pods: Sequence[Object]) -> datetime | None:
    return max(map(created, pods), default=None)


def _nodes_of(pods: Sequence[Object]) -> tuple[str, ...]:
    """The nodes that pods run on, by name."""
    nodes = {node_of(pod) for pod in pods if node_of(pod) and not is_over(pod)}
    return tuple(sorted(nodes))


def _short(lines: tuple[str, ...], pod: Object, finding: Finding) -> tuple[str, ...]:
    """The last lines of a log, below the line that shows the cause if that stands further up."""
    last_lines = lines[-SHOWN:]
    if finding.rule not in _RULES_WITH_CAUSE:
        return last_lines
    cause = find_cause(lines, release_of_pod(pod).known_errors)
    if cause is None or any(cause.line in line for line in last_lines):
        return last_lines
    return cause.line, "...", *lines[-(SHOWN - 2) :]
