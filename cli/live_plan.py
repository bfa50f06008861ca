"""What `plan --live` reads: the services that run, their nodes, and the NPUs that others leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cli.comparison.refusals import refuse_taken_name
from cli.errors import CommandError, ExitCode
from cli.live import report_unread, run
from cli.objects import read_objects
from cluster.api.reader import connected
from cluster.npus.placed_pods import RunningService, free_nodes, running_services
from cluster.snapshot import Snapshot
from models.service.resolved import ResolvedStack
from models.service.rollout import Demand
from models.stack_file.keys.update import UpdateByComparison
from models.words import listed
from plan.stacks import Placed
from plan.transition import Node, PlannedService, Replica, Version
from review.changes import StackChange
from review.live import compare_live
from review.live_names import renamed_services
from review.stepwise import Stepwise, stepwise


def planned_live(stack: ResolvedStack) -> Stepwise:
    """The plan from what runs in the cluster to a stack.

    Raises:
        CommandError: The cluster cannot be read, or a service is just being updated.
    """
    objects = read_objects(stack)
    cluster = stack.cluster
    snapshot = run(_read(cluster.context, cluster.namespace.name), cluster.context)
    report_unread({**objects.unread, **snapshot.unread})
    _refuse_without_nodes(snapshot)
    running = [
        service
        for service in running_services(stack, snapshot)
        if service.name not in objects.live.elsewhere
    ]
    _refuse_unsettled(running)
    change, deployed = compare_live(stack, objects.live, objects.wanted)
    change = replace(change, renamed=tuple(renamed_services(change, objects.live)))
    _refuse_taken_names(change, running)
    return stepwise(deployed, stack, change, _placed(stack, snapshot, running))


async def _read(context: str, namespace: str) -> Snapshot:
    async with connected(context, namespace) as reader:
        return await reader.look(wide=True)


def _refuse_without_nodes(snapshot: Snapshot) -> None:
    for kind in ("nodes", "pods"):
        if kind in snapshot.unread:
            raise CommandError(
                f"the {kind} of the cluster cannot be read: {snapshot.unread[kind]}",
                "request a role that may list nodes and the pods of all namespaces, or use --from",
                ExitCode.COULD_NOT_RUN,
            )


def _refuse_unsettled(services: Sequence[RunningService]) -> None:
    unsettled = [service.name for service in services if not service.is_settled]
    if unsettled:
        raise CommandError(
            f"not all pods have a node, or old pods still run: {listed(unsettled)}",
            "wait until the update has ended; see ascend-vllm status",
            ExitCode.COULD_NOT_RUN,
        )


def _refuse_taken_names(change: StackChange, running: Sequence[RunningService]) -> None:
    names = [service.name for service in running]
    for service in change.restarting:
        if service.new and isinstance(service.new.update, UpdateByComparison):
            refuse_taken_name(service.new, names)


def _placed(
    stack: ResolvedStack, snapshot: Snapshot, running: Sequence[RunningService]
) -> Placed:
    names = [service.name for service in running]
    nodes = free_nodes(stack, snapshot, names)
    positions = {node.name: position for position, node in enumerate(nodes)}
    services: dict[str, tuple[Replica, ...]] = {}
    for service in running:
        services[service.name] = tuple(
            tuple(positions[node] for node in replica) for replica in service.placed
        )
    return Placed(
        nodes=tuple(Node(node.name, node.npus) for node in nodes),
        services=services,
        removed=tuple(_removed(stack, running)),
    )


def _removed(
    stack: ResolvedStack, running: Sequence[RunningService]
) -> Iterator[PlannedService]:
    """The services that run and are not in the stack."""
    for service in running:
        if stack.service(service.name):
            continue
        demand = Demand(
            service=service.name,
            replicas=service.replicas,
            npus=service.npus,
            min_member=1,
            queue="default",
            startup=0,
            rollout=None,
            nodes=service.nodes,
        )
        old = Version(demand, service.grace_period)
        yield PlannedService(service.name, old, new=None, restarts=True)
