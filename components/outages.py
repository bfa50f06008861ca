"""Reports outages of the API server during an update, whatever the update waits for just then.

Pulumi's provider reports nothing while the API server does not answer, and it has no timeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import pulumi

from cluster.api.errors import ClusterError
from cluster.api.outage import TOLERATED, OutageReport, reported
from cluster.api.reader import Cluster as ClusterReader
from cluster.api.reader import connected
from models.service.resolved import Cluster
from models.words import duration

START = 15.0
"""Seconds before the API server is asked for the first time: updates that do not wait for pods end before."""

POLL = 2.0
"""Seconds between two requests."""

_GROUP = "apps/v1"
"""An API group that every cluster has, and whose kinds every user may list."""

NEXT_STEP = (
    f"the update waits for it, and fails after {duration(TOLERATED)}; running pods are not affected,"
    " and the next pulumi up continues"
)


@asynccontextmanager
async def outages_reported(cluster: Cluster) -> AsyncIterator[None]:
    """Report outages of the API server while the block runs. All blocks of a program share one watcher.

    A preview changes nothing and waits for nothing, so it does not watch.
    """
    if pulumi.runtime.is_dry_run():
        yield
        return
    watchers = _WATCHERS.setdefault(asyncio.get_running_loop(), {})
    watcher = watchers.get(cluster.context)
    if watcher is None:
        watcher = _Watcher(asyncio.create_task(_watch(cluster)))
        watchers[cluster.context] = watcher
    watcher.blocks += 1
    try:
        yield
    finally:
        watcher.blocks -= 1
        if watcher.blocks == 0:
            watcher.task.cancel()
            del watchers[cluster.context]


@dataclass
class _Watcher:
    task: asyncio.Task[None]
    blocks: int = 0
    """Blocks that run."""


_WATCHERS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Watcher]] = (
    WeakKeyDictionary()
)
"""By the event loop of the program, and by context."""


async def _watch(cluster: Cluster) -> None:
    """Ask the API server until the task is cancelled. A user whom it refuses is left to the other reads."""
    await asyncio.sleep(START)
    report = OutageReport(cluster.context, NEXT_STEP, pulumi.log.warn)
    try:
        async with connected(cluster.context, cluster.namespace.name) as reader:
            await reported(_ask(reader), reader.contact, report)
    except ClusterError:
        return


async def _ask(reader: ClusterReader) -> None:
    while True:
        try:
            await reader.kinds(_GROUP)
        except ClusterError as problem:
            if not problem.passing:
                raise
        await asyncio.sleep(POLL)
