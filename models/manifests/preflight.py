"""The init containers of the preflight: they compare a node and the weights with what a service needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.launch.preflight import (
    PREFLIGHT,
    PREFLIGHT_WEIGHTS,
    facts_of_service,
    facts_of_weights,
    is_downloaded,
    preflight_command,
)
from models.manifests.expansion import literal_container
from models.manifests.metadata import Manifest
from models.manifests.read_only_root import (
    working_directory,
    writable_environment,
    writable_mounts,
)
from models.manifests.security import container_security
from models.manifests.weights import MODEL_VOLUME, store_mount
from models.service.resolved import ResolvedService

_OF_NODE = ("driver", "hccn_conf", "install_info")
"""The paths of the node that the preflight reads, by their key under `cluster.platform`."""

_RESOURCES = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"memory": "256Mi"},
}
"""Less than any server requests, so the preflight does not raise the requests of a pod."""


def preflight(
    service: ResolvedService, volume_mounts: Iterable[Mapping[str, Any]]
) -> Iterator[Manifest]:
    """The container before all other steps, which compares the node and the weights that are there.

    Args:
        service: The service.
        volume_mounts: The mounts of the server.
    """
    if not service.preflight:
        return
    names = _read_volumes(service)
    mounts = [dict(mount) for mount in volume_mounts if mount["name"] in names]
    if is_downloaded(service):
        mounts.append(_store())
    yield _container(service, PREFLIGHT, facts_of_service(service), mounts)


def preflight_of_downloaded_weights(service: ResolvedService) -> Iterator[Manifest]:
    """The container that compares weights once they are downloaded."""
    if service.preflight and is_downloaded(service):
        yield _container(
            service, PREFLIGHT_WEIGHTS, facts_of_weights(service), [_store()]
        )


def _read_volumes(service: ResolvedService) -> set[str]:
    """The volumes that are mounted as the server sees them.

    Downloaded weights are seen in their store: if the container mounted the model's own directory, the kubelet would
    create that directory before the weights are complete.
    """
    platform = service.cluster.platform.mounts
    names = {platform[field].name for field in _OF_NODE if field in platform}
    if not is_downloaded(service):
        names.add(MODEL_VOLUME)
    return names


def _store() -> Manifest:
    return {**store_mount(), "readOnly": True}


def _container(
    service: ResolvedService,
    name: str,
    facts: str,
    mounts: list[Manifest],
) -> Manifest:
    """A container with the image and the rights of the server that can only read, and requests no NPU.

    Its last log lines become its termination message, which stays visible while Kubernetes starts it again.
    """
    container: Manifest = {
        "name": name,
        "image": service.image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": container_security(service),
        "command": preflight_command(),
        "args": [facts],
        **working_directory(service),
    }
    variables = writable_environment(service)
    if variables:
        container["env"] = variables
    container["resources"] = _RESOURCES
    container["volumeMounts"] = [*mounts, *writable_mounts(service)]
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    return literal_container(container)
