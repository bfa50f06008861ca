"""Updates in which an object of another kind creates the pods of a service: a Deployment or a LeaderWorkerSet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from models.finding import Finding
from models.service.capacity import pack, pool_nodes
from models.service.resolved import ResolvedService, ResolvedStack
from models.words import counted


@dataclass(frozen=True)
class RunningPods:
    """The pods of a service that run before an update."""

    number: int
    npus: int
    """NPUs of each pod."""
    is_group: bool
    """Whether a LeaderWorkerSet created them."""


def replacements_that_would_hang(
    stack: ResolvedStack, running: Mapping[str, RunningPods]
) -> Iterator[Finding]:
    """Services that become a group, or are no longer one, and whose new pods have no room next to the old ones.

    Pulumi deletes the old object when the new one is ready, so both need their NPUs at the same time.

    Args:
        stack: The stack.
        running: The pods that run, by service.
    """
    pools = stack.cluster.pools
    if not pools:
        return
    wanted = [(service.name, service.npus) for service in stack.services]
    pods = []
    for service, pod in zip(stack.services, wanted, strict=True):
        pods += [pod] * service.pods
    for service in stack.services:
        before = running.get(service.name)
        if before is None or not is_replacement(service, before):
            continue
        old_pods = [(service.name, before.npus)] * before.number
        packing = pack([*pods, *old_pods], pool_nodes(pools))
        if packing.homeless:
            yield _stuck(service, before)


def is_replacement(service: ResolvedService, before: RunningPods) -> bool:
    """Whether an object of another kind creates the pods of a service, which then run next to the old ones."""
    is_group = service.group is not None
    return before.number > 0 and service.replicas > 0 and before.is_group != is_group


def _stuck(service: ResolvedService, before: RunningPods) -> Finding:
    old_kind, new_kind = "LeaderWorkerSet", "Deployment"
    if service.group:
        old_kind, new_kind = new_kind, old_kind
    key = f"services.{service.name}.replicas"
    return Finding(
        rule="rollout-would-hang",
        severity="error",
        message=f"{service.name}: a {new_kind} replaces its {old_kind}, but there is no room for"
        f" {counted(service.pods, 'new pod')} with {counted(service.npus, 'NPU')} while"
        f" {counted(before.number, 'old pod')} with {counted(before.npus, 'NPU')} run",
        why="Pulumi deletes the old object when the new one is ready, so both need their NPUs at the same time",
        fix=f"write {key}: 0, run pulumi up, and write {key}: {service.replicas} again",
    )
