"""Why a pod is not ready: from a snapshot to a finding. `status` and `up` report the same."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.diagnosis.container_start import configuration, mounts, sandbox
from cluster.diagnosis.crashes import blamed, crashed
from cluster.diagnosis.image_pull import image, pulling
from cluster.diagnosis.lost_pods import node_lost, refused_by_node, terminating
from cluster.diagnosis.scheduling import unscheduled
from cluster.diagnosis.start_progress import slow_start
from cluster.pods import containers, has_ended, is_ready, node_of, running
from cluster.snapshot import Object, Snapshot, name_of, status_of
from models.finding import Finding


@dataclass(frozen=True)
class LogOf:
    """The log that explains most about a pod."""

    pod: str
    container: str
    previous: bool
    """Whether to read the log of the container's previous run."""
    has_ended: bool
    """Whether the run has ended, so that the log may have its cause far above the last lines."""


def wanted_log(pod: Object) -> LogOf | None:
    """The log that `diagnose` uses: of the container that ended, otherwise of the container that is not ready yet."""
    container = blamed(pod)
    if container:
        return LogOf(
            name_of(pod),
            str(container["name"]),
            previous=not has_ended(container),
            has_ended=True,
        )
    for container in containers(pod):
        if running(container) and not container.get("ready"):
            return LogOf(
                name_of(pod),
                str(container["name"]),
                previous=False,
                has_ended=False,
            )
    return None


def diagnose(
    pod: Object,
    snapshot: Snapshot,
    *,
    resource: str,
    startup: float,
) -> Finding | None:
    """Why a pod is not ready; None if it is.

    Args:
        pod: The pod.
        snapshot: The cluster. With the last log lines of the pod, see `wanted_log`, the finding explains more.
        resource: Name of the NPUs as a Kubernetes resource.
        startup: Longest start of the server in seconds.
    """
    lost = refused_by_node(pod, snapshot) or node_lost(pod, snapshot)
    if lost:
        return lost
    if is_ready(pod):
        return None
    ending = terminating(pod, snapshot)
    if ending:
        return ending
    if not node_of(pod):
        return unscheduled(pod, snapshot, resource)
    return (
        image(pod, snapshot)
        or configuration(pod, snapshot)
        or crashed(pod, snapshot, startup)
        or mounts(pod, snapshot)
        or sandbox(pod, snapshot)
        or pulling(pod, snapshot)
        or slow_start(pod, snapshot, startup)
        or _no_problem_yet(pod)
    )


def _no_problem_yet(pod: Object) -> Finding:
    status = status_of(pod)
    all_ready = all(container.get("ready") for container in containers(pod))
    if all_ready and status.get("phase") == "Running":
        conditions = status.get("conditions") or []
        unmet = [
            str(item.get("type")) for item in conditions if item.get("status") != "True"
        ]
        awaited = ", ".join(unmet) or "its Ready condition"
        return Finding(
            "not-ready",
            "error",
            f"the containers are ready, the pod waits for {awaited}",
            why="",
            fix="wait",
        )
    return Finding(
        "starting",
        "warning",
        f"{node_of(pod)} is preparing the containers",
        why="the pod has a node, which has not started its containers yet",
        fix="wait",
    )
