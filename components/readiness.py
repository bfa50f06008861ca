"""The end of an update: the services answer, or the update fails and says why they do not."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment

from components.inference_deployment import InferenceDeployment
from models.budget import update_timeout
from models.resolve import ResolvedService, ResolvedStack
from operations.cluster import connected
from operations.errors import ClusterError
from operations.quick import are_soon_settled
from operations.service import Wanted
from operations.turns import turns, wait_until_placed
from operations.wait import Awaited, NotReadyError, wait_until_ready


def deploy(stack: ResolvedStack, make: Callable[[ResolvedService], InferenceDeployment]) -> None:
    """Register the services of a stack, and let an update end when all are ready or one has definitely failed.

    The program waits instead of Pulumi's provider, which would end on its timeout only, say no log lines, and go on
    while the program fails. It waits in every update, also in one without a change: what was not ready is asked for
    again. What the update would delete, as the launch maps of before, stays until then, and after a failure. What
    deletes first has its new place before smaller services are updated, which would be given it.

    Args:
        stack: The stack.
        make: Registers a service. A Deployment without a uid, as in a test, is in no cluster, and there is no wait.
    """
    pulumi.run(lambda: _deploy(stack, make))


async def _deploy(stack: ResolvedStack, make: Callable[[ResolvedService], InferenceDeployment]) -> None:
    made: dict[str, Deployment] = {}
    preview = pulumi.runtime.is_dry_run()
    groups = [stack.services] if preview else turns(stack.services)
    for group in groups:
        made |= {service.name: make(service).deployment for service in group}
        if group is not groups[-1]:
            await _settle(stack, made, placed_only=True)
    if not preview:
        await _settle(stack, made)


async def _settle(stack: ResolvedStack, made: Mapping[str, Deployment], *, placed_only: bool = False) -> None:
    real = [name for name, deployment in made.items() if await deployment.metadata.uid.future()]
    cluster = stack.cluster
    awaited = [
        Awaited(Wanted(service.name, cluster.platform.resource, service.startup), update_timeout(service))
        for service in stack.services
        if service.name in real
    ]
    if real:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine cancels the update; Python would say a traceback
    if not awaited or await are_soon_settled(cluster.context, cluster.namespace.name, real):
        return None
    try:
        async with connected(cluster.context, cluster.namespace.name) as reader:
            if placed_only:
                longest = max(one.timeout for one in awaited)
                return await wait_until_placed(reader, [one.wanted for one in awaited], longest)
            behind = await wait_until_ready(
                reader, awaited, lambda name, line: pulumi.log.info(line, resource=made[name], ephemeral=True)
            )
        for line in behind:
            pulumi.log.warn(line)
    except NotReadyError as failed:
        raise pulumi.RunError(str(failed)) from None
    except ClusterError as failed:
        raise pulumi.RunError(
            f"nobody knows whether the services are ready: {failed.message}\nfix: {failed.fix}"
        ) from None
