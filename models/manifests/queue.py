"""Volcano's queues that a stack creates."""

from __future__ import annotations

from typing import Any

from models.manifests.kinds import VOLCANO
from models.manifests.metadata import OURS, Manifest
from models.stack_file.keys.operation import Queue


def queue_object(name: str, queue: Queue, resource: str) -> Manifest:
    """A queue. Its quota counts NPUs under the platform's resource name."""
    spec: dict[str, Any] = {"weight": queue.weight, "reclaimable": True}
    if queue.npus:
        spec["capability"] = {resource: str(queue.npus)}
    if queue.priority is not None:
        spec["priority"] = queue.priority
    return {
        "apiVersion": VOLCANO,
        "kind": "Queue",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/managed-by": "pulumi"},
            "annotations": OURS,
        },
        "spec": spec,
    }
