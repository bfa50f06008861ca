"""The init containers: they prepare a pod before its server starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.engines.features import MindSpeedInstallation
from models.launch.init_steps import (
    FETCH_STEP,
    MIND_SPEED_DIRECTORY,
    InitStep,
    init_steps,
)
from models.launch.launch import LAUNCH_DIRECTORY
from models.manifests.expansion import literal_container
from models.manifests.metadata import Manifest
from models.manifests.node_mounts import read_only
from models.manifests.preflight import preflight, preflight_of_downloaded_weights
from models.manifests.read_only_root import DIRECTORY as TEMPORARY_FILES
from models.manifests.read_only_root import working_directory, writable_environment
from models.manifests.security import container_security
from models.manifests.weights import store_mount
from models.secret_reference import NamespaceSecret
from models.service.resolved import ResolvedService

MIND_SPEED_VOLUME = "mindspeed"
"""Name of the volume that MindSpeed is installed in."""


def init_containers(
    service: ResolvedService, volume_mounts: Iterable[Mapping[str, Any]]
) -> Iterator[Manifest]:
    """The preflight, and one container for each init step, with the server's image and mounts.

    A step can write only to its directory, and requests no NPU.
    """
    mounts = list(volume_mounts)
    yield from preflight(service, mounts)
    for step in init_steps(service):
        container: Manifest = {
            "name": step.name,
            "image": service.image,
            "imagePullPolicy": "IfNotPresent",
            "securityContext": container_security(service),
            "command": ["/bin/bash", "-c"],
            "args": [f"{LAUNCH_DIRECTORY}/{step.file}"],
            **working_directory(service),
        }
        variables = writable_environment(service)
        variables += [
            from_secret(variable, key) for variable, key in step.secrets.items()
        ]
        if variables:
            container["env"] = variables
        container["volumeMounts"] = _mounts(step, mounts)
        yield literal_container(container)
        if step.name == FETCH_STEP:
            yield from preflight_of_downloaded_weights(service)


def _mounts(
    step: InitStep, volume_mounts: Iterable[Mapping[str, Any]]
) -> list[Manifest]:
    """The mounts of a step: those of the server, with the directory of the step writable.

    The step that fetches weights gets the launch script, `/tmp` and the whole store instead. If it mounted the model's
    own directory, the kubelet would create that directory before the weights are complete.
    """
    if step.name == FETCH_STEP:
        launch_mounts = [
            dict(mount)
            for mount in volume_mounts
            if mount["mountPath"] in (LAUNCH_DIRECTORY, TEMPORARY_FILES)
        ]
        return [*launch_mounts, store_mount()]
    mounts = []
    for server_mount in volume_mounts:
        mount = dict(server_mount)
        if mount["mountPath"] == step.writes:
            mount["readOnly"] = False
        mounts.append(mount)
    return mounts


def from_secret(name: str, source: NamespaceSecret) -> Manifest:
    """An environment variable whose value is in a Secret."""
    return {
        "name": name,
        "valueFrom": {"secretKeyRef": {"name": source.secret, "key": source.key}},
    }


def mind_speed_volumes(service: ResolvedService) -> list[Manifest]:
    """The directory that MindSpeed is installed in; it lives as long as the pod."""
    if not isinstance(service.mind_speed, MindSpeedInstallation):
        return []
    return [{"name": MIND_SPEED_VOLUME, "emptyDir": {}}]


def mind_speed_mounts(service: ResolvedService) -> list[Manifest]:
    """Where the containers see MindSpeed."""
    return [
        read_only(volume["name"], MIND_SPEED_DIRECTORY)
        for volume in mind_speed_volumes(service)
    ]
