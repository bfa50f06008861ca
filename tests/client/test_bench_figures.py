"""The figures of the benchmark against a server whose times are known: 200 ms to the first token, 20 ms a token."""

from __future__ import annotations

import asyncio
import time

import pytest

from client.bench import Load, Measurement, Spread, bench
from client.http import linked
from tests.client.conftest import service_of
from tests.client.vllm_server import Handler, Vllm, serving

pytestmark = pytest.mark.slow

FIRST = 0.2
"""Seconds until the first token."""
TOKEN = 0.02
"""Seconds for each token after the first."""
LOAD = Load(concurrency=4, requests=12, input_tokens=16, output_tokens=31)
LATENCY = FIRST + (LOAD.output_tokens - 1) * TOKEN


class FixedTimes(Handler):
    """A server that sends each token at a fixed time after the request."""

    def _stream(self, kind: str, parts: list[str]) -> None:
        start = time.monotonic()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for position, part in enumerate([*parts, "data: [DONE]\n\n"]):
            token = min(position, LOAD.output_tokens - 1)  # the usage and the end come with the last token
            due = start + FIRST + token * TOKEN
            time.sleep(max(0.0, due - time.monotonic()))
            self._chunk(part.encode())
        self._chunk(b"")


def measured() -> Measurement:
    async def ran(url: str) -> Measurement:
        async with linked(url, None, timeout=30) as link:
            return await bench(link, service_of(), LOAD)

    with serving(Vllm(), handler=FixedTimes) as server:
        return asyncio.run(ran(server.url))


def median(spread: Spread | None) -> float:
    assert spread
    return spread.percentiles[0]


def test_the_figures_agree_with_the_times_of_the_server() -> None:
    """The tolerance is that of a busy machine. The times of the server are lower limits."""
    done = measured()

    assert done.errors == []
    assert FIRST <= median(done.first) <= FIRST * 1.5
    assert TOKEN * 0.8 <= median(done.per_token) <= TOKEN * 1.3
    assert LATENCY * 0.99 <= median(done.latency) <= LATENCY * 1.3
    expected = LOAD.concurrency / LATENCY
    assert expected * 0.7 <= done.requests_per_second <= expected * 1.01
    assert done.output_per_second == pytest.approx(done.requests_per_second * LOAD.output_tokens)
