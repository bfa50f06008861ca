"""Replicas that an autoscaler sets: the program lets go of the field without losing a pod."""

from __future__ import annotations

from cluster.api.errors import ClusterError
from cluster.api.reader import Cluster, connected
from cluster.snapshot import Object, name_of
from models.manifests.metadata import OURS
from models.service.resolved import ResolvedService

_OUR_NAME = OURS["pulumi.com/patchFieldManager"]
_TRIES = 5


async def hand_over_replicas(service: ResolvedService) -> int | None:
    """Let go of the replicas of a Deployment before an update, where the stack file leaves them to an autoscaler.

    The program has applied the field in earlier updates. The API server removes a field that only one manager owns
    when that manager stops applying it, and a Deployment without replicas has one pod. So a second manager applies the
    current number first.

    Returns:
        The current number of pods; None if the service is not deployed yet.

    Raises:
        ClusterError: The number is unknown, or the second manager may not apply it.
    """
    cluster = service.cluster
    async with connected(cluster.context, cluster.namespace.name) as reader:
        deployment = await _deployment(reader, service.name)
        if deployment is None:
            return None
        if not _is_ours(deployment):
            return _replicas(deployment)
        for _ in range(_TRIES):
            replicas = _replicas(deployment)
            if await reader.leave_replicas(service.name, replicas):
                return replicas
            deployment = await _deployment(reader, service.name) or deployment
    raise ClusterError(
        f"the replicas of {service.name} change again and again",
        "wait for the autoscaler, and run it again",
    )


async def _deployment(reader: Cluster, name: str) -> Object | None:
    for deployment in await reader.deployments():
        if name_of(deployment) == name:
            return deployment
    return None


def _replicas(deployment: Object) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _is_ours(deployment: Object) -> bool:
    """Whether the program is the only owner of the replicas."""
    holders = [
        entry.get("manager")
        for entry in deployment["metadata"].get("managedFields") or []
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    return holders == [_OUR_NAME]
