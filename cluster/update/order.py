"""The order in which services are updated, so that no service loses its NPUs to a smaller one.

A service that deletes first relies on the NPUs that its old pods free. Smaller services that are updated at the same
time could take these NPUs; if their own old pods are still draining, they must (seen with the real Volcano).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cluster.api.reader import Reader
from cluster.diagnosis.rollouts import WAITING
from cluster.pods import any_terminating, node_of
from cluster.service import (
    WatchedService,
    is_observed,
    state_of,
    take_snapshot,
)
from cluster.snapshot import Snapshot, replicas_of, status_of
from cluster.update.wait import patiently
from models.finding import Finding
from models.service.resolved import ResolvedService

POLL = 1.0
"""Seconds between two snapshots."""

HOPELESS = 5.0
"""Seconds to wait for pods that lack free NPUs while no pod is terminating."""


def batches(services: Sequence[ResolvedService]) -> list[list[ResolvedService]]:
    """The services in groups, in the order of their updates.

    Services that delete first come before the others, the largest first. The smallest ones come last in any case.
    """
    smallest = min((service.npus for service in services), default=0)
    early = []
    late = []
    for service in services:
        deletes_first = service.replicas > 0 and service.surge == 0
        if deletes_first and service.npus > smallest:
            early.append(service)
        else:
            late.append(service)

    sizes = sorted({service.npus for service in early}, reverse=True)
    groups = [[service for service in early if service.npus == size] for size in sizes]
    if late:
        groups.append(late)
    return groups


async def wait_until_placed(
    reader: Reader, services: Sequence[WatchedService], timeout: float
) -> None:
    """Return when all pods of the services have a node, and no pod of an older template holds one.

    Also return when waiting is useless: when the pods lack NPUs and no pod is terminating, when a service fails for
    another reason (the later wait for all services reports it), and after the timeout.

    Args:
        reader: The cluster.
        services: The services.
        timeout: Longest wait in seconds.

    Raises:
        ClusterError: The API server has not answered for two minutes, or refuses access.
    """
    blocked = 0.0
    for _ in range(int(timeout / POLL)):
        snapshot = await patiently(lambda: take_snapshot(reader, services, wide=True))
        if all(is_placed(service, snapshot) for service in services):
            return
        findings = _findings(services, snapshot)
        if any(_is_failure(finding) for finding in findings):
            return
        lacks_npus = any(finding.rule in WAITING for finding in findings)
        if lacks_npus and not any_terminating((*snapshot.pods, *snapshot.holders)):
            blocked += POLL
        else:
            blocked = 0.0
        if blocked >= HOPELESS:
            return
        await asyncio.sleep(POLL)


def _findings(services: Sequence[WatchedService], snapshot: Snapshot) -> list[Finding]:
    """The reasons why services are not ready."""
    states = [state_of(service, snapshot) for service in services]
    return [state.finding for state in states if state.finding]


def _is_failure(finding: Finding) -> bool:
    """Whether a service fails for another reason than missing NPUs."""
    return finding.severity == "error" and finding.rule not in WAITING


def is_placed(service: WatchedService, snapshot: Snapshot) -> bool:
    """Whether all replicas of a service have the current template and a node, ready or not."""
    owner = snapshot.deployment(service.name)
    if service.nodes > 1:
        owner = snapshot.leader_worker_set(service.name)
    if owner is None or not is_observed(owner):
        return False
    status = status_of(owner)
    replicas = replicas_of(owner)
    updated = status.get("updatedReplicas") or 0
    existing = status.get("replicas") or 0
    if updated != replicas or existing != replicas:
        return False
    pods = snapshot.pods_of(service.name)
    if service.nodes > 1 and len(pods) < replicas * service.nodes:
        return False
    return all(node_of(pod) for pod in pods)
