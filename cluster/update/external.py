"""Replicas that an autoscaler sets: the program lets go of the field without losing a pod."""

from __future__ import annotations

from cluster.api.errors import ClusterError
from cluster.api.paths import DEPLOYMENTS, LEADER_WORKER_SETS
from cluster.api.reader import Cluster, connected
from cluster.snapshot import Object, name_of
from models.manifests.metadata import OURS
from models.service.resolved import ResolvedService

_OUR_NAME = OURS["pulumi.com/patchFieldManager"]
_TRIES = 5


async def hand_over_replicas(service: ResolvedService) -> int | None:
    """Let go of the replicas of a service before an update, where the stack file leaves them to an autoscaler.

    The program has applied the field in earlier updates. The API server removes a field that only one manager owns
    when that manager stops applying it, and a Deployment without replicas has one pod, a LeaderWorkerSet one group. So
    a second manager applies the current number first.

    Returns:
        The current number of pods, or of groups; None if the service is not deployed yet.

    Raises:
        ClusterError: The number is unknown, or the second manager may not apply it.
    """
    cluster = service.cluster
    path = LEADER_WORKER_SETS if service.group else DEPLOYMENTS
    async with connected(cluster.context, cluster.namespace.name) as reader:
        workload = await _workload(reader, service)
        if workload is None:
            return None
        if not _is_ours(workload):
            return _replicas(workload)
        for _ in range(_TRIES):
            replicas = _replicas(workload)
            if await reader.leave_replicas(path, service.workload, replicas):
                return replicas
            workload = await _workload(reader, service) or workload
    raise ClusterError(
        f"the replicas of {service.name} change again and again",
        "wait for the autoscaler, and run it again",
    )


async def _workload(reader: Cluster, service: ResolvedService) -> Object | None:
    """The Deployment or the LeaderWorkerSet of a service; None if it does not exist yet."""
    if service.group:
        workloads = await reader.leader_worker_sets()
    else:
        workloads = await reader.deployments()
    for workload in workloads:
        if name_of(workload) == service.workload:
            return workload
    return None


def _replicas(workload: Object) -> int:
    return int(workload["spec"].get("replicas", 1))


def _is_ours(workload: Object) -> bool:
    """Whether the program is the only owner of the replicas."""
    holders = [
        entry.get("manager")
        for entry in workload["metadata"].get("managedFields") or []
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]
    return holders == [_OUR_NAME]
