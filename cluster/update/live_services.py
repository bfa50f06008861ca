"""What an upgrade watches of the services in the cluster, so that a change by somebody else is seen.

Only what somebody requests counts: the replicas, the template of the pods, and which pods a Service selects. A rollout
that goes on moves the status and the generation that was observed, and is no change. An object that is being deleted
counts as deleted, although its pods may still complete their requests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.api.errors import ClusterError
from cluster.api.reader import Cluster
from cluster.snapshot import (
    Object,
    instance_of,
    is_terminating,
    name_of,
    replicas_of,
)


@dataclass(frozen=True)
class LiveServices:
    """The services of a namespace as their objects request them."""

    replicas: Mapping[str, int]
    """The replicas by service, without services that have none."""
    pods: Mapping[str, str]
    """A hash of the pod template by service."""
    selectors: Mapping[str, str]
    """A hash of what the Service selects, by service."""


async def live_services(cluster: Cluster) -> LiveServices:
    """What the objects of the services request.

    Raises:
        ClusterError: The objects cannot be read.
    """
    workloads = [*await cluster.deployments()]
    try:
        workloads += await cluster.leader_worker_sets()
    except ClusterError as problem:
        if not problem.unknown_kind:
            raise
    return services_of(workloads, await cluster.labelled("Service"))


def services_of(
    workloads: Sequence[Object], services: Sequence[Object]
) -> LiveServices:
    """What objects request.

    Args:
        workloads: The Deployments and LeaderWorkerSets.
        services: The Services.
    """
    replicas = {}
    pods = {}
    for item in workloads:
        if is_terminating(item):
            continue
        spec = item["spec"]
        name = instance_of(item)
        pods[name] = _hash(spec.get("template") or spec.get("leaderWorkerTemplate"))
        if replicas_of(item):
            replicas[name] = replicas_of(item)
    selected: dict[str, dict[str, Any]] = {}
    for item in services:
        if not is_terminating(item):
            selector = item["spec"].get("selector")
            selected.setdefault(instance_of(item), {})[name_of(item)] = selector
    selectors = {name: _hash(found) for name, found in selected.items()}
    return LiveServices(replicas, pods, selectors)


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
