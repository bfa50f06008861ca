"""The Deployment of a service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from models.manifests.metadata import NOT_AWAITED, Manifest, metadata, selector
from models.manifests.pod import pod_template
from models.manifests.pod_role import only_pod
from models.service.deadlines import progress_deadline
from models.service.resolved import ResolvedService
from models.stack_file.keys.operation import Recreate

MIN_MEMBER = "scheduling.volcano.sh/group-min-member"
"""Annotation of the Deployment from which Volcano 1.14 reads the size of a gang (pkg/controllers/podgroup/
pg_controller_handler.go:273)."""


def deployment(
    service: ResolvedService,
    *,
    volumes: Iterable[Mapping[str, Any]],
    volume_mounts: Iterable[Mapping[str, Any]],
    command: Mapping[str, Any],
) -> Manifest:
    """The Deployment.

    Its annotation keeps Pulumi's provider from waiting for the pods. The program waits itself and reports why pods are
    not ready.

    Args:
        service: The service.
        volumes: The pod's volumes without the weights: the node's directories and the launch script.
        volume_mounts: Where the container sees them.
        command: `command` and `args` of the container.
    """
    annotations = dict(NOT_AWAITED)
    if service.min_member > 1:
        annotations[MIN_MEMBER] = str(service.min_member)
    spec: dict[str, Any] = {}
    if not service.external:
        spec["replicas"] = service.replicas
    spec["strategy"] = strategy(service)
    spec["progressDeadlineSeconds"] = progress_deadline(service)
    spec["selector"] = {"matchLabels": selector(service)}
    spec["template"] = pod_template(
        service,
        only_pod(service),
        volumes=volumes,
        volume_mounts=volume_mounts,
        command=command,
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(service, annotations),
        "spec": spec,
    }


def strategy(service: ResolvedService) -> Manifest:
    """How the Deployment replaces its pods."""
    rollout = service.rollout
    if isinstance(rollout, Recreate):
        return {"type": "Recreate"}
    limits = {"maxSurge": rollout.max_surge, "maxUnavailable": rollout.max_unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": limits}
