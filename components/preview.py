"""What a preview says about the pods that run now: an update that `pulumi up` refuses, and steps with less downtime."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pulumi

from cluster.api.errors import ClusterError
from cluster.snapshot import Object
from components.less_downtime import less_downtime
from components.running_pods import refusal, running_workloads
from models.service.resolved import ResolvedStack

LONGEST_READ = 3.0
"""Seconds after which a preview goes on without the cluster."""


async def warn_of_running_pods(stack: ResolvedStack) -> None:
    """Warn in a preview of what the running pods mean for the update.

    It is a warning: until the update runs, other pods may run. A cluster that cannot be read is no reason to end a
    preview.
    """
    if not stack.cluster.pools:
        return
    # The provider works meanwhile; reading and planning in this thread would delay its answers.
    with ThreadPoolExecutor(1) as thread:
        loop = asyncio.get_running_loop()
        warnings = await loop.run_in_executor(thread, _warnings_in_thread, stack)
    for warning in warnings:
        pulumi.log.warn(warning)


def _warnings_in_thread(stack: ResolvedStack) -> list[str]:
    try:
        workloads = asyncio.run(_read(stack))
    except (ClusterError, TimeoutError):
        return []
    return list(_warnings(stack, workloads))


async def _read(stack: ResolvedStack) -> list[Object]:
    async with asyncio.timeout(LONGEST_READ):
        return await running_workloads(stack)


def _warnings(stack: ResolvedStack, workloads: Sequence[Object]) -> Iterator[str]:
    refused = refusal(stack, workloads)
    if refused:
        yield f"pulumi up would refuse this update now:\n{refused}"
        return
    saved = less_downtime(stack, workloads)
    if saved:
        yield saved
