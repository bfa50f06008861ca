"""The end of an update with `smoke: true`: the Jobs that ask the services have succeeded, or one has failed.

Pulumi's provider could wait for a Job itself. Of one that is made anew it has been seen to miss the end, and to wait
until its timeout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from cluster.diagnose import diagnose
from cluster.errors import ClusterError
from cluster.findings import found
from cluster.pods import born, containers, ended, is_over, node_of, running
from cluster.service import LINES, SHOWN, State, Wanted, pod_state
from cluster.snapshot import Object, Seen, condition, name_of
from cluster.status_text import states_text
from cluster.wait import LOOK, OUTAGE, POLL, Clock, Say
from models.credentials import masked
from models.finding import Finding
from models.words import duration

GRACE = 60
"""Seconds that a Job may outlive its own deadline, before nobody is believed to end it."""

_FAILED = re.compile(r"smoke: (.*?): FAILED: (.*)")


class Reader(Protocol):
    """What can be read of the cluster of a Job."""

    async def named(self, kind: str, name: str) -> Object | None:
        """An object by its name, or None when there is none."""

    async def pods_of_job(self, job: str) -> Sequence[Object]:
        """The pods of a Job."""

    async def look(self, *, wide: bool) -> Seen:
        """All that explains why a pod does not run."""

    async def log(self, pod: str, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """The last lines of a container."""


class NotProvedError(Exception):
    """Services that do not answer as they should, or that a Job could not ask; the text is the report of them."""


async def wait_until_proved(reader: Reader, jobs: Mapping[str, Wanted], say: Say, clock: Clock | None = None) -> None:
    """Return when every Job has succeeded.

    Args:
        reader: The cluster.
        jobs: The service that a Job asks, by the Job's name; a Job ends itself after the service's `startup`.
        say: Told what a Job waits for.
        clock: The time.

    Raises:
        NotProvedError: A Job has failed, is gone, or does not end.
        ClusterError: The API server does not answer for two minutes, or refuses to.
    """
    clock = clock or Clock()
    began = answered = clock.now()
    left = dict(jobs)
    while left:
        try:
            there = {job: await reader.named("Job", job) for job in left}
            left = {job: service for job, service in left.items() if not is_proved(there[job])}
            waited = clock.now() - began
            over = [job for job, service in left.items() if _is_over(there[job], waited - service.startup)]
            if over:
                raise NotProvedError(states_text([await _state(reader, left[job], job, there[job]) for job in over]))
            for job, service in left.items():
                say(service.name, await _progress(reader, service, job))
            answered = clock.now()
        except ClusterError as problem:
            if not problem.passing or clock.now() - answered > OUTAGE:
                raise
        await clock.sleep(POLL if clock.now() - began < LOOK else LOOK)


def is_proved(job: Object | None) -> bool:
    """Whether a Job has succeeded."""
    return job is not None and condition(job, "Complete").get("status") == "True"


def _is_over(job: Object | None, overdue: float) -> bool:
    return job is None or condition(job, "Failed").get("status") == "True" or overdue > GRACE


async def _progress(reader: Reader, service: Wanted, job: str) -> str:
    pod = await _last_pod(reader, job)
    trouble = await _trouble(reader, service, pod) if pod and not any(map(running, containers(pod))) else None
    return f"smoke: {trouble.message}" if trouble else "smoke: a Job asks the service"


async def _state(reader: Reader, service: Wanted, name: str, job: Object | None) -> State:
    """What a Job has found, or why it could not ask."""
    pod = await _last_pod(reader, name) if job else None
    lines = await _lines(reader, pod) if pod else ()
    if said := [match for line in lines if (match := _FAILED.search(line))]:
        wrong = "; ".join(f"{match[1]}: {match[2]}" for match in said)
        finding = found(
            "smoke-failed",
            f"it does not answer as it should: {wrong}",
            why=f"the Job {name} asked it through its Service, once its pods were ready",
            fix="correct what it says; the next pulumi up asks again, and ascend-vllm smoke asks more, from outside",
        )
    else:
        trouble = await _trouble(reader, service, pod) if pod else None
        reasons = [_end(job, service), *([trouble.message] if trouble else ())]
        finding = found(
            "smoke-failed",
            f"the Job {name} could not ask it: {'; '.join(reasons)}",
            why="with smoke: true an update ends well only when a Job has asked the service",
            fix=(trouble.fix if trouble else "") or "see its last lines; the next pulumi up makes the Job anew",
        )
    state = pod_state(pod) if pod else "no pod"
    return State(service.name, 0, 1, state, None, finding, name_of(pod) if pod else "", lines[-SHOWN:])


def _end(job: Object | None, service: Wanted) -> str:
    if job is None:
        return "somebody deleted it"
    failure = condition(job, "Failed")
    if failure.get("status") != "True":
        return f"it has not ended {duration(GRACE)} after its deadline of {duration(service.startup)}"
    return " ".join(str(failure.get("message") or failure.get("reason") or "it failed").split())


async def _last_pod(reader: Reader, job: str) -> Object | None:
    return max(await reader.pods_of_job(job), key=born, default=None)


async def _trouble(reader: Reader, service: Wanted, pod: Object) -> Finding | None:
    """Why a pod does not run yet; of one that is over its last lines tell."""
    if is_over(pod):
        return None
    seen = replace(await reader.look(wide=not node_of(pod)), pods=(pod,))
    return diagnose(pod, seen, resource=service.resource, startup=service.startup)


async def _lines(reader: Reader, pod: Object) -> tuple[str, ...]:
    """The last lines of a pod's container: the kubelet keeps them in the pod's status when it fails."""
    for container in containers(pod):
        kept = str(ended(container).get("message") or "").splitlines()
        lines = kept or await reader.log(name_of(pod), str(container["name"]), previous=False, lines=LINES)
        return tuple(masked(line.rstrip()) for line in lines if line.strip())
    return ()
