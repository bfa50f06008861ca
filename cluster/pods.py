"""How the fields of a pod are read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cluster.snapshot import (
    Object,
    first_owner,
    has_condition,
    instance_of,
    instant,
    is_terminating,
    labels_of,
    name_of,
    status_of,
)


def containers(pod: Object) -> list[Object]:
    """The statuses of a pod's containers, init containers first."""
    status = status_of(pod)
    init_containers = status.get("initContainerStatuses") or []
    main_containers = status.get("containerStatuses") or []
    return [*init_containers, *main_containers]


def is_init(pod: Object, container: Object) -> bool:
    """Whether a container is an init container of the pod."""
    return container in (status_of(pod).get("initContainerStatuses") or [])


def waiting(container: Object) -> Object:
    """Why a container waits: `reason` and `message`; empty if it does not wait."""
    return state_of_container(container).get("waiting") or {}


def running(container: Object) -> Object:
    """Since when a container runs: `startedAt`; empty if it does not run."""
    return state_of_container(container).get("running") or {}


def state_of_container(container: Object) -> Object:
    """The current state of a container: one of `waiting`, `running` and `terminated`."""
    return container.get("state") or {}


def last_state_of_container(container: Object) -> Object:
    """How the previous run of a container ended."""
    return container.get("lastState") or {}


def has_ended(container: Object) -> bool:
    """Whether a container has ended and was not started again."""
    return "terminated" in state_of_container(container)


def ended(container: Object) -> Object:
    """How a container, or its previous run, ended; empty if it did not end.

    A successful end does not count, unless the kubelet starts the container again and again: uvicorn exits with 0 when
    the engine dies.
    """
    is_looping = waiting(container).get("reason") == "CrashLoopBackOff"
    for state in (state_of_container(container), last_state_of_container(container)):
        end = state.get("terminated") or {}
        if end and (is_looping or not _is_success(end)):
            return dict(end)
    return {}


def _is_success(end: Object) -> bool:
    return end.get("exitCode") == 0 and end.get("reason") in (None, "Completed")


def restarts(container: Object) -> int:
    """How often a container was started again."""
    return int(container.get("restartCount") or 0)


def is_ready(pod: Object) -> bool:
    """Whether a pod takes requests."""
    return has_condition(pod, "Ready") and not is_terminating(pod)


def is_over(pod: Object) -> bool:
    """Whether a pod has ended and holds no resources."""
    return status_of(pod).get("phase") in ("Succeeded", "Failed")


def node_of(pod: Object) -> str:
    """The name of the node that a pod is assigned to; empty while it has none."""
    spec = pod.get("spec") or {}
    return str(spec.get("nodeName") or "")


def npus(pod: Object, resource: str) -> int:
    """The NPUs that a pod requests."""
    spec = pod.get("spec") or {}
    total = 0
    for container in spec.get("containers") or []:
        resources = container.get("resources") or {}
        amounts = resources.get("limits") or resources.get("requests") or {}
        total += int(amounts.get(resource) or 0)
    return total


def any_terminating(pods: Iterable[Object]) -> bool:
    """Whether one of the pods is about to free its NPUs."""
    return any(is_terminating(pod) for pod in pods)


def created(item: Object) -> datetime:
    """When an object was created."""
    return instant(item["metadata"].get("creationTimestamp"))


def age(item: Object, now: datetime) -> float:
    """The age of an object in seconds."""
    return max((now - created(item)).total_seconds(), 0)


def name_and_owner(pod: Object, namespace: str) -> str:
    """The service of a pod in the namespace of the stack, otherwise `namespace/owner`."""
    pod_namespace = pod["metadata"].get("namespace")
    service = instance_of(pod)
    if pod_namespace == namespace and service:
        return service
    template_hash = labels_of(pod).get("pod-template-hash")
    owner = str(first_owner(pod).get("name") or name_of(pod))
    owner = owner.removesuffix(f"-{template_hash}")
    if pod_namespace == namespace:
        return owner
    return f"{pod_namespace}/{owner}"


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
