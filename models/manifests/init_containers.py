"""The containers that prepare a pod before its server starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.init_steps import MIND_SPEED_DIRECTORY, init_steps
from models.launch import LAUNCH_DIRECTORY
from models.manifests.metadata import Manifest
from models.manifests.node_mounts import read_only
from models.manifests.security import container_security
from models.resolve import ResolvedService

MIND_SPEED_VOLUME = "mindspeed"
"""Name of the volume that MindSpeed is installed in."""


def init_containers(service: ResolvedService, volume_mounts: Iterable[Mapping[str, Any]]) -> Iterator[Manifest]:
    """One container a step, with the server's image and mounts; it writes where its step does, and has no NPU."""
    for step in init_steps(service):
        yield {
            "name": step.name,
            "image": service.image,
            "imagePullPolicy": "IfNotPresent",
            "securityContext": container_security(service),
            "command": ["/bin/bash", "-c"],
            "args": [f"{LAUNCH_DIRECTORY}/{step.file}"],
            "volumeMounts": [
                {**mount, "readOnly": False} if mount["mountPath"] == step.writes else dict(mount)
                for mount in volume_mounts
            ],
        }


def mind_speed_volumes(service: ResolvedService) -> list[Manifest]:
    """The directory that MindSpeed is installed in, as long as the pod lives."""
    return [{"name": MIND_SPEED_VOLUME, "emptyDir": {}}] if service.mind_speed.kind == "install" else []


def mind_speed_mounts(service: ResolvedService) -> list[Manifest]:
    """Where the containers see it."""
    return [read_only(volume["name"], MIND_SPEED_DIRECTORY) for volume in mind_speed_volumes(service)]
