"""The object that creates the pods of a service: a Deployment, or a LeaderWorkerSet for servers over several nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from models.manifests.deployment import deployment
from models.manifests.leader_worker_set import leader_worker_set
from models.manifests.metadata import Manifest
from models.service.resolved import ResolvedService


def workload(
    service: ResolvedService,
    *,
    volumes: Iterable[Mapping[str, Any]],
    volume_mounts: Iterable[Mapping[str, Any]],
    command: Mapping[str, Any],
) -> Manifest:
    """The Deployment or the LeaderWorkerSet; arguments as for `deployment`."""
    if service.group is None:
        return deployment(
            service, volumes=volumes, volume_mounts=volume_mounts, command=command
        )
    return leader_worker_set(
        service,
        service.group,
        volumes=volumes,
        volume_mounts=volume_mounts,
        command=command,
    )


def serving_template(manifest: Mapping[str, Any]) -> Manifest:
    """The template of the pods that answer requests: those of a Deployment, or the leaders of groups."""
    spec = manifest["spec"]
    template: Manifest
    if manifest["kind"] == "LeaderWorkerSet":
        template = spec["leaderWorkerTemplate"]["leaderTemplate"]
    else:
        template = spec["template"]
    return template
