"""Wait until services are ready, report their progress, and stop as soon as one has definitely failed.

Pulumi's provider could wait for a Deployment itself, but it stops only at its timeout or when it is cancelled, and it
shows no log lines. A service that crashes at start would hold an update for its whole `startup`, because a program that
fails meanwhile does not interrupt the provider.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cluster.api.errors import ClusterError
from cluster.api.outage import TOLERATED
from cluster.api.reader import Reader
from cluster.diagnosis.rollouts import WAITING
from cluster.groups.members import is_member
from cluster.pods import node_of
from cluster.service import State, WatchedService, look, settled_names
from cluster.snapshot import Snapshot, instance_of, name_of, status_of
from cluster.status_text import states_text
from models.words import duration

Result = TypeVar("Result")

POLL = 1.0
"""Seconds between two reads of the Deployments, one call for all services."""

LOOK = 3.0
"""Seconds between two reads of pods and events, while a service is not ready."""

WIDE = 30.0
"""Seconds between two reads of nodes once all pods have one. They find nodes that were lost."""

BEHIND = 10.0
"""Seconds after which services are not waited for if they need NPUs of services removed from the stack."""

REPEAT = 60.0
"""Seconds after which a progress line is repeated if only its durations have changed."""

PATIENCE = {
    "crash-loop": 0.0,
    "out-of-memory": 0.0,
    "init-failed": 0.0,
    "preflight": 0.0,
    "startup-budget-spent": 0.0,
    "image-not-found": 20.0,
    "image-unauthorized": 20.0,
    "image-name": 20.0,
    "failed-mount": 20.0,
    "container-config": 20.0,
    "container-create": 20.0,
    "pod-security": 20.0,
    "quota": 20.0,
    "pods-refused": 20.0,
    "not-deployed": 20.0,
    "rollout-stuck": 60.0,
    "group-crash-loop": 0.0,
    "group-gave-up": 0.0,
    "group-name-too-long": 0.0,
    "group-update-refused": 20.0,
    "group-too-large": 20.0,
    "no-leader-worker-set": 20.0,
    "group-surge-stuck": 60.0,
    "group-update-waits": 60.0,
}
"""Errors that do not disappear without a change, and how many seconds each must last before the wait fails.

All other errors, such as missing NPUs, may last until the timeout of the service."""

_LACKS_NPUS = (*WAITING, "rollout-stuck", "group-surge-stuck", "group-update-waits")
_NEVER = float("-inf")


class NotReadyError(Exception):
    """Services are not ready and will hardly become so; the text reports all of them."""

    def __init__(self, states: Sequence[State], reason: str) -> None:
        super().__init__(f"{reason}\n\n{states_text(states)}")
        self.states = tuple(states)


@dataclass(frozen=True)
class Awaited:
    """A service to wait for."""

    service: WatchedService
    timeout: int
    """Longest wait in seconds."""


@dataclass(frozen=True)
class Clock:
    """The time, and how to wait."""

    now: Callable[[], float] = time.monotonic
    """Seconds since some moment."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits for a number of seconds."""


Say = Callable[[str, str], None]
"""Reports progress: the name of a service, and a line about it."""


async def wait_until_ready(
    reader: Reader,
    services: Sequence[Awaited],
    say: Say,
    clock: Clock | None = None,
) -> Sequence[str]:
    """Return when all pods of every service have the current template and are ready, and no older pod exists.

    The wait also ends when the remaining services need NPUs that services removed from the stack still hold: Pulumi
    deletes those only after the program has ended.

    Args:
        reader: The cluster.
        services: The services. More may be added during the wait. If all are ready, one call is enough.
        say: Called whenever something changes.
        clock: The time.

    Returns:
        A line for each service that was not waited for.

    Raises:
        NotReadyError: A service has definitely failed, or its timeout is over.
        ClusterError: The API server has not answered for two minutes, or refuses access.
    """
    clock = clock or Clock()
    wait = _Wait(reader, services, say, clock)
    outage = Outage(clock)
    while services:
        try:
            pending = await wait.pending()
            if not pending:
                return ()
            not_awaited = await wait.check(pending)
            if not_awaited:
                return not_awaited
            outage.end()
        except ClusterError as problem:
            if not outage.is_bearable(problem):
                raise
            silence = max(outage.seconds, reader.contact.silence)
            wait.report_outage(silence)
        await clock.sleep(POLL)
    return ()


class Outage:
    """An outage of the API server that a wait survives if it is short."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: float | None = None

    def end(self) -> None:
        """The API server has answered."""
        self._began = None

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        if self._began is None:
            return 0.0
        return self._clock.now() - self._began

    def is_bearable(self, problem: ClusterError) -> bool:
        """Whether to continue after a failed read."""
        now = self._clock.now()
        if self._began is None:
            self._began = now
        return problem.passing and now - self._began <= TOLERATED


async def patiently(
    read: Callable[[], Awaitable[Result]], clock: Clock | None = None
) -> Result:
    """The result of a read, also after an outage of the API server of up to two minutes.

    Raises:
        ClusterError: The API server has not answered for two minutes, or refuses access.
    """
    clock = clock or Clock()
    outage = Outage(clock)
    while True:
        try:
            return await read()
        except ClusterError as problem:
            if not outage.is_bearable(problem):
                raise
        await clock.sleep(POLL)


class _Wait:
    """The facts that the wait has read and reported so far."""

    def __init__(
        self,
        reader: Reader,
        services: Sequence[Awaited],
        say: Say,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._services = services
        self._clock = clock
        self._progress = _Progress(say, clock)
        self._failures = _Failures()
        self._began = clock.now()
        self._looked = _NEVER
        self._looked_wide = _NEVER
        self._all_pods_have_a_node = False
        self._blocked_since: float | None = None

    async def pending(self) -> list[Awaited]:
        """The services that are not ready, by one call; two more if services have several nodes.

        A service that is added during the call is not ready: the answer may be older than its update.
        """
        before = list(self._services)
        services = [awaited.service for awaited in before]
        settled = await settled_names(self._reader, services)
        pending = []
        for awaited in self._services:
            name = awaited.service.name
            if awaited not in before or name not in settled:
                pending.append(awaited)
            elif self._progress.has_reported(name):
                self._progress.report(name, "ready")
        return pending

    async def check(self, pending: Sequence[Awaited]) -> Sequence[str]:
        """Read the services that are not ready, report their progress, and fail if there is no hope.

        Returns:
            A line for each service that is not waited for, if none needs to be.
        """
        now = self._clock.now()
        waited = now - self._began
        late = {
            awaited.service.name for awaited in pending if waited >= awaited.timeout
        }
        if not late and now - self._looked < LOOK:
            return ()

        snapshot, states = await self._look(pending, is_last=bool(late))
        for state in states:
            self._progress.report(state.service, _progress_line(state))

        failed = [
            state.service for state in states if self._failures.has_failed(state, now)
        ]
        if failed:
            raise NotReadyError(states, f"{', '.join(failed)} cannot start")
        unready = [
            state.service
            for state in states
            if state.service in late and not state.is_ready
        ]
        if unready:
            raise NotReadyError(
                states, f"{', '.join(unready)} not ready after {duration(waited)}"
            )
        return self._behind(states, self._removed(snapshot))

    def report_outage(self, seconds: float) -> None:
        """Report it in place of the last progress, which is out of date."""
        text = f"unknown, the API server has not answered for {duration(seconds)}"
        for awaited in self._services:
            name = awaited.service.name
            if self._progress.has_reported(name):
                self._progress.report(name, text)

    async def _look(
        self, pending: Sequence[Awaited], *, is_last: bool
    ) -> tuple[Snapshot, Sequence[State]]:
        now = self._clock.now()
        is_wide_due = now - self._looked_wide >= WIDE
        wide = is_last or is_wide_due or not self._all_pods_have_a_node
        if wide:
            self._looked_wide = now
        services = [awaited.service for awaited in pending]
        snapshot, states = await look(self._reader, services, wide=wide)
        self._looked = self._clock.now()
        self._all_pods_have_a_node = _all_pods_have_a_node(snapshot, states)
        return snapshot, states

    def _removed(self, snapshot: Snapshot) -> set[str]:
        """Services that have pods and are not in the stack."""
        running = {
            name_of(item)
            for item in snapshot.deployments
            if status_of(item).get("replicas")
        }
        running |= {instance_of(pod) for pod in snapshot.pods if is_member(pod)}
        return running - {awaited.service.name for awaited in self._services}

    def _behind(
        self, states: Sequence[State], removed: Collection[str]
    ) -> Sequence[str]:
        """A line for each service, once all of them have needed NPUs of removed services for a while."""
        if not removed or not states or not all(map(_lacks_npus, states)):
            self._blocked_since = None
            return ()
        now = self._clock.now()
        if self._blocked_since is None:
            self._blocked_since = now
        if now - self._blocked_since < BEHIND:
            return ()
        return [_not_waiting(state.service, sorted(removed)) for state in states]


def _not_waiting(service: str, removed: Sequence[str]) -> str:
    names = ", ".join(removed)
    if len(removed) == 1:
        reason = f"{names} still holds, and {names} is no longer in the stack"
    else:
        reason = f"{names} still hold, and they are no longer in the stack"
    return f"not waiting for {service}: it needs NPUs that {reason}"


def _lacks_npus(state: State) -> bool:
    return state.finding is not None and state.finding.rule in _LACKS_NPUS


def _all_pods_have_a_node(snapshot: Snapshot, states: Sequence[State]) -> bool:
    """Whether all pods have a node that answers."""
    for state in states:
        if state.finding and state.finding.rule == "node-lost":
            return False
        if not all(node_of(pod) for pod in snapshot.pods_of(state.service)):
            return False
    return True


class _Failures:
    """Since when each service has had the same error."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[str, float]] = {}

    def has_failed(self, state: State, now: float) -> bool:
        """Whether an error of a service does not disappear without a change, and has lasted long enough."""
        finding = state.finding
        if finding is None or finding.severity != "error":
            self._since.pop(state.service, None)
            return False
        rule, since = self._since.get(state.service, ("", now))
        if rule != finding.rule:
            since = now
            self._since[state.service] = (finding.rule, now)
        patience = PATIENCE.get(finding.rule)
        return patience is not None and now - since >= patience


def _progress_line(state: State) -> str:
    text = "ready"
    if state.finding:
        text = state.finding.message
    if state.unit == "group":
        return f"{state.updated}/{state.desired} groups: {text}"
    return f"{state.updated}/{state.desired} {text}"


class _Progress:
    """Reports a line about a service when it differs from the last one."""

    def __init__(self, say: Say, clock: Clock) -> None:
        self._say = say
        self._clock = clock
        self._last: dict[str, tuple[str, float]] = {}

    def has_reported(self, service: str) -> bool:
        """Whether a line about the service was reported."""
        return service in self._last

    def report(self, service: str, text: str) -> None:
        """Report a line, unless only its durations differ from the last one; those are reported once a minute."""
        now = self._clock.now()
        without_durations = re.sub(r"\d+ (?:s|min|h|d|%)", "", text)
        last_text, last_time = self._last.get(service, ("", _NEVER))
        if without_durations == last_text and now - last_time < REPEAT:
            return
        self._last[service] = (without_durations, now)
        self._say(service, text)
