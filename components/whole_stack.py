"""The services of a whole stack, in the order in which they can be updated."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from cluster.update.order import batches
from components.inference_deployment import InferenceDeployment
from components.outages import outages_reported
from components.preview import warn_of_running_pods
from components.readiness import is_in_cluster, readiness
from components.running_pods import refusal_now
from models.service.resolved import ResolvedService, ResolvedStack


def deploy(stack: ResolvedStack, opts: pulumi.ResourceOptions) -> None:
    """Register every service of a stack. Each service waits for itself; this adds the order between them.

    Services that must free NPUs before they can restart are updated first. Otherwise a smaller service could take the
    freed NPUs. An update that would hang on the NPUs in use is refused before anything changes.

    Call it once, as the last step of the program.

    Args:
        stack: The stack, checked.
        opts: Options of every service.
    """
    pulumi.run(lambda: _deploy(stack, opts))


async def _deploy(stack: ResolvedStack, opts: pulumi.ResourceOptions) -> None:
    if pulumi.runtime.is_dry_run():
        _register(stack.services, opts)
        await warn_of_running_pods(stack)
        return
    async with outages_reported(stack.cluster):
        await _refuse_update_that_would_hang(stack)
        await _register_in_batches(stack, opts)


async def _register_in_batches(
    stack: ResolvedStack, opts: pulumi.ResourceOptions
) -> None:
    """Register the services whose pods must free NPUs first, and wait for their places before the others."""
    wait = readiness(stack.cluster)
    registered: list[ResolvedService] = []
    with wait.postponed():
        for group in batches(stack.services):
            components = _register(group, opts)
            registered += group
            all_exist = True
            for component in components:
                all_exist &= await is_in_cluster(component.deployment)
            is_last = len(registered) == len(stack.services)
            if all_exist and not is_last:
                await wait.wait_until_placed(registered)


def _register(
    services: Sequence[ResolvedService],
    opts: pulumi.ResourceOptions,
) -> list[InferenceDeployment]:
    return [InferenceDeployment(service.name, service, opts) for service in services]


async def _refuse_update_that_would_hang(stack: ResolvedStack) -> None:
    """Compare the update with the pods that run now. A cluster that cannot be read does not stop the update here.

    Raises:
        pulumi.RunError: The running pods leave no room for the update.
    """
    refusal = await refusal_now(stack)
    if refusal:
        raise pulumi.RunError(refusal)
