"""Volcano's queues that a stack makes."""

from __future__ import annotations

from models.manifests.kinds import VOLCANO
from models.manifests.metadata import OURS, Manifest
from models.stack_file.operation import Queue


def queue_object(name: str, queue: Queue, resource: str) -> Manifest:
    """A queue; its quota counts the NPUs of the platform, by the name of the resource."""
    capability = {"capability": {resource: str(queue.npus)}} if queue.npus else {}
    return {
        "apiVersion": VOLCANO,
        "kind": "Queue",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "pulumi"}, "annotations": OURS},
        "spec": {"weight": queue.weight, "reclaimable": True, **capability},
    }
