"""The Deployment of a service: the manual's pod of Step 2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from models.manifests.metadata import Manifest, labels, metadata, selector
from models.manifests.node_mounts import host_path, read_only
from models.resolve import ResolvedService

CONTAINER = "ascend-vllm"
"""Name of the server's container, the manual's example."""

MODEL_VOLUME = "model-path"
"""Name of the weights' volume, the manual's."""


def deployment(
    service: ResolvedService,
    *,
    volumes: Iterable[Mapping[str, Any]],
    volume_mounts: Iterable[Mapping[str, Any]],
    command: Mapping[str, Any],
) -> Manifest:
    """The Deployment.

    Args:
        service: The service.
        volumes: The pod's volumes beside the weights: what the node keeps, and the launch script.
        volume_mounts: Where the container sees them.
        command: `command` and `args` of the container.
    """
    template = {
        "metadata": {"labels": labels(service)},
        "spec": {
            "schedulerName": "volcano",
            "nodeSelector": dict(service.cluster.platform.node_selector),
            "enableServiceLinks": False,
            "containers": [_container(service, volume_mounts, command)],
            "volumes": [*volumes, host_path(MODEL_VOLUME, service.model.source, "Directory")],
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(service),
        "spec": {
            "replicas": service.replicas,
            "selector": {"matchLabels": selector(service)},
            "template": template,
        },
    }


def _container(
    service: ResolvedService, volume_mounts: Iterable[Mapping[str, Any]], command: Mapping[str, Any]
) -> Manifest:
    npus = {service.cluster.platform.resource: str(service.npus)}
    return {
        "name": CONTAINER,
        "image": service.image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"runAsUser": 0},
        "ports": [{"name": "http", "containerPort": service.server.port}],
        **command,
        "resources": {"requests": npus, "limits": dict(npus)},
        "volumeMounts": [*volume_mounts, read_only(MODEL_VOLUME, service.model.source)],
    }
