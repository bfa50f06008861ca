"""Wait until services are ready, say how far they are, and end as soon as one has definitely failed.

Pulumi's provider could wait for a Deployment itself. It would end on its timeout or on cancellation only, and say no
log lines: a service that crashes at start would hold an update for its whole startup budget, since a program that fails
meanwhile does not interrupt the provider.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from cluster.errors import ClusterError
from cluster.pods import node_of
from cluster.reader import Reader
from cluster.rollouts import WAITING
from cluster.service import State, Wanted, is_settled, look
from cluster.snapshot import Seen, name_of
from cluster.status_text import states_text
from models.words import duration

POLL = 1.0
"""Seconds between two looks at the Deployments, one call for all services."""

LOOK = 3.0
"""Seconds between two looks at pods and events, while something is not ready."""

WIDE = 30.0
"""Seconds between two looks at nodes too, once all pods have one: one may be lost."""

BEHIND = 10.0
"""Seconds that all the rest has to wait for NPUs of services that leave, before it is not waited for."""

OUTAGE = 120.0
"""Seconds that the API server may be gone, as while it is started again."""

PATIENCE = {
    "crash-loop": 0.0,
    "out-of-memory": 0.0,
    "init-failed": 0.0,
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
}
"""Errors that do not pass by themselves, and how many seconds they have to last to be believed.

All others, as NPUs that are not free, have the time of the service."""


class NotReadyError(Exception):
    """Services that are not ready and hardly will be; the text is the report of all of them."""

    def __init__(self, states: Sequence[State], reason: str) -> None:
        super().__init__(f"{reason}\n\n{states_text(states)}")
        self.states = tuple(states)


@dataclass(frozen=True)
class Awaited:
    """A service to wait for."""

    wanted: Wanted
    timeout: int
    """Seconds that an update waits for it."""


@dataclass(frozen=True)
class Clock:
    """The time, and how to let it pass."""

    now: Callable[[], float] = time.monotonic
    """Seconds since some moment."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


Say = Callable[[str, str], None]
"""Tells of progress: the service, and a line about it."""


@dataclass
class _Memory:
    """What has been seen and said so far."""

    began: float
    looked: float = float("-inf")
    looked_wide: float = float("-inf")
    gone_since: float | None = None
    blocked_since: float | None = None
    everyone_has_a_node: bool = False
    """One that answers."""
    leaving: set[str] = field(default_factory=set)
    """Deployments with pods; those that are not waited for are not of the stack any more."""
    failing_since: dict[tuple[str, str], float] = field(default_factory=dict)
    said: dict[str, tuple[str, float]] = field(default_factory=dict)


async def wait_until_ready(
    reader: Reader, services: Sequence[Awaited], say: Say, clock: Clock | None = None
) -> Sequence[str]:
    """Return when every service has all its pods of the current template ready, and no older one left.

    Where the rest waits for NPUs that services hold which the stack does not have any more, the wait ends too: they go
    after the program, and what it did not wait for is the answer, a line each.

    Args:
        reader: The cluster.
        services: The services; more may be added while it waits. With none, or when all are ready, one call is all.
        say: Told whenever something changes.
        clock: The time.

    Raises:
        NotReadyError: One has definitely failed, or its time is over.
        ClusterError: The API server does not answer for two minutes, or refuses to.
    """
    clock = clock or Clock()
    memory = _Memory(began=clock.now())
    while services:
        try:
            missing = await _missing(reader, services)
            for awaited in services:
                if awaited not in missing and awaited.wanted.name in memory.said:
                    _tell(awaited.wanted.name, "ready", say, memory, clock.now())
            if not missing:
                return ()
            states = await _judge(reader, missing, say, memory, clock)
            names = {awaited.wanted.name for awaited in services}
            if memory.leaving and states and (told := _behind(states, memory.leaving - names, memory, clock.now())):
                return told
            memory.gone_since = None
        except ClusterError as problem:
            _bear(problem, memory, clock.now())
        await clock.sleep(POLL)
    return ()


def _behind(states: Sequence[State], leaving: Collection[str], memory: _Memory, now: float) -> Sequence[str]:
    """What waits for NPUs of services that leave, once nothing else is waited for, for a while."""
    blocked = [state for state in states if state.finding and state.finding.rule in (*WAITING, "rollout-stuck")]
    if not leaving or len(blocked) < len(states):
        memory.blocked_since = None
        return ()
    memory.blocked_since = now if memory.blocked_since is None else memory.blocked_since
    if now - memory.blocked_since < BEHIND:
        return ()
    held = ", ".join(sorted(leaving))
    return [
        f"{state.service} is not waited for: it starts when {held} is gone, which the stack has no more"
        for state in blocked
    ]


async def _missing(reader: Reader, services: Sequence[Awaited]) -> list[Awaited]:
    """The services that are not ready, by one call.

    A service that is added during the call is not ready: the answer may be older than its update.
    """
    before = list(services)
    listed = {str(found["metadata"]["name"]): found for found in await reader.deployments()}
    return [awaited for awaited in services if awaited not in before or not is_settled(listed.get(awaited.wanted.name))]


async def _judge(
    reader: Reader, missing: Sequence[Awaited], say: Say, memory: _Memory, clock: Clock
) -> Sequence[State]:
    """Look at what is not ready, say how far it is, and end the wait if there is no hope."""
    now = clock.now()
    late = [awaited for awaited in missing if now - memory.began >= awaited.timeout]
    if not late and now - memory.looked < LOOK:
        return ()
    wide = bool(late) or not memory.everyone_has_a_node or now - memory.looked_wide >= WIDE
    memory.looked_wide = now if wide else memory.looked_wide
    seen, states = await look(reader, [awaited.wanted for awaited in missing], wide=wide)
    memory.looked, memory.everyone_has_a_node = clock.now(), _all_placed(seen, states)
    for state in states:
        _progress(state, say, memory, now)
    memory.leaving = {name_of(one) for one in seen.deployments if (one.get("status") or {}).get("replicas")}
    if failed := [state.service for state in states if _is_hopeless(state, memory, now)]:
        raise NotReadyError(states, f"{', '.join(failed)} cannot start")
    if late and (unready := [s for s in states if s.service in {a.wanted.name for a in late} and not s.is_ready]):
        waited = duration(now - memory.began)
        raise NotReadyError(states, f"{', '.join(state.service for state in unready)} not ready after {waited}")
    return states


def _is_hopeless(state: State, memory: _Memory, now: float) -> bool:
    """Whether what is wrong does not pass by itself, and lasts."""
    finding = state.finding
    rule = finding.rule if finding and finding.severity == "error" else ""
    for key in [key for key in memory.failing_since if key[0] == state.service and key[1] != rule]:
        del memory.failing_since[key]
    if rule not in PATIENCE:
        return False
    return now - memory.failing_since.setdefault((state.service, rule), now) >= PATIENCE[rule]


def _progress(state: State, say: Say, memory: _Memory, now: float) -> None:
    text = state.finding.message if state.finding else "ready"
    _tell(state.service, f"{state.ready}/{state.wanted} {text}", say, memory, now)


def _tell(service: str, text: str, say: Say, memory: _Memory, now: float) -> None:
    """Say a line unless it was the last one but for its times; those once a minute."""
    before, when = memory.said.get(service, ("", float("-inf")))
    timeless = re.sub(r"\d+ (?:s|min|h|d|%)", "", text)
    if timeless != before or now - when >= 60:
        memory.said[service] = (timeless, now)
        say(service, text)


def _all_placed(seen: Seen, states: Sequence[State]) -> bool:
    lost = any(state.finding and state.finding.rule == "node-lost" for state in states)
    return not lost and all(node_of(pod) for state in states for pod in seen.pods_of(state.service))


def _bear(problem: ClusterError, memory: _Memory, now: float) -> None:
    """Go on without the API server for a while."""
    memory.gone_since = now if memory.gone_since is None else memory.gone_since
    if not problem.passing or now - memory.gone_since > OUTAGE:
        raise problem
