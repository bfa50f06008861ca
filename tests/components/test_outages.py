"""What an update reports while the API server does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pulumi
import pytest

from cluster.api.errors import ClusterError
from cluster.api.outage import Contact
from components import outages
from models import resolve
from models.stack_file.load import load_stack
from tests.conftest import ROOT

GONE = ClusterError("the API server does not answer", "wait", passing=True)
UNANSWERED = [0.001] * 50
"""Further requests without an answer, while the watcher looks at the clock."""
FORBIDDEN = ClusterError("not allowed", "ask for the right", forbidden=True)


@dataclass
class ApiServer:
    """Answers each request with the next seconds of silence; 0 is an answer."""

    silences: list[float | ClusterError]
    contact: Contact = field(default_factory=Contact)
    connections: int = 0
    requests: int = 0
    _now: float = 0.0

    async def kinds(self, group: str) -> frozenset[str]:
        self.requests += 1
        silence = self.silences.pop(0) if self.silences else 0.0
        self.contact.now = lambda: self._now
        if isinstance(silence, ClusterError):
            raise silence
        if silence:
            self.contact.request_sent()
            self._now += silence
            raise GONE
        self.contact.answered()
        return frozenset({group})


def lines_of(api: ApiServer, monkeypatch: pytest.MonkeyPatch, *, blocks: int = 1, preview: bool = False) -> list[str]:
    """The warnings of an update whose waits run while the API server behaves like this."""
    lines: list[str] = []
    monkeypatch.chdir(ROOT)
    cluster = resolve(load_stack("dev")).cluster

    @asynccontextmanager
    async def connected(*_: str) -> AsyncIterator[ApiServer]:
        api.connections += 1
        yield api

    monkeypatch.setattr(outages, "connected", connected)
    monkeypatch.setattr(outages, "START", 0.0)
    monkeypatch.setattr(outages, "POLL", 0.0)
    monkeypatch.setattr("cluster.api.outage._TICK", 0.0)
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)

    async def wait() -> None:
        async with outages.outages_reported(cluster):
            for _ in range(300):
                await asyncio.sleep(0)

    async def waits() -> None:
        await asyncio.gather(*(wait() for _ in range(blocks)))

    asyncio.run(waits())
    return lines


def test_an_update_reports_how_long_the_api_server_has_not_answered_and_what_happens_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = lines_of(ApiServer([0.0, 6.0, *UNANSWERED]), monkeypatch)

    assert lines == [
        "the API server of 'kwok-ascend-sandbox' has not answered for 6 s; " + outages.NEXT_STEP,
        "the API server of 'kwok-ascend-sandbox' answers again, after 6 s",
    ]


def test_all_services_share_one_watcher(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer([6.0, *UNANSWERED])
    lines = lines_of(api, monkeypatch, blocks=100)

    assert (len(lines), api.connections) == (2, 1)


@pytest.mark.parametrize("problem", [FORBIDDEN])
def test_a_user_whom_the_api_server_refuses_is_not_an_outage(
    problem: ClusterError, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = ApiServer([problem])

    assert lines_of(api, monkeypatch) == []
    assert api.requests == 1


def test_a_preview_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApiServer([6.0])

    assert lines_of(api, monkeypatch, preview=True) == []
    assert api.requests == 0
