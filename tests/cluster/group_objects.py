"""LeaderWorkerSets and their pods with only the fields that the tests need, as the real controller writes them."""

from __future__ import annotations

from typing import Any

from tests.cluster.objects import ago, labels, pod, running, waiting

PREFIX = "leaderworkerset.sigs.k8s.io"
PENDING = "pod group is not ready, 2 Pending, 2 minAvailable; Pending: 2 Unschedulable"


def group_set(
    service: str = "deepseek",
    replicas: int = 1,
    *,
    size: int = 2,
    surge: int = 0,
    conditions: tuple[str, ...] = ("Available",),
    changed: float = 600,
    **counts: Any,
) -> dict[str, Any]:
    """A LeaderWorkerSet with these counts in its status; by default all groups are ready."""
    status = {
        "observedGeneration": 2,
        "replicas": replicas,
        "readyReplicas": replicas,
        "updatedReplicas": replicas,
        "conditions": [{"type": kind, "status": "True"} for kind in conditions],
    }
    return {
        "kind": "LeaderWorkerSet",
        "metadata": {
            "name": f"{service}-group",
            "uid": f"set-{service}",
            "generation": 2,
            "labels": labels(service),
            "creationTimestamp": ago(900),
            "managedFields": [
                {"manager": "ascend-vllm", "time": ago(changed)},
                {"manager": "leaderworkerset", "time": ago(1), "subresource": "status"},
            ],
        },
        "spec": {
            "replicas": replicas,
            "leaderWorkerTemplate": {"size": size},
            "rolloutStrategy": {"rollingUpdateConfiguration": {"maxSurge": surge, "maxUnavailable": 1}},
        },
        "status": {**status, **counts},
    }


def member(
    worker: int = 0,
    *statuses: dict[str, Any],
    group: int = 0,
    service: str = "deepseek",
    size: int = 2,
    node: str = "node-1",
    ready: bool = True,
    revision: str = "new",
    npus: int = 8,
    seconds: float = 480,
    **parts: Any,
) -> dict[str, Any]:
    """A member of a group: the leader, or a worker."""
    name = f"{service}-group-{group}" if worker == 0 else f"{service}-group-{group}-{worker}"
    metadata = {
        "name": name,
        "uid": f"uid-{name}",
        "creationTimestamp": ago(seconds),
        "ownerReferences": [{"kind": "StatefulSet", "name": f"{service}-group", "uid": "sts"}],
        "labels": {
            **labels(service),
            "app.kubernetes.io/version": "0.23.0",
            f"{PREFIX}/name": f"{service}-group",
            f"{PREFIX}/group-index": str(group),
            f"{PREFIX}/worker-index": str(worker),
            f"{PREFIX}/template-revision-hash": revision,
        },
        "annotations": {
            f"{PREFIX}/size": str(size),
            "scheduling.k8s.io/group-name": f"{service}-group-{group}-{revision}",
        },
    }
    phase = "Running" if node else "Pending"
    if not statuses and node:
        statuses = ({"name": "ascend-vllm", "ready": ready, "state": running(60)},)
    status = parts.pop("status", {})
    if not node:
        status = {"conditions": [{"type": "PodScheduled", "status": "False", "message": PENDING}], **status}
    extra = parts.pop("metadata", {})
    return pod(
        service, *statuses, npus=npus, node=node, phase=phase, ready=ready and bool(node),
        metadata={**metadata, **extra}, status=status, **parts,
    )  # fmt: skip


def group(index: int = 0, nodes: tuple[str, ...] = ("node-1", "node-2"), **parts: Any) -> list[dict[str, Any]]:
    """A whole group, its members on these nodes; an empty name is a member without a node."""
    return [
        member(worker, group=index, node=node, size=len(nodes), **parts) for worker, node in enumerate(nodes)
    ]  # fmt: skip


def stateful_set_event(name: str, reason: str, message: str, seconds: float = 5) -> dict[str, Any]:
    """An event of the StatefulSet that creates pods of a group."""
    return {
        "metadata": {"name": f"{name}-{reason}-{seconds}"},
        "involvedObject": {"kind": "StatefulSet", "name": name, "uid": f"sts-{name}"},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": ago(seconds),
    }


def recreation(pod_name: str, seconds: float) -> dict[str, Any]:
    """The event of a recreation, which says `Worker pod` for leaders, too."""
    leader = "deepseek-group-0"
    return {
        "metadata": {"name": f"recreate-{seconds}"},
        "involvedObject": {"kind": "LeaderWorkerSet", "name": "deepseek-group", "uid": "set-deepseek"},
        "type": "Normal",
        "reason": "RecreateGroup",
        "message": f"Worker pod {pod_name} failed, deleted leader pod {leader} to recreate group 0",
        "eventTime": ago(seconds),
    }


BACK_OFF = waiting("CrashLoopBackOff", "back-off 40s")
