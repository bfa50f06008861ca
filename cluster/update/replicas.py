"""The replicas of services in the cluster."""

from __future__ import annotations

from cluster.api.errors import ClusterError
from cluster.api.reader import Reader
from cluster.snapshot import instance_of, replicas_of


async def live_replicas(reader: Reader) -> dict[str, int]:
    """The replicas that the object of each service requests, without services that have none.

    Raises:
        ClusterError: The objects cannot be read.
    """
    objects = [*await reader.deployments()]
    try:
        objects += await reader.leader_worker_sets()
    except ClusterError as problem:
        if not problem.unknown_kind:
            raise
    found = {}
    for item in objects:
        replicas = replicas_of(item)
        if replicas:
            found[instance_of(item)] = replicas
    return found
