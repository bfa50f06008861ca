"""Kubernetes objects with only the fields that the tests need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cluster.snapshot import Snapshot

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RESOURCE = "huawei.com/ascend-1980"
LABELS = {"accelerator/huawei-npu": "ascend-1980"}
IMAGE = "registry.example.com/ascend-vllm:6.3.912"
BUDGET = 720
"""Longest start of a server in seconds."""


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def labels(service: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": "ascend-vllm", "app.kubernetes.io/instance": service}


def container(name: str = "ascend-vllm", **status: Any) -> dict[str, Any]:
    return {"name": name, "image": IMAGE, "ready": False, "restartCount": 0, "state": {}, **status}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, reason: str = "Error", lived: float = 30) -> dict[str, Any]:
    times = {"startedAt": ago(lived + 10), "finishedAt": ago(10)}
    return {"terminated": {"exitCode": code, "reason": reason, **times}}


def running(seconds: float) -> dict[str, Any]:
    return {"running": {"startedAt": ago(seconds)}}


def pod(
    service: str = "qwen",
    *statuses: dict[str, Any],
    npus: int = 1,
    node: str = "node-1",
    phase: str = "Pending",
    ready: bool = False,
    **parts: Any,
) -> dict[str, Any]:
    """A pod of a service; `parts` are merged into its metadata, spec and status."""
    metadata = {
        "name": f"{service}-0",
        "namespace": "inference",
        "uid": f"uid-{service}",
        "labels": labels(service),
        "creationTimestamp": ago(480),
        "ownerReferences": [{"kind": "ReplicaSet", "name": f"{service}-5d4", "uid": f"rs-{service}"}],
    }
    limits = {"limits": {RESOURCE: str(npus)}, "requests": {RESOURCE: str(npus)}}
    spec = {
        "schedulerName": "volcano",
        "nodeSelector": LABELS,
        "containers": [{"name": "ascend-vllm", "image": IMAGE, "resources": limits}],
        **({"nodeName": node} if node else {}),
    }
    status = {
        "phase": phase,
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": list(statuses),
    }
    return {
        "kind": "Pod",
        "metadata": {**metadata, **parts.get("metadata", {})},
        "spec": {**spec, **parts.get("spec", {})},
        "status": {**status, **parts.get("status", {})},
    }


def node(name: str = "node-1", npus: int = 8, *, ready: str = "True", **spec: Any) -> dict[str, Any]:
    heartbeat = {"type": "Ready", "status": ready, "reason": "KubeletReady", "lastTransitionTime": ago(300)}
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": LABELS},
        "spec": spec,
        "status": {"allocatable": {RESOURCE: str(npus)} if npus else {}, "conditions": [heartbeat]},
    }


def event(item: dict[str, Any], reason: str, message: str = "", seconds: float = 5) -> dict[str, Any]:
    return {
        "metadata": {"name": f"{reason}-{seconds}", "creationTimestamp": ago(seconds)},
        "involvedObject": {"kind": item["kind"], "name": item["metadata"]["name"], "uid": item["metadata"]["uid"]},
        "type": "Normal" if reason in ("Pulling", "Pulled", "Started", "Killing") else "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": ago(seconds),
    }


def queue(name: str = "default", npus: int | None = None, state: str = "Open") -> dict[str, Any]:
    spec = {} if npus is None else {"capability": {RESOURCE: str(npus)}}
    return {"kind": "Queue", "metadata": {"name": name}, "spec": spec, "status": {"state": state}}


def group(
    name: str, least: int = 1, *, npus: int = 1, phase: str = "Inqueue", namespace: str = "inference", of: str = ""
) -> dict[str, Any]:
    """A PodGroup of Volcano, owned by a ReplicaSet if `of` names a Deployment."""
    owner = {"kind": "ReplicaSet", "name": f"{of}-5d4"} if of else {"kind": "Job", "name": name}
    return {
        "kind": "PodGroup",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner]},
        "spec": {"minMember": least, "queue": "default", "minResources": {RESOURCE: str(npus)}},
        "status": {"phase": phase},
    }


def deployment(service: str = "qwen", replicas: int = 1, **counts: Any) -> dict[str, Any]:
    """A Deployment with these counts in its status; by default all pods are ready."""
    available = counts.get("availableReplicas", replicas)
    status = {
        "observedGeneration": 2,
        "updatedReplicas": replicas,
        "replicas": replicas,
        "availableReplicas": available,
        "readyReplicas": available,
    }
    return {
        "kind": "Deployment",
        "metadata": {
            "name": service,
            "uid": f"deployment-{service}",
            "generation": 2,
            "labels": labels(service),
            "creationTimestamp": ago(600),
        },
        "spec": {"replicas": replicas},
        "status": {**status, **counts},
    }


def replica_set(service: str = "qwen", revision: int = 1, uid: str = "", **status: Any) -> dict[str, Any]:
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{service}-5d4",
            "uid": uid or f"rs-{service}",
            "labels": labels(service),
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "creationTimestamp": ago(500),
            "ownerReferences": [{"kind": "Deployment", "name": service, "uid": f"deployment-{service}"}],
        },
        "status": status,
    }


def snapshot(*pods: dict[str, Any], **kinds: Any) -> Snapshot:
    """A snapshot with these pods; by default they are also the holders of NPUs."""
    kinds.setdefault("holders", [*pods])
    lists = {kind: tuple(value) if isinstance(value, list) else value for kind, value in kinds.items()}
    return Snapshot(NOW, "inference", pods=pods, **lists)
