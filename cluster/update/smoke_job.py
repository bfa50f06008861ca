"""The end of an update with `smoke: true`: wait until the Jobs that send a request to each service have succeeded.

Pulumi's provider could wait for a Job itself. But it can miss the end of a Job that was recreated, and then waits until
its timeout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from cluster.api.errors import ClusterError
from cluster.diagnosis.diagnose import diagnose
from cluster.pods import (
    containers,
    created,
    ended,
    is_over,
    node_of,
    pod_state,
    running,
)
from cluster.service import LINES, SHOWN, State, WatchedService, shown_lines
from cluster.snapshot import (
    Object,
    Snapshot,
    condition,
    has_condition,
    name_of,
    one_line,
)
from cluster.status_text import states_text
from cluster.update.wait import LOOK, POLL, Clock, Outage, Say
from models.finding import Finding
from models.words import duration

GRACE = 60
"""Seconds that a Job may exceed its own deadline before the wait gives up on it."""

_FAILED = re.compile(r"smoke: (.*?): FAILED: (.*)")
"""A line of the smoke test about a request that failed: its name, and the reason."""


class Reader(Protocol):
    """The reads that a wait for Jobs needs."""

    async def named(self, kind: str, name: str) -> Object | None:
        """An object by its name, or None."""

    async def pods_of_job(self, job: str) -> Sequence[Object]:
        """The pods of a Job."""

    async def look(self, *, wide: bool) -> Snapshot:
        """A snapshot of everything that explains why a pod does not run."""

    async def log(
        self,
        pod: str,
        container: str,
        *,
        previous: bool,
        lines: int,
    ) -> tuple[str, ...]:
        """The last log lines of a container."""


class NotProvedError(Exception):
    """Services did not answer their requests, or could not be asked; the text reports all of them."""


async def wait_until_proved(
    reader: Reader,
    jobs: Mapping[str, WatchedService],
    say: Say,
    clock: Clock | None = None,
) -> None:
    """Return when every Job has succeeded.

    Args:
        reader: The cluster.
        jobs: The service of each Job, by the Job's name. A Job ends itself after the service's `startup`.
        say: Called with the progress of a Job.
        clock: The time.

    Raises:
        NotProvedError: A Job has failed, was deleted, or does not end.
        ClusterError: The API server has not answered for two minutes, or refuses access.
    """
    clock = clock or Clock()
    began = clock.now()
    outage = Outage(clock)
    pending = dict(jobs)
    while pending:
        try:
            pending = await _pending(reader, pending, waited=clock.now() - began)
            for name, service in pending.items():
                say(service.name, await _progress(reader, service, name))
            outage.end()
        except ClusterError as problem:
            if not outage.is_bearable(problem):
                raise
        if clock.now() - began < LOOK:
            await clock.sleep(POLL)
        else:
            await clock.sleep(LOOK)


async def _pending(
    reader: Reader, jobs: Mapping[str, WatchedService], waited: float
) -> dict[str, WatchedService]:
    """The Jobs that have not ended yet.

    Raises:
        NotProvedError: A Job has failed, was deleted, or does not end.
    """
    pending = {}
    failed = []
    for name, service in jobs.items():
        job = await reader.named("Job", name)
        if is_proved(job):
            continue
        pending[name] = service
        if _has_failed(job, overdue=waited - service.startup):
            failed.append((service, name, job))
    if failed:
        states = [
            await _failed_state(reader, service, name, job)
            for service, name, job in failed
        ]
        raise NotProvedError(states_text(states))
    return pending


def is_proved(job: Object | None) -> bool:
    """Whether a Job has succeeded."""
    return job is not None and has_condition(job, "Complete")


def _has_failed(job: Object | None, overdue: float) -> bool:
    if job is None or overdue > GRACE:
        return True
    return has_condition(job, "Failed")


async def _progress(reader: Reader, service: WatchedService, job: str) -> str:
    """A progress line about a Job that has not ended."""
    pod = await _last_pod(reader, job)
    if pod and not any(running(container) for container in containers(pod)):
        trouble = await _trouble(reader, service, pod)
        if trouble:
            return f"smoke: {trouble.message}"
    return "smoke: a Job sends a request to the service"


async def _failed_state(
    reader: Reader,
    service: WatchedService,
    name: str,
    job: Object | None,
) -> State:
    """The state of a service whose Job has failed."""
    state = State(
        service=service.name,
        ready=0,
        updated=0,
        desired=1,
        state="no pod",
        since=None,
        finding=None,
    )
    pod = None
    if job:
        pod = await _last_pod(reader, name)
    if pod is None:
        return replace(
            state, finding=_not_asked(name, _end(job, service), trouble=None)
        )

    lines = await _lines(reader, pod)
    failures = [match for line in lines if (match := _FAILED.search(line))]
    if failures:
        finding = _wrong_answer(name, failures)
    else:
        trouble = await _trouble(reader, service, pod)
        finding = _not_asked(name, _end(job, service), trouble)
    return replace(
        state,
        state=pod_state(pod),
        finding=finding,
        pod=name_of(pod),
        log=lines[-SHOWN:],
    )


def _wrong_answer(job: str, failures: Sequence[re.Match[str]]) -> Finding:
    requests = "; ".join(f"{match[1]}: {match[2]}" for match in failures)
    return Finding(
        "smoke-failed",
        "error",
        f"the smoke test failed: {requests}",
        why=f"the Job {job} sent requests through the Service after all pods were ready",
        fix="fix the reported problem and run pulumi up; ascend-vllm smoke runs more requests, from outside",
    )


def _not_asked(job: str, end: str, trouble: Finding | None) -> Finding:
    reason = end
    fix = "see its last lines; the next pulumi up recreates the Job"
    if trouble:
        reason = f"{end}; {trouble.message}"
        fix = trouble.fix
    return Finding(
        "smoke-failed",
        "error",
        f"the Job {job} could not send its requests: {reason}",
        why="with smoke: true, an update succeeds only after a Job has tested the service",
        fix=fix,
    )


def _end(job: Object | None, service: WatchedService) -> str:
    """How a Job ended without success."""
    if job is None:
        return "somebody deleted it"
    if not has_condition(job, "Failed"):
        return f"it has not ended {duration(GRACE)} after its deadline of {duration(service.startup)}"
    failure = condition(job, "Failed")
    return one_line(failure.get("message") or failure.get("reason") or "it failed")


async def _last_pod(reader: Reader, job: str) -> Object | None:
    pods = await reader.pods_of_job(job)
    return max(pods, key=created, default=None)


async def _trouble(
    reader: Reader, service: WatchedService, pod: Object
) -> Finding | None:
    """Why a pod does not run yet. The log lines explain a pod that has ended."""
    if is_over(pod):
        return None
    snapshot = await reader.look(wide=not node_of(pod))
    return diagnose(
        pod,
        replace(snapshot, pods=(pod,)),
        resource=service.resource,
        startup=service.startup,
    )


async def _lines(reader: Reader, pod: Object) -> tuple[str, ...]:
    """The last log lines of a pod's container. If it has failed, the kubelet keeps them in the pod's status."""
    for container in containers(pod):
        lines: Sequence[str] = str(ended(container).get("message") or "").splitlines()
        if not lines:
            lines = await reader.log(
                name_of(pod),
                str(container["name"]),
                previous=False,
                lines=LINES,
            )
        return shown_lines(lines)
    return ()
