"""The line of a preview that says that the same update has less downtime in steps. The update stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pulumi

from cluster.errors import ClusterError
from cluster.pod_changes import restarts_pods
from cluster.pods import npus
from cluster.reader import connected
from cluster.snapshot import Object, instance_of, replicas_of
from models.service.deadlines import downtime
from models.service.resolved import ResolvedService, ResolvedStack
from models.words import counted
from plan.stacks import packed
from review.changes import ServiceChange, StackChange
from review.stepwise import saving, stepwise

LONGEST_READ = 3.0
"""Seconds after which a preview goes on without the line."""

_MOST_CHANGING = 12
"""Services with pods that start or end, up to which a preview plans the update. Others hardly cost time."""

_MOST_STEPS = 150
"""Steps of a plan that are tried. They take less than a tenth of a second."""


@dataclass(frozen=True)
class _Update:
    """An update of what runs, and its plan in one line."""

    old: ResolvedStack
    new: ResolvedStack
    change: StackChange

    def line(self) -> str:
        """The saved downtime; empty if a plan saves none."""
        if not self.change.down:
            return ""
        command = f"ascend-vllm plan {self.new.name} --live"
        if self._changing() > _MOST_CHANGING:
            down = counted(len(self.change.down), "service")
            return (
                f"{down} will not answer for some time; "
                f"to see whether steps have less downtime, run {command}"
            )
        placed = packed(self.old, self.new)
        if placed.unplaced:
            return ""
        planned = stepwise(
            self.old, self.new, self.change, placed, most_steps=_MOST_STEPS
        )
        return saving(planned, command)

    def _changing(self) -> int:
        """The services with pods that start or end."""
        before = {service.name: service.replicas for service in self.old.services}
        after = {service.name: service.replicas for service in self.new.services}
        names = {service.name for service in self.change.restarting}
        for name in before.keys() | after.keys():
            if before.get(name) != after.get(name):
                names.add(name)
        return len(names)


async def show_less_downtime(stack: ResolvedStack) -> None:
    """Show in a preview that the same update has less downtime in steps, if it has.

    The pods that run are packed as tightly as possible onto the nodes of the pools, as in `diff`. A cluster that cannot
    be read is no reason to end a preview.
    """
    may_be_down = any(downtime(service) for service in stack.services)
    if not may_be_down or not stack.cluster.pools:
        return
    # The provider works meanwhile; reading and planning in this thread would delay its answers.
    with ThreadPoolExecutor(1) as thread:
        loop = asyncio.get_running_loop()
        line = await loop.run_in_executor(thread, _line_in_thread, stack)
    if line:
        pulumi.log.warn(line)


def _line_in_thread(stack: ResolvedStack) -> str:
    return asyncio.run(_line(stack))


async def _line(stack: ResolvedStack) -> str:
    try:
        async with asyncio.timeout(LONGEST_READ):
            workloads = await _workloads(stack)
    except (ClusterError, TimeoutError):
        return ""
    return _update(stack, workloads).line()


async def _workloads(stack: ResolvedStack) -> list[Object]:
    """The Deployments and LeaderWorkerSets of the namespace that have pods.

    Raises:
        ClusterError: They cannot be read.
    """
    cluster = stack.cluster
    async with connected(cluster.context, cluster.namespace.name) as reader:
        found = [*await reader.deployments()]
        if any(service.group for service in stack.services):
            found += await reader.leader_worker_sets()
    return [item for item in found if replicas_of(item)]


def _update(stack: ResolvedStack, workloads: Sequence[Object]) -> _Update:
    """The update from the pods of a namespace to a stack."""
    by_name: dict[str, Object] = {}
    for workload in workloads:
        by_name[instance_of(workload)] = workload
    old = []
    new = []
    changes = []
    for wanted in stack.services:
        if wanted.name not in by_name:
            new.append(wanted)
            continue
        workload = by_name.pop(wanted.name)
        running = _running(wanted, workload)
        if wanted.external:
            # An update leaves the replicas that an autoscaler set.
            wanted = replace(wanted, replicas=running.replicas)  # noqa: PLW2901
        old.append(running)
        new.append(wanted)
        restarts = restarts_pods(workload, wanted)
        changes.append(ServiceChange(wanted.name, "changed", running, wanted, restarts))
    others = list(_others(stack, by_name))
    old += others
    if not stack.cluster.namespace.create:
        # Another stack may own them, so their pods keep their NPUs.
        new += others
    return _Update(
        old=replace(stack, services=tuple(old)),
        new=replace(stack, services=tuple(new)),
        change=StackChange(
            old=stack.name,
            new=stack.name,
            cluster=(),
            services=tuple(changes),
            pools=(),
            npus=(0, 0),
        ),
    )


def _running(wanted: ResolvedService, workload: Object) -> ResolvedService:
    """A service with the replicas and NPUs of its pods that run."""
    spec = workload["spec"]
    group = spec.get("leaderWorkerTemplate") or {}
    template = group.get("leaderTemplate") or spec["template"]
    return replace(
        wanted,
        replicas=replicas_of(workload),
        npus=npus(template, wanted.cluster.platform.resource),
        nodes=int(group.get("size") or 1),
    )


def _others(
    stack: ResolvedStack, workloads: Mapping[str, Object]
) -> Iterator[ResolvedService]:
    """The services that run and are not in the stack. No step scales them."""
    for name, workload in workloads.items():
        running = _running(stack.services[0], workload)
        yield replace(running, name=name, external=True, priority=0)
