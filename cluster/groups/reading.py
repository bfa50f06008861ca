"""Reads LeaderWorkerSets, only for stacks with services over several nodes: a cluster may not know the kind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Protocol

from cluster.api.errors import ClusterError
from cluster.api.paths import LEADER_WORKER_SETS
from cluster.groups.progress import is_settled
from cluster.snapshot import Object, Snapshot, instance_of


class Reader(Protocol):
    """The reads of groups."""

    async def leader_worker_sets(self) -> Sequence[Object]:
        """The LeaderWorkerSets of the services over several nodes, in one call."""

    async def service_pods(self) -> Sequence[Object]:
        """The pods of the services, in one call."""


async def settled_services(reader: Reader, services: Collection[str]) -> set[str]:
    """Those of the services whose groups all have the current template and are ready.

    Raises:
        ClusterError: The cluster cannot be read.
    """
    try:
        group_sets = await reader.leader_worker_sets()
    except ClusterError as problem:
        if not problem.unknown_kind:
            raise
        return set()
    pods = await reader.service_pods()
    settled = set()
    for group_set in group_sets:
        service = instance_of(group_set)
        members = [pod for pod in pods if instance_of(pod) == service]
        if service in services and is_settled(group_set, members):
            settled.add(service)
    return settled


async def with_leader_worker_sets(reader: Reader, snapshot: Snapshot) -> Snapshot:
    """A snapshot with the LeaderWorkerSets, or with the reason why they could not be read.

    Raises:
        ClusterError: The cluster does not answer, or does not accept the credentials.
    """
    try:
        group_sets = await reader.leader_worker_sets()
    except ClusterError as problem:
        if problem.passing or problem.unknown_user:
            raise
        kind = LEADER_WORKER_SETS.plural
        unknown_kinds = snapshot.unknown_kinds
        if problem.unknown_kind:
            unknown_kinds |= {kind}
        unread = {**snapshot.unread, kind: problem.message}
        return replace(snapshot, unread=unread, unknown_kinds=unknown_kinds)
    return replace(snapshot, leader_worker_sets=tuple(group_sets))
