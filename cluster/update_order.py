"""In which order services are updated, so that none loses its place to a smaller one.

A service that deletes first counts on the NPUs that it leaves. Small services that are updated at the same time would
be given them, and where their own old pods still answer their last requests, they have to be: seen with the real
Volcano.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cluster.pods import node_of
from cluster.reader import Reader
from cluster.rollouts import WAITING
from cluster.service import Wanted, state_of
from cluster.snapshot import Seen
from models.service.resolved import ResolvedService

POLL = 1.0
"""Seconds between two looks."""

HOPELESS = 5.0
"""Seconds after which pods that no NPUs are free for are not waited for, when nobody is about to leave."""


def turns(services: Sequence[ResolvedService]) -> list[list[ResolvedService]]:
    """The services in the order of their updates: what deletes first, the largest first, before the smaller ones."""
    smallest = min((service.npus for service in services), default=0)
    first = [one for one in services if not one.surge and one.replicas and one.npus > smallest]
    sizes = sorted({service.npus for service in first}, reverse=True)
    groups = [[service for service in first if service.npus == size] for size in sizes]
    return [group for group in (*groups, [service for service in services if service not in first]) if group]


async def wait_until_placed(reader: Reader, services: Sequence[Wanted], timeout: float) -> None:
    """Return when all pods of the services have a node, and none of an older template holds one.

    It returns too when they cannot have one now, with nobody about to leave, when a service fails for another reason,
    which the wait for all of them tells, and after the time.

    Args:
        reader: The cluster.
        services: The services.
        timeout: Seconds that it waits at most.

    Raises:
        ClusterError: The cluster cannot be read.
    """
    blocked = 0.0
    for _ in range(int(timeout / POLL)):
        seen = await reader.look(wide=True)
        if all(is_placed(service.name, seen) for service in services):
            return
        leaving = any(pod["metadata"].get("deletionTimestamp") for pod in (*seen.pods, *seen.holders))
        findings = [state.finding for service in services if (state := state_of(service, seen)).finding]
        if any(found.severity == "error" and found.rule not in WAITING for found in findings if found):
            return
        waiting = [found for found in findings if found and found.rule in WAITING]
        blocked = blocked + POLL if waiting and not leaving else 0.0
        if blocked >= HOPELESS:
            return
        await asyncio.sleep(POLL)


def is_placed(service: str, seen: Seen) -> bool:
    """Whether all replicas of a service are of its current template and have a node, ready or not."""
    deployment = seen.deployment(service)
    if deployment is None:
        return False
    status, wanted = deployment.get("status") or {}, int(deployment["spec"].get("replicas") or 0)
    if int(status.get("observedGeneration") or 0) < int(deployment["metadata"].get("generation") or 0):
        return False
    updated = (status.get("updatedReplicas") or 0, status.get("replicas") or 0) == (wanted, wanted)
    return updated and all(node_of(pod) for pod in seen.pods_of(service))
