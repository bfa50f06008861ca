"""The containers that prepare a pod before its server starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.launch.init_steps import FETCH_STEP, MIND_SPEED_DIRECTORY, InitStep, init_steps
from models.launch.launch import LAUNCH_DIRECTORY
from models.manifests.metadata import Manifest
from models.manifests.node_mounts import read_only
from models.manifests.security import container_security
from models.manifests.weights import store_mount
from models.secret_reference import SecretKey
from models.service.resolved import ResolvedService

MIND_SPEED_VOLUME = "mindspeed"
"""Name of the volume that MindSpeed is installed in."""


def init_containers(service: ResolvedService, volume_mounts: Iterable[Mapping[str, Any]]) -> Iterator[Manifest]:
    """One container a step, with the server's image and mounts; it writes where its step does, and has no NPU."""
    for step in init_steps(service):
        variables = [from_secret(name, key) for name, key in step.secrets.items()]
        yield {
            "name": step.name,
            "image": service.image,
            "imagePullPolicy": "IfNotPresent",
            "securityContext": container_security(service),
            "command": ["/bin/bash", "-c"],
            "args": [f"{LAUNCH_DIRECTORY}/{step.file}"],
            **({"env": variables} if variables else {}),
            "volumeMounts": [*_mounts(step, volume_mounts)],
        }


def _mounts(step: InitStep, volume_mounts: Iterable[Mapping[str, Any]]) -> Iterator[Manifest]:
    """What a step sees: all that the server does. What fetches weights sees where all are kept instead: the kubelet
    would make the directory that is to appear when they are whole."""
    for mount in volume_mounts:
        if step.name != FETCH_STEP or mount["mountPath"] == LAUNCH_DIRECTORY:
            yield {**mount, "readOnly": False} if mount["mountPath"] == step.writes else dict(mount)
    if step.name == FETCH_STEP:
        yield store_mount()


def from_secret(name: str, source: SecretKey) -> Manifest:
    """An environment variable whose value is in a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": source.secret, "key": source.key}}}


def mind_speed_volumes(service: ResolvedService) -> list[Manifest]:
    """The directory that MindSpeed is installed in, as long as the pod lives."""
    return [{"name": MIND_SPEED_VOLUME, "emptyDir": {}}] if service.mind_speed.kind == "install" else []


def mind_speed_mounts(service: ResolvedService) -> list[Manifest]:
    """Where the containers see it."""
    return [read_only(volume["name"], MIND_SPEED_DIRECTORY) for volume in mind_speed_volumes(service)]
