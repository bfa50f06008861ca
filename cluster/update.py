"""An update that goes on in the cluster: what stops it beforehand, and its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cluster.errors import ClusterError
from cluster.external import hand_over_replicas
from cluster.pods import npus
from cluster.reader import connected
from cluster.service import Wanted
from cluster.smoke_job import NotProvedError, wait_until_proved
from cluster.snapshot import name_of
from cluster.update_order import wait_until_placed
from cluster.wait import Awaited, NotReadyError, wait_until_ready
from models.report import finding_text
from models.rules.capacity import updates_that_would_hang
from models.service.deadlines import update_timeout
from models.service.resolved import ResolvedStack


class UpdateError(Exception):
    """The update must not begin, or its services do not get ready or answer: why, in words for a terminal."""


async def refuse_what_would_hang(stack: ResolvedStack) -> None:
    """Look at what runs before anything is changed; a cluster that this cannot read is no reason to stop.

    Raises:
        UpdateError: Running pods leave an update no room.
    """
    cluster = stack.cluster
    try:
        async with connected(cluster.context, cluster.namespace.name) as reader:
            deployments = await reader.deployments()
    except ClusterError:
        return
    running = {
        name_of(deployment): npus(deployment["spec"]["template"], cluster.platform.resource)
        for deployment in deployments
        if deployment["spec"].get("replicas")
    }
    if found := [*updates_that_would_hang(stack, running)]:
        raise UpdateError("\n\n".join(map(finding_text, found)))


async def as_scaled(stack: ResolvedStack) -> ResolvedStack:
    """The stack with as many pods as its autoscalers gave to its services, whose number the update leaves to them.

    Raises:
        UpdateError: Nobody knows how many there are; an update would end all but one.
    """
    try:
        there = await hand_over_replicas(stack)
    except ClusterError as failed:
        raise UpdateError(
            f"nobody knows how many pods an autoscaler set: {failed.message}\nfix: {failed.fix}"
        ) from None
    services = (replace(service, replicas=there.get(service.name, service.replicas)) for service in stack.services)
    return replace(stack, services=tuple(services))


async def settle(stack: ResolvedStack, names: Sequence[str], say: Callable[[str, str], None]) -> list[str]:
    """Wait until the services that were registered are ready; while others are not yet, until they have their place.

    Args:
        stack: The stack.
        names: The services that are registered.
        say: Told the name of a service and how far it is.

    Returns:
        What is to be warned of.

    Raises:
        UpdateError: A service has definitely failed, or nobody knows.
    """
    context, namespace = stack.cluster.context, stack.cluster.namespace.name
    awaited = [
        Awaited(Wanted(service.name, stack.cluster.platform.resource, service.startup), update_timeout(service))
        for service in stack.services
        if service.name in names
    ]
    try:
        async with connected(context, namespace) as reader:
            if len(names) == len(stack.services):
                return [*await wait_until_ready(reader, awaited, say)]
            await wait_until_placed(reader, [one.wanted for one in awaited], max(one.timeout for one in awaited))
            return []
    except NotReadyError as failed:
        raise UpdateError(str(failed)) from None
    except ClusterError as failed:
        raise UpdateError(f"nobody knows whether the services are ready: {failed.message}\nfix: {failed.fix}") from None


async def prove(stack: ResolvedStack, jobs: Mapping[str, str], say: Callable[[str, str], None]) -> None:
    """Wait until the Jobs that ask the services whether they answer have succeeded.

    Args:
        stack: The stack.
        jobs: The name of each Job, by its service's; without one nobody is asked anything.
        say: Told the name of a service and what its Job waits for.

    Raises:
        UpdateError: A service does not answer as it should, or nobody knows.
    """
    context, namespace = stack.cluster.context, stack.cluster.namespace.name
    asked = {
        jobs[service.name]: Wanted(service.name, stack.cluster.platform.resource, service.startup)
        for service in stack.services
        if service.name in jobs
    }
    if not asked:
        return
    try:
        async with connected(context, namespace) as reader:
            await wait_until_proved(reader, asked, say)
    except NotProvedError as failed:
        raise UpdateError(str(failed)) from None
    except ClusterError as failed:
        raise UpdateError(f"nobody knows whether the services answer: {failed.message}\nfix: {failed.fix}") from None
