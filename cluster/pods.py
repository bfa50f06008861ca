"""What the parts of a pod's JSON say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cluster.snapshot import Object, condition, instance_of, instant, name_of


def containers(pod: Object) -> Iterator[Object]:
    """The statuses of a pod's containers, those that prepare it first."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def prepares(pod: Object, container: Object) -> bool:
    """Whether a container prepares the pod before its server starts."""
    return container in ((pod.get("status") or {}).get("initContainerStatuses") or [])


def waiting(container: Object) -> Object:
    """Why a container waits: `reason` and `message`; empty when it does not."""
    return (container.get("state") or {}).get("waiting") or {}


def ended(container: Object) -> Object:
    """How a container, or the one before it, ended; empty when it did not. A successful end is none, unless the kubelet
    starts the container again and again: uvicorn ends with 0 when the engine dies."""
    looping = waiting(container).get("reason") == "CrashLoopBackOff"
    for state in (container.get("state") or {}, container.get("lastState") or {}):
        end = state.get("terminated") or {}
        if end and (looping or end.get("exitCode") != 0 or end.get("reason") not in (None, "Completed")):
            return dict(end)
    return {}


def running(container: Object) -> Object:
    """Since when a container runs; empty when it does not."""
    return (container.get("state") or {}).get("running") or {}


def restarts(container: Object) -> int:
    """How often a container was started again."""
    return int(container.get("restartCount") or 0)


def is_ready(pod: Object) -> bool:
    """Whether a pod takes requests."""
    return condition(pod, "Ready").get("status") == "True" and not pod["metadata"].get("deletionTimestamp")


def is_over(pod: Object) -> bool:
    """Whether a pod holds nothing any more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def node_of(pod: Object) -> str:
    """The node that a pod is given to; empty while it has none."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def npus(pod: Object, resource: str) -> int:
    """NPUs that a pod asks for."""
    wanted = (container.get("resources") or {} for container in (pod.get("spec") or {}).get("containers") or [])
    return sum(int((one.get("limits") or one.get("requests") or {}).get(resource) or 0) for one in wanted)


def born(item: Object) -> datetime:
    """When an object was made."""
    return instant(item["metadata"].get("creationTimestamp"))


def since(item: Object, now: datetime) -> float:
    """Age of an object in seconds."""
    return max((now - born(item)).total_seconds(), 0)


def name_and_owner(pod: Object, namespace: str) -> str:
    """Whom a pod belongs to: its service in the namespace of the stack, else `namespace/owner`."""
    own = pod["metadata"].get("namespace")
    if own == namespace and (service := instance_of(pod)):
        return service
    labels = pod["metadata"].get("labels") or {}
    owner: Object = next(iter(pod["metadata"].get("ownerReferences") or []), {})
    name = str(owner.get("name") or name_of(pod)).removesuffix(f"-{labels.get('pod-template-hash')}")
    return name if own == namespace else f"{own}/{name}"
