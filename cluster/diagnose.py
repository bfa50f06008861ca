"""Why a service is not ready: from what was seen to a finding; `status` and `up` say the same."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.container_start import configuration, image, mounts, pulling, sandbox
from cluster.crashes import blamed, crashed
from cluster.findings import found
from cluster.lost_pods import node_lost, refused_by_node, terminating
from cluster.pods import containers, is_ready, node_of, running
from cluster.scheduling import unscheduled
from cluster.snapshot import Object, Seen, name_of
from cluster.start_progress import slow
from models.finding import Finding


@dataclass(frozen=True)
class LogOf:
    """The log that tells most of a pod."""

    pod: str
    container: str
    previous: bool
    """Whether the container that ended before is meant."""


def wanted_log(pod: Object) -> LogOf | None:
    """The log that `diagnose` asks for, if any: of the container that ended, else of the one that is not ready yet."""
    if container := blamed(pod):
        ended_now = "terminated" in (container.get("state") or {})
        return LogOf(name_of(pod), str(container["name"]), not ended_now)
    slow_ones = (one for one in containers(pod) if running(one) and not one.get("ready"))
    if one := next(slow_ones, None):
        return LogOf(name_of(pod), str(one["name"]), previous=False)
    return None


def diagnose(pod: Object, seen: Seen, *, resource: str, startup: float) -> Finding | None:
    """Why a pod is not ready; None when it is.

    Args:
        pod: The pod.
        seen: The look at the cluster; with the pod's last lines, see `wanted_log`, it says more.
        resource: Name of the NPUs as a Kubernetes resource.
        startup: Seconds that the server may take until it answers.
    """
    lost = refused_by_node(pod, seen) or node_lost(pod, seen)
    if lost or is_ready(pod) or (lost := terminating(pod, seen)):
        return lost
    if not node_of(pod):
        return unscheduled(pod, seen, resource)
    return (
        image(pod, seen)
        or configuration(pod, seen)
        or crashed(pod, seen, startup)
        or mounts(pod, seen)
        or sandbox(pod, seen)
        or pulling(pod, seen)
        or slow(pod, seen, startup)
        or _beginning(pod)
    )


def _beginning(pod: Object) -> Finding:
    """Nothing is wrong, or nothing was said yet."""
    phase = (pod.get("status") or {}).get("phase")
    if all(container.get("ready") for container in containers(pod)) and phase == "Running":
        gates = [one.get("type") for one in pod["status"].get("conditions") or [] if one.get("status") != "True"]
        waits = ", ".join(str(gate) for gate in gates) or "its Ready condition"
        return found("not-ready", f"the containers are ready, the pod waits for {waits}", why="", fix="wait")
    return found(
        "starting",
        f"{node_of(pod)} prepares the containers",
        why="the node has the pod and has not started its containers",
        fix="wait",
        severity="warning",
    )
