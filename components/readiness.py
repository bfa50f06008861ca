"""The end of an update: the services answer, or the update fails and says why they do not."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.batch.v1 import Job

from cluster.update import UpdateError, as_scaled, prove, refuse_what_would_hang, settle
from cluster.update_order import turns
from components.inference_deployment import InferenceDeployment
from models.service.resolved import ResolvedService, ResolvedStack


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
    made: dict[str, InferenceDeployment] = {}
    behind: list[str] = []
    preview = pulumi.runtime.is_dry_run()
    try:
        if not preview:
            await refuse_what_would_hang(stack)
        scaled = stack if preview else await as_scaled(stack)
        for group in [stack.services] if preview else turns(stack.services):
            made |= {service.name: make(service) for service in group}
            behind = [] if preview else await _settle(scaled, made)
        if not behind:
            await _prove(scaled, {service.name: made[service.name] for service in scaled.services if service.replicas})
    except UpdateError as failed:
        raise pulumi.RunError(str(failed)) from None


async def _settle(stack: ResolvedStack, made: Mapping[str, InferenceDeployment]) -> list[str]:
    """What is not waited for, in words."""
    real = [name for name, component in made.items() if await _is_real(component.deployment)]
    if not real:
        return []
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the engine cancels the update; Python would say a traceback
    behind = await settle(stack, real, lambda name, line: pulumi.log.info(line, made[name].deployment, ephemeral=True))
    for line in behind:
        pulumi.log.warn(line)
    return behind


async def _prove(stack: ResolvedStack, made: Mapping[str, InferenceDeployment]) -> None:
    """Have services asked that want it, once all are ready, and wait for the answers."""
    jobs = {name: job for name, component in made.items() if (job := component.prove())}
    real = {name: str(await job.metadata.name.future()) for name, job in jobs.items() if await _is_real(job)}
    await prove(stack, real, lambda name, line: pulumi.log.info(line, jobs[name], ephemeral=True))


async def _is_real(item: Deployment | Job) -> bool:
    """Whether this update has it in a cluster, which neither a preview nor a test has."""
    return bool(await item.metadata.uid.future()) and not pulumi.runtime.is_dry_run()
