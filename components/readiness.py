"""The end of an update: the services answer, or the update fails and says why they do not."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment

from components.inference_deployment import InferenceDeployment
from models.resolve import ResolvedService, ResolvedStack
from operations.turns import turns
from operations.update import UpdateError, refuse_what_would_hang, settle


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
    try:
        if not preview:
            await refuse_what_would_hang(stack)
        for group in [stack.services] if preview else turns(stack.services):
            made |= {service.name: make(service).deployment for service in group}
            if not preview:
                await _settle(stack, made)
    except UpdateError as failed:
        raise pulumi.RunError(str(failed)) from None


async def _settle(stack: ResolvedStack, made: Mapping[str, Deployment]) -> None:
    real = [name for name, deployment in made.items() if await deployment.metadata.uid.future()]
    if real:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine cancels the update; Python would say a traceback
        for line in await settle(stack, real, lambda name, line: pulumi.log.info(line, made[name], ephemeral=True)):
            pulumi.log.warn(line)
