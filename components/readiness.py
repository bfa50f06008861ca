"""The end of an update: the services answer, or the update fails and says why they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment

from models.budget import update_timeout
from models.resolve import Cluster, ResolvedStack
from operations import quick
from operations.cluster import connected
from operations.errors import ClusterError
from operations.service import Wanted, is_settled
from operations.wait import Awaited, NotReadyError, wait_until_ready


def await_ready(stack: ResolvedStack, made: Mapping[str, Deployment]) -> None:
    """Let an update end when all services are ready, and fail as soon as one has definitely failed.

    The program waits instead of Pulumi's provider, which would end on its timeout only, say no log lines, and go on
    while the program fails. It waits in every update, also in one without a change: what was not ready is asked for
    again. What the update would delete, as the launch maps of before, stays until then, and after a failure.

    Args:
        stack: The stack.
        made: The Deployment of each service. Without a uid, as in a test, it is in no cluster, and there is no wait.
    """
    if not pulumi.runtime.is_dry_run():
        pulumi.run(lambda: _wait(stack, made))


def _are_settled(cluster: Cluster, services: Sequence[Awaited]) -> bool:
    """Whether a first look finds every service as asked for, as it does where nothing was changed."""
    listed = quick.deployments(cluster.context, cluster.namespace.name)
    there = {found["metadata"]["name"]: found for found in listed or ()}
    return all(is_settled(there.get(awaited.wanted.name)) for awaited in services)


async def _wait(stack: ResolvedStack, made: Mapping[str, Deployment]) -> None:
    real = [name for name, deployment in made.items() if await deployment.metadata.uid.future()]
    cluster = stack.cluster
    awaited = [
        Awaited(Wanted(service.name, cluster.platform.resource, service.startup), update_timeout(service))
        for service in stack.services
        if service.name in real
    ]
    if not awaited or await asyncio.to_thread(_are_settled, cluster, awaited):
        return
    try:
        async with connected(cluster.context, cluster.namespace.name) as reader:
            await wait_until_ready(
                reader, awaited, lambda name, line: pulumi.log.info(line, resource=made[name], ephemeral=True)
            )
    except NotReadyError as failed:
        raise pulumi.RunError(str(failed)) from None
    except ClusterError as failed:
        raise pulumi.RunError(
            f"nobody knows whether the services are ready: {failed.message}\nfix: {failed.fix}"
        ) from None
