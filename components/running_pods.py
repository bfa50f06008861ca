"""The pods of a stack that run before an update: who has them, and whether they leave the update its NPUs."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.api.errors import ClusterError
from cluster.api.reader import connected
from cluster.pods import npus
from cluster.snapshot import Object, instance_of, replicas_of
from cluster.update.pod_changes import restarts_pods
from models.manifests.workload import serving_template
from models.report import finding_text
from models.rules.resources.capacity import updates_that_would_hang
from models.rules.resources.replaced_workloads import (
    RunningPods,
    replacements_that_would_hang,
)
from models.service.resolved import ResolvedStack


async def running_workloads(stack: ResolvedStack) -> list[Object]:
    """The Deployments and LeaderWorkerSets of the namespace that have pods.

    Raises:
        ClusterError: They cannot be read.
    """
    cluster = stack.cluster
    async with connected(cluster.context, cluster.namespace.name) as reader:
        found = [*await reader.deployments()]
        try:
            found += await reader.leader_worker_sets()
        except ClusterError:
            # Without groups, the cluster may not know the kind, and the user may have no right to read it.
            if any(service.group for service in stack.services):
                raise
    return [workload for workload in found if replicas_of(workload)]


def npus_of_pods(workload: Object, resource: str) -> int:
    """The NPUs of each pod of a Deployment or a LeaderWorkerSet."""
    return npus(serving_template(workload), resource)


def nodes_of(workload: Object) -> int:
    """The nodes of each server of a Deployment or a LeaderWorkerSet."""
    group = workload["spec"].get("leaderWorkerTemplate") or {}
    return int(group.get("size") or 1)


def refusal(stack: ResolvedStack, workloads: Sequence[Object]) -> str:
    """Why an update from these workloads would hang, for each service; empty if it would not."""
    resource = stack.cluster.platform.resource
    running: dict[str, int] = {}
    pods: dict[str, RunningPods] = {}
    unchanged = set()
    for workload in workloads:
        name = instance_of(workload)
        running[name] = npus_of_pods(workload, resource)
        pods[name] = RunningPods(
            number=replicas_of(workload) * nodes_of(workload),
            npus=running[name],
            is_group=workload["kind"] == "LeaderWorkerSet",
        )
        service = stack.service(name)
        if service and not restarts_pods(workload, service):
            unchanged.add(name)
    findings = [
        *updates_that_would_hang(stack, running, unchanged),
        *replacements_that_would_hang(stack, pods),
    ]
    return "\n\n".join(finding_text(finding) for finding in findings)


async def refusal_now(stack: ResolvedStack) -> str:
    """Why an update from the pods that run now would hang; empty also if the cluster cannot be read."""
    try:
        workloads = await running_workloads(stack)
    except ClusterError:
        return ""
    return refusal(stack, workloads)
