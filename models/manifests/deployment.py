"""The Deployment of a service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from models.manifests.metadata import NOT_AWAITED, Manifest, metadata, selector
from models.manifests.pod import pod_template
from models.service.deadlines import progress_deadline
from models.service.resolved import ResolvedService

MIN_MEMBER = "scheduling.volcano.sh/group-min-member"
"""Annotation of the Deployment that Volcano 1.14 reads a gang's size from (pkg/controllers/podgroup/
pg_controller_handler.go:273)."""


def deployment(
    service: ResolvedService,
    *,
    volumes: Iterable[Mapping[str, Any]],
    volume_mounts: Iterable[Mapping[str, Any]],
    command: Mapping[str, Any],
) -> Manifest:
    """The Deployment.

    The annotation keeps Pulumi's provider from waiting for its pods: the program does, and says why they are not ready.

    Args:
        service: The service.
        volumes: The pod's volumes beside the weights: what the node keeps, and the launch script.
        volume_mounts: Where the container sees them.
        command: `command` and `args` of the container.
    """
    gang = {MIN_MEMBER: str(service.min_member)} if service.min_member > 1 else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(service, {**NOT_AWAITED, **gang}),
        "spec": {
            **({} if service.external else {"replicas": service.replicas}),
            "strategy": strategy(service),
            "progressDeadlineSeconds": progress_deadline(service),
            "selector": {"matchLabels": selector(service)},
            "template": pod_template(service, volumes=volumes, volume_mounts=volume_mounts, command=command),
        },
    }


def strategy(service: ResolvedService) -> Manifest:
    """How the Deployment replaces its pods."""
    if service.rollout.kind == "recreate":
        return {"type": "Recreate"}
    numbers = {"maxSurge": service.rollout.max_surge, "maxUnavailable": service.rollout.max_unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": numbers}
