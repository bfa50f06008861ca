"""A reader that returns prepared snapshots, and a clock that does not really wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cluster.api.errors import ClusterError
from cluster.api.outage import Contact
from cluster.snapshot import Object, Snapshot
from cluster.update.wait import Clock

GONE = ClusterError("the API server does not answer", "wait", passing=True)
FORBIDDEN = ClusterError("not allowed to list deployments", "ask for the right")


@dataclass
class FakeReader:
    """Returns one snapshot after the other, then the last one again; an error among them is raised."""

    looks: Sequence[Snapshot | ClusterError]
    lines: Sequence[str] = ()
    calls: list[str] = field(default_factory=list)
    logs_asked: list[tuple[str, str, bool]] = field(default_factory=list)
    contact: Contact = field(default_factory=Contact)

    def _now(self) -> Snapshot:
        asked = sum(call in ("deployments", "pods") for call in self.calls)
        now = self.looks[min(max(asked - 1, 0), len(self.looks) - 1)]
        if isinstance(now, ClusterError):
            raise now
        return now

    async def deployments(self) -> Sequence[Object]:
        self.calls.append("deployments")
        return self._now().deployments

    async def leader_worker_sets(self) -> Sequence[Object]:
        self.calls.append("sets")
        return self._now().leader_worker_sets

    async def service_pods(self) -> Sequence[Object]:
        self.calls.append("pods")
        return self._now().pods

    async def look(self, *, wide: bool) -> Snapshot:
        self.calls.append("wide" if wide else "narrow")
        return self._now()

    async def log(self, pod: str, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        self.logs_asked.append((pod, container, previous))
        return tuple(self.lines)[-lines:]


@dataclass
class FakeTime:
    """Seconds that pass only by sleeping."""

    now: float = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, self.sleep)
