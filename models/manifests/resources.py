"""The resources that a pod requests from its node: NPUs, CPUs, memory and shared memory."""

from __future__ import annotations

from models.manifests.metadata import Manifest
from models.record import quantity_text
from models.service.resolved import ResolvedService

_SHM = "shm"


def container_resources(service: ResolvedService) -> Manifest:
    """Requests and limits. NPUs and memory are reserved exactly; a pod may use more CPUs than it requests."""
    npus = {service.cluster.platform.resource: str(service.npus)}
    cpu = {"cpu": str(service.resources.cpu)}
    memory = {"memory": quantity_text(service.resources.memory)}
    return {"requests": {**npus, **cpu, **memory}, "limits": {**npus, **memory}}


def shared_memory_volume(service: ResolvedService) -> Manifest:
    """The volume for `/dev/shm`. A container runtime's default is 64 MiB, with which the engine's processes hang."""
    return {
        "name": _SHM,
        "emptyDir": {
            "medium": "Memory",
            "sizeLimit": quantity_text(service.resources.shm),
        },
    }


def shared_memory_mount() -> Manifest:
    """Where the container sees the shared memory."""
    return {"name": _SHM, "mountPath": "/dev/shm"}  # noqa: S108  the kernel's name for it
