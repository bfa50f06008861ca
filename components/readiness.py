"""How an update waits: until the pods of its services are ready, and until their smoke Jobs have succeeded.

The program waits instead of Pulumi's provider. The provider would end only on its timeout, show no log lines, and
continue while another service has already failed (docs/decisions.md). Every update waits, also one without a change:
a service that did not become ready in the last update is checked again.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import pulumi

from cluster.api.errors import ClusterError
from cluster.api.reader import Cluster as ClusterReader
from cluster.api.reader import Reader, connected
from cluster.service import WatchedService, settled_names
from cluster.update.order import wait_until_placed
from cluster.update.smoke_job import NotProvedError, wait_until_proved
from cluster.update.wait import Awaited, NotReadyError, wait_until_ready
from components.kubernetes_object import KubernetesObject
from models.service.deadlines import update_timeout
from models.service.resolved import Cluster, ResolvedService

FIRST_LOOKS = 20
"""Looks at the Deployments only, before pods, events and nodes are read: most updates are ready by then."""

FIRST_POLL = 0.1
"""Seconds between two of these looks."""


async def is_in_cluster(resource: KubernetesObject) -> bool:
    """Whether a registered resource exists in a cluster. It does not in a preview, and not under Pulumi's mocks."""
    if pulumi.runtime.is_dry_run():
        return False
    metadata = await resource.metadata.future()
    return bool(metadata and metadata.get("uid"))


def readiness(cluster: Cluster) -> Readiness:
    """The program's wait for the namespace of a cluster."""
    waits = _program().waits
    place = (cluster.context, cluster.namespace.name)
    if place not in waits:
        waits[place] = Readiness(cluster)
    return waits[place]


def stop_waiting(failure: pulumi.RunError) -> None:
    """End all waits of the program with its failure. Pulumi shows the failure only when no wait is left."""
    program = _program()
    program.failure = failure
    for wait in program.waits.values():
        wait.fail(failure)


class Readiness:
    """The wait for all services of one namespace.

    They are waited for together: one request to the API server covers all of them, the failure of one ends the wait
    for all, and the report of a failure lists every service that is not ready.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._context = cluster.context
        self._namespace = cluster.namespace.name
        self._services: dict[str, _Service] = {}
        self._awaited: list[Awaited] = []
        self._may_start = asyncio.Event()
        self._may_start.set()
        self._worker: asyncio.Task[None] | None = None
        self._began = 0.0

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """Begin to wait only after the block, when all services are registered."""
        self._may_start.clear()
        try:
            yield
        except pulumi.RunError as failure:
            stop_waiting(failure)
            raise
        finally:
            self._may_start.set()

    async def wait_until_placed(self, services: Sequence[ResolvedService]) -> None:
        """Wait until the pods of the services have their nodes, or cannot have them now.

        Raises:
            pulumi.RunError: The cluster cannot be read.
        """
        watched = [_watched(service) for service in services]
        timeouts = [update_timeout(service) for service in services]
        timeout = max(timeouts)
        try:
            async with connected(self._context, self._namespace) as reader:
                await wait_until_placed(reader, watched, timeout)
        except ClusterError as problem:
            raise _unknown("the services are ready", problem) from None

    async def wait_until_ready(
        self,
        service: ResolvedService,
        deployment: KubernetesObject,
        *,
        has_smoke_job: bool,
    ) -> bool:
        """Wait until the pods of a service are ready. Its Deployment shows the progress.

        Args:
            service: The service.
            deployment: Its Deployment, which exists in the cluster.
            has_smoke_job: Whether `wait_until_proved` follows.

        Returns:
            Whether the pods are ready. False if they wait for NPUs of services that were removed from the program:
            Pulumi deletes those only when the program has ended.

        Raises:
            pulumi.RunError: A service of the namespace cannot start or is not ready in time, or this is unknown.
        """
        program = _program()
        if program.failure:
            raise program.failure
        waiting = _Service(deployment, has_smoke_job)
        self._services[service.name] = waiting
        self._start()
        already_waited = int(time.monotonic() - self._began)
        timeout = already_waited + update_timeout(service)
        self._awaited.append(Awaited(_watched(service), timeout))
        return await waiting.ready

    async def wait_until_proved(
        self, service: ResolvedService, job: KubernetesObject
    ) -> None:
        """Wait until the smoke Job of a service has succeeded. The Job shows the progress.

        Raises:
            pulumi.RunError: The service does not answer as it should, or this is unknown.
        """
        waiting = self._services[service.name]
        waiting.job.set_result(job)
        await waiting.proved

    def fail(self, failure: BaseException) -> None:
        """End the wait for every service with a failure."""
        for service in self._services.values():
            service.fail(failure)

    def _start(self) -> None:
        is_running = self._worker and not self._worker.done()
        if is_running:
            return
        self._began = time.monotonic()
        self._worker = asyncio.create_task(self._wait())
        self._worker.add_done_callback(self._end)

    def _end(self, worker: asyncio.Task[None]) -> None:
        """A failure of the wait is the failure of every service that still waits."""
        if worker.cancelled():
            return
        failure = worker.exception()
        if failure:
            self.fail(failure)

    async def _wait(self) -> None:
        """Wait for all services.

        Raises:
            pulumi.RunError: A service cannot start or does not answer as it should, or this is unknown.
        """
        await self._may_start.wait()
        _leave_interrupts_to_pulumi()
        question = "the services are ready"
        try:
            async with connected(self._context, self._namespace) as reader:
                while self._has_unready_services():
                    question = "the services are ready"
                    await self._wait_for_pods(reader)
                    question = "the services answer"
                    await self._wait_for_smoke_jobs(reader)
        except ClusterError as problem:
            raise _unknown(question, problem) from None
        except (NotReadyError, NotProvedError) as problem:
            raise pulumi.RunError(str(problem)) from None

    def _has_unready_services(self) -> bool:
        return any(not service.ready.done() for service in self._services.values())

    async def _wait_for_pods(self, reader: ClusterReader) -> None:
        not_waited_for: Sequence[str] = ()
        ready_at_once = await _become_ready_at_once(reader, self._awaited)
        if not ready_at_once:
            not_waited_for = await wait_until_ready(
                reader, self._awaited, self._show_at_deployment
            )
        for warning in not_waited_for:
            pulumi.log.warn(warning)
        for service in self._services.values():
            service.settle(ready=not not_waited_for)

    async def _wait_for_smoke_jobs(self, reader: ClusterReader) -> None:
        jobs: dict[str, WatchedService] = {}
        for awaited in self._awaited:
            service = self._services[awaited.service.name]
            if not service.has_unproved_job:
                continue
            job = await service.job
            metadata = await job.metadata.future() or {}
            jobs[metadata["name"]] = awaited.service
        if jobs:
            await wait_until_proved(reader, jobs, self._show_at_job)
        for watched in jobs.values():
            self._services[watched.name].proved.set_result(None)

    def _show_at_deployment(self, service: str, line: str) -> None:
        deployment = self._services[service].deployment
        pulumi.log.info(line, deployment, ephemeral=True)

    def _show_at_job(self, service: str, line: str) -> None:
        job = self._services[service].job.result()
        pulumi.log.info(line, job, ephemeral=True)


@dataclass
class _Program:
    """The waits of a program."""

    waits: dict[tuple[str, str], Readiness] = field(default_factory=dict)
    """By context and namespace."""
    failure: pulumi.RunError | None = None


_PROGRAMS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Program] = WeakKeyDictionary()
"""A process may run several programs, each in its own event loop."""


def _program() -> _Program:
    return _PROGRAMS.setdefault(asyncio.get_running_loop(), _Program())


@dataclass
class _Service:
    """How far the wait for a service is."""

    deployment: KubernetesObject
    has_smoke_job: bool
    ready: asyncio.Future[bool] = field(default_factory=asyncio.Future)
    job: asyncio.Future[KubernetesObject] = field(default_factory=asyncio.Future)
    """The smoke Job, once it is registered."""
    proved: asyncio.Future[None] = field(default_factory=asyncio.Future)
    """Done when nothing is left to wait for."""

    def settle(self, *, ready: bool) -> None:
        """End the wait for the pods."""
        if self.ready.done():
            return
        self.ready.set_result(ready)
        if not ready or not self.has_smoke_job:
            self.proved.set_result(None)

    @property
    def has_unproved_job(self) -> bool:
        """Whether the pods are ready and the smoke Job has not succeeded yet."""
        return self.ready.done() and not self.proved.done()

    def fail(self, failure: BaseException) -> None:
        """End the wait with a failure."""
        for end in (self.ready, self.proved):
            if not end.done():
                end.set_exception(failure)
                end.exception()  # asyncio would log a failure that nobody awaits


def _leave_interrupts_to_pulumi() -> None:
    """Let an interrupt end the process. Pulumi cancels the update; Python would print a traceback as well."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_DFL)


async def _become_ready_at_once(reader: Reader, services: Sequence[Awaited]) -> bool:
    """Whether all services are ready after a few quick looks. Errors are left to the wait that follows."""
    try:
        for _ in range(FIRST_LOOKS):
            watched = [awaited.service for awaited in services]
            settled = await settled_names(reader, watched)
            # The answer may be older than the update of a service that was added meanwhile.
            is_complete = len(watched) == len(services)
            names = {service.name for service in watched}
            if is_complete and settled.issuperset(names):
                return True
            await asyncio.sleep(FIRST_POLL)
    except ClusterError:
        pass
    return False


def _watched(service: ResolvedService) -> WatchedService:
    return WatchedService(
        name=service.name,
        resource=service.cluster.platform.resource,
        startup=service.startup,
        nodes=service.nodes,
    )


def _unknown(question: str, problem: ClusterError) -> pulumi.RunError:
    text = f"cannot find out whether {question}: {problem.message}\nfix: {problem.fix}"
    if problem.passing:
        text += "; applied changes stay, the pods keep running, and the next pulumi up continues"
    return pulumi.RunError(text)
