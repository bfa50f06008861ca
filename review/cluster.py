"""What differs between the clusters of two stacks: context, namespace, platform, pools and queues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.alias_generators import to_camel

from models.catalog.platforms import Platform
from models.record import quantity_text
from models.service.claims import claimants, requested_claims
from models.service.resolved import Cluster, ResolvedStack
from models.stack_file.storage import ClaimRequest
from review.leaves import differing, leaves
from review.origins import field_source
from review.record import NOT_GIVEN, Detail


def cluster_details(old: ResolvedStack, new: ResolvedStack) -> Iterator[Detail]:
    """Every value of the clusters that differs, under its key of the stack file."""
    for path, before, after in differing(leaves(_values(old.cluster)), leaves(_values(new.cluster))):
        yield Detail(path.partition(".")[0], path, before, after, cluster_source(new, path, gone=after is None), False)


def claim_details(old: ResolvedStack, new: ResolvedStack) -> Iterator[Detail]:
    """The claims that come, or are made otherwise; one that is wanted no more stays in the cluster."""
    before, after = requested_claims(old.services), requested_claims(new.services)
    for name in dict.fromkeys([*before, *after]):
        first, second = (_storage(claims[name]) if name in claims else None for claims in (before, after))
        if first != second:
            wanted = claimants(new.services).get(name)
            because = field_source(new, wanted, "model.source") if wanted else "it stays in the cluster"
            yield Detail("claims", f"claim {name}", first, second, because, restarts=False)


def _storage(claim: ClaimRequest) -> str:
    of_class = f", class {claim.storage_class}" if claim.storage_class else ""
    return quantity_text(claim.size) + of_class


def cluster_deletions(old: Cluster, new: Cluster) -> Iterator[str]:
    """The objects beside services that the stack made and makes no more."""
    namespace, kept = old.namespace, new.namespace
    if namespace.create and not (kept.create and kept.name == namespace.name and old.context == new.context):
        yield f"namespace {namespace.name} with all that is in it"
    for name, queue in old.queues.items():
        if queue.create and not (name in new.queues and new.queues[name].create):
            yield f"queue {name}"


def _values(cluster: Cluster) -> dict[str, Any]:
    values: dict[str, Any] = {
        "context": cluster.context,
        "namespace": cluster.namespace.model_dump(),
        "platform": _platform(cluster.platform),
        "pools": {
            name: {
                "nodes": pool.nodes,
                "npusPerNode": pool.npus_per_node,
                "npuMemory": quantity_text(pool.npu_memory),
                **({"nodeMemory": quantity_text(pool.node_memory)} if pool.node_memory else {}),
            }
            for name, pool in cluster.pools.items()
        },
        "queues": {name: queue.model_dump(by_alias=True, exclude_none=True) for name, queue in cluster.queues.items()},
    }
    return {key: value for key, value in values.items() if value != {}}


def _platform(platform: Platform) -> dict[str, Any]:
    mounts = {
        to_camel(name): {"hostPath": mount.host_path, "mountPath": mount.mount_path}
        for name, mount in platform.mounts.items()
    }
    return {
        "kind": platform.kind,
        "resource": platform.resource,
        "nodeSelector": ", ".join(f"{key}={value}" for key, value in platform.node_selector.items()),
        "npuCounts": ", ".join(map(str, platform.npu_counts)),
        "initFile": platform.init_file,
        **mounts,
    }


def cluster_source(stack: ResolvedStack, path: str, *, gone: bool = False) -> str:
    """The place of a value below `cluster`, or of the nearest mapping that holds it."""
    keys = ("cluster", *path.split("."))
    while len(keys) > 1:
        if span := stack.spans.get(keys):
            return f"{span.file}:{span.line}"
        if gone:
            return NOT_GIVEN
        keys = keys[:-1]
    return "default"
