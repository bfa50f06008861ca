"""Differences between the clusters of two stacks: context, namespace, platform, pools, queues and claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.alias_generators import to_camel

from models.catalog.platforms import Platform
from models.record import quantity_text
from models.service.claims import claimants, requested_claims
from models.service.resolved import Cluster, ResolvedStack
from models.stack_file.keys.cluster import Pool
from models.stack_file.keys.storage import ClaimRequest
from review.changes import NO_LONGER_SET, Detail
from review.leaves import differing, leaves
from review.origins import field_source, place


def cluster_details(old: ResolvedStack, new: ResolvedStack) -> Iterator[Detail]:
    """One detail for each value of the clusters that differs, named by its key of the stack file."""
    old_values = leaves(_values(old.cluster))
    new_values = leaves(_values(new.cluster))
    for path, before, after in differing(old_values, new_values):
        yield Detail(
            part=path.partition(".")[0],
            name=path,
            old=before,
            new=after,
            because=cluster_source(new, path, gone=after is None),
            restarts=False,
        )


def cluster_source(stack: ResolvedStack, path: str, *, gone: bool = False) -> str:
    """File and line of a value below `cluster`, or of the nearest mapping that contains it."""
    keys = ["cluster", *path.split(".")]
    while len(keys) > 1:
        source = place(stack, tuple(keys))
        if source:
            return source
        if gone:
            return NO_LONGER_SET
        keys.pop()
    return "default"


def claim_details(old: ResolvedStack, new: ResolvedStack) -> Iterator[Detail]:
    """One detail for each claim that is added or changed, and for each that the stack no longer creates.

    `pulumi up` does not delete claims.
    """
    old_claims = requested_claims(old.services)
    new_claims = requested_claims(new.services)
    services = claimants(new.services)
    for name in dict.fromkeys([*old_claims, *new_claims]):
        before = _storage(old_claims.get(name))
        after = _storage(new_claims.get(name))
        if before == after:
            continue
        because = "the claim stays in the cluster"
        if name in services:
            because = field_source(new, services[name], "model.source")
        yield Detail(
            part="claims",
            name=f"claim {name}",
            old=before,
            new=after,
            because=because,
            restarts=False,
        )


def _storage(claim: ClaimRequest | None) -> str | None:
    if claim is None:
        return None
    size = quantity_text(claim.size)
    if claim.storage_class:
        return f"{size}, class {claim.storage_class}"
    return size


def cluster_deletions(old: Cluster, new: Cluster) -> Iterator[str]:
    """The namespace and the queues that an update deletes because the stack no longer creates them."""
    if old.namespace.create and not _keeps_namespace(old, new):
        yield f"namespace {old.namespace.name} and everything in it"
    for name, queue in old.queues.items():
        if queue.create and not _creates_queue(new, name):
            yield f"queue {name}"


def _keeps_namespace(old: Cluster, new: Cluster) -> bool:
    is_same = old.context == new.context and old.namespace.name == new.namespace.name
    return new.namespace.create and is_same


def _creates_queue(cluster: Cluster, name: str) -> bool:
    return name in cluster.queues and cluster.queues[name].create


def _values(cluster: Cluster) -> dict[str, Any]:
    """The values of a cluster by their keys of the stack file."""
    pools = {name: _pool_values(pool) for name, pool in cluster.pools.items()}
    queues = {
        name: queue.model_dump(by_alias=True, exclude_none=True)
        for name, queue in cluster.queues.items()
    }
    values: dict[str, Any] = {
        "context": cluster.context,
        "namespace": cluster.namespace.model_dump(),
        "platform": _platform_values(cluster.platform),
        "pools": pools,
        "queues": queues,
    }
    return {key: value for key, value in values.items() if value != {}}


def _pool_values(pool: Pool) -> dict[str, Any]:
    values = {
        "nodes": pool.nodes,
        "npusPerNode": pool.npus_per_node,
        "npuMemory": quantity_text(pool.npu_memory),
    }
    if pool.node_memory:
        values["nodeMemory"] = quantity_text(pool.node_memory)
    if pool.soc:
        values["soc"] = pool.soc
    return values


def _platform_values(platform: Platform) -> dict[str, Any]:
    labels = [f"{key}={value}" for key, value in platform.node_selector.items()]
    counts = [str(count) for count in platform.npu_counts]
    values: dict[str, Any] = {
        "kind": platform.kind,
        "resource": platform.resource,
        "nodeSelector": ", ".join(labels),
        "npuCounts": ", ".join(counts),
        "initFile": platform.init_file or "of the release",
    }
    for name, mount in platform.mounts.items():
        values[to_camel(name)] = {
            "hostPath": mount.host_path,
            "mountPath": mount.mount_path,
        }
    return values
