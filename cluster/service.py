"""The state of a service in its cluster: how many pods are ready, since when, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cluster.diagnose import wanted_log
from cluster.engine_release import release_of_pod
from cluster.lost_pods import node_lost
from cluster.not_ready import newest_pods, not_ready
from cluster.pods import (
    containers,
    created,
    ended,
    has_ended,
    is_init,
    is_over,
    is_ready,
    node_of,
    waiting,
)
from cluster.reader import Reader
from cluster.snapshot import (
    Object,
    Snapshot,
    is_terminating,
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
)
"""Findings that the last log lines explain further."""

_RULES_WITH_CAUSE = ("crash-loop", "crash", "init-failed", "init-failed-once")
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
    """Number of pods."""


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
    snapshot = await reader.look(wide=wide)
    logs: dict[str, tuple[str, ...]] = {}
    for service in services:
        if is_settled(snapshot.deployment(service.name)):
            continue
        for pod in snapshot.pods_of(service.name)[:_MOST_LOGS]:
            lines = await _last_lines(reader, pod)
            if lines is not None:
                logs[name_of(pod)] = lines
    snapshot = replace(snapshot, logs=logs)
    states = [state_of(service, snapshot) for service in services]
    return snapshot, tuple(states)


async def _last_lines(reader: Reader, pod: Object) -> tuple[str, ...] | None:
    """The last log lines of the container to blame, without credentials; None if there is none."""
    log = wanted_log(pod)
    if log is None:
        return None
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
    deployment = snapshot.deployment(service.name)
    if deployment is None:
        return State(
            service=service.name,
            ready=0,
            updated=0,
            desired=service.replicas,
            state="not deployed",
            since=None,
            finding=_no_deployment(service, snapshot),
        )

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


def _no_deployment(service: WatchedService, snapshot: Snapshot) -> Finding:
    unread = snapshot.unread.get("deployments")
    if unread:
        return Finding(
            "unread",
            "error",
            unread,
            why="without its Deployment, the state of a service is unknown",
            fix="request a role that may list Deployments",
        )
    return Finding(
        "not-deployed",
        "error",
        f"the namespace {snapshot.namespace} has no Deployment {service.name}",
        why="the service is in the stack but not in the cluster",
        fix="run pulumi up",
    )


def pod_state(pod: Object) -> str:
    """The state of a pod in one word, as `kubectl get` shows it."""
    if is_terminating(pod):
        return "Terminating"
    for container in containers(pod):
        reason = _container_state(container)
        if reason and is_init(pod, container):
            return f"Init:{reason}"
        if reason:
            return reason
    status = status_of(pod)
    phase = str(status.get("reason") or status.get("phase") or "Pending")
    if phase == "Running" and not is_ready(pod):
        return "Starting"
    return phase


def _container_state(container: Object) -> str:
    """Why a container does not run; empty if it runs, or is about to."""
    reason = waiting(container).get("reason")
    if reason and reason != "PodInitializing":
        return str(reason)
    end = ended(container)
    if end and has_ended(container):
        return str(end.get("reason") or "Error")
    return ""
