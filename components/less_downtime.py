"""A line of the preview: the same update would have less downtime in steps. The update itself does not change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cluster.snapshot import Object, instance_of, replicas_of
from cluster.update.pod_changes import restarts_pods
from components.running_pods import nodes_of, npus_of_pods
from models.service.deadlines import downtime
from models.service.resolved import ResolvedService, ResolvedStack
from models.words import counted
from plan.stacks import packed
from review.changes import ServiceChange, StackChange
from review.stepwise import saving, stepwise

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


def less_downtime(stack: ResolvedStack, workloads: Sequence[Object]) -> str:
    """That the same update has less downtime in steps; empty if it has not.

    The pods that run are packed as tightly as possible onto the nodes of the pools, as in `diff`.

    Args:
        stack: The stack, with pools.
        workloads: The Deployments and LeaderWorkerSets that have pods.
    """
    if not any(downtime(service) for service in stack.services):
        return ""
    return _update(stack, workloads).line()


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
    return replace(
        wanted,
        replicas=replicas_of(workload),
        npus=npus_of_pods(workload, wanted.cluster.platform.resource),
        nodes=nodes_of(workload),
    )


def _others(
    stack: ResolvedStack, workloads: Mapping[str, Object]
) -> Iterator[ResolvedService]:
    """The services that run and are not in the stack. No step scales them."""
    for name, workload in workloads.items():
        running = _running(stack.services[0], workload)
        yield replace(running, name=name, external=True, priority=0)
