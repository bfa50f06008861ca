"""Measure a service under load: latency and throughput for each number of concurrent requests."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from client.answer import Answer
from client.body import question
from client.http import Link, UnreachableError, send
from models.engines.requests import Kind, Request
from models.finding import Finding, Mark
from models.service.resolved import ResolvedService

PERCENTILES = (50, 90, 99)

_FIRST_TOKEN_ID = 100
_TOKEN_IDS = 1000
"""Token ids 100 to 1099 exist in every vocabulary and are not special tokens."""

_RANDOM_BYTES = 4
"""Bytes of the random number for a token id. More bytes make all ids equally likely."""


@dataclass(frozen=True)
class Load:
    """The requests that are sent to a service."""

    concurrency: int
    """Number of concurrent requests."""
    requests: int
    input_tokens: int
    output_tokens: int
    level: int = 0
    """Position among the measurements of a run."""
    seed: int = 0
    """Number of the run. Loads with the same seed and level have the same prompts."""


@dataclass(frozen=True)
class Sample:
    """The measurement of one request. Times are in seconds."""

    latency: float
    first: float | None = None
    """Time until the first text."""
    tokens: int = 0
    """Generated tokens."""
    error: str = ""

    @property
    def per_token(self) -> float | None:
        """Time for each token after the first. None: there are fewer than two tokens."""
        if self.first is None or self.tokens < 2:
            return None
        return (self.latency - self.first) / (self.tokens - 1)


@dataclass(frozen=True)
class Spread:
    """The distribution of values."""

    mean: float
    percentiles: tuple[float, ...]
    """In the order of `PERCENTILES`."""


@dataclass(frozen=True)
class Measurement:
    """The measurements of a service under one load."""

    load: Load
    seconds: float
    """Time from the first request to the last answer."""
    samples: tuple[Sample, ...]

    @property
    def good(self) -> list[Sample]:
        """The samples without an error."""
        return [sample for sample in self.samples if not sample.error]

    @property
    def errors(self) -> list[str]:
        """The error messages, without duplicates."""
        messages = [sample.error for sample in self.samples if sample.error]
        return list(dict.fromkeys(messages))

    @property
    def requests_per_second(self) -> float:
        """Answered requests per second."""
        return len(self.good) / self.seconds

    @property
    def output_per_second(self) -> float:
        """Generated tokens per second, of all requests together."""
        tokens = sum(sample.tokens for sample in self.good)
        return tokens / self.seconds

    @property
    def total_per_second(self) -> float:
        """Tokens of prompts and generated tokens per second."""
        input_tokens = self.load.input_tokens * len(self.good)
        return self.output_per_second + input_tokens / self.seconds

    @property
    def first(self) -> Spread | None:
        """Seconds until the first text: time to first token (TTFT)."""
        return spread(
            [sample.first for sample in self.good if sample.first is not None]
        )

    @property
    def per_token(self) -> Spread | None:
        """Seconds for each token after the first: time per output token (TPOT)."""
        return spread(
            [sample.per_token for sample in self.good if sample.per_token is not None]
        )

    @property
    def latency(self) -> Spread | None:
        """Seconds until the end of an answer."""
        return spread([sample.latency for sample in self.good])


def spread(values: Sequence[float]) -> Spread | None:
    """Mean and percentiles, with linear interpolation between two values. None: there are no values."""
    if not values:
        return None
    ordered = sorted(values)
    mean = sum(ordered) / len(ordered)
    percentiles = [_percentile(ordered, percent) for percent in PERCENTILES]
    return Spread(mean, tuple(percentiles))


def _percentile(ordered: Sequence[float], percent: float) -> float:
    position = (len(ordered) - 1) * percent / 100
    lower = ordered[math.floor(position)]
    upper = ordered[math.ceil(position)]
    fraction = position - math.floor(position)
    return lower + (upper - lower) * fraction


async def bench(
    link: Link,
    service: ResolvedService,
    load: Load,
    tick: Callable[[], None] = lambda: None,
) -> Measurement:
    """Send requests of one size until all of them are answered.

    Args:
        link: The connection to the service.
        service: The service.
        load: The requests.
        tick: Called after each answer.
    """
    numbers = iter(range(load.requests))
    samples: list[Sample] = []

    async def send_requests() -> None:
        for number in numbers:
            sample = await _sample(link, service, load, number=number)
            samples.append(sample)
            tick()

    start = time.perf_counter()
    senders = [send_requests() for _ in range(load.concurrency)]
    await asyncio.gather(*senders)
    seconds = time.perf_counter() - start
    return Measurement(load, seconds, tuple(samples))


async def warm_up(link: Link, service: ResolvedService, load: Load) -> Answer:
    """Send the first request of a size. It is not measured.

    Raises:
        UnreachableError: The server does not answer.
    """
    return await send(link, load_request(service, load, number=load.requests))


async def _sample(
    link: Link,
    service: ResolvedService,
    load: Load,
    number: int,
) -> Sample:
    start = time.perf_counter()
    try:
        answer = await send(link, load_request(service, load, number))
    except UnreachableError as problem:
        return Sample(time.perf_counter() - start, error=problem.message)
    if not answer.ok:
        return Sample(answer.seconds, error=answer.failure)
    tokens = answer.tokens
    if tokens is None:
        # The plain server does not report it, but ignore_eos makes it exactly this many.
        tokens = load.output_tokens
    return Sample(answer.seconds, first=answer.first, tokens=tokens)


def load_request(service: ResolvedService, load: Load, number: int) -> Request:
    """A request of the load's size.

    Every prompt of every level and run is different from the first tokens on, so that the prefix cache of the server
    contains none of them. The OpenAI server gets token ids. The plain server only accepts text: a word of the prompt is
    about one token.
    """
    parameters = {
        "max_tokens": load.output_tokens,
        "temperature": 0.0,
        "ignore_eos": True,
        "stream": True,
    }
    token_ids = _token_ids(load, number)
    if service.server.kind == "api_server":
        text = " ".join(str(token_id) for token_id in token_ids)
        return question(Kind.GENERATE, service, text, options=parameters)
    request = question(Kind.COMPLETE, service, "", options=parameters)
    return Request(Kind.COMPLETE, {**request.body, "prompt": token_ids})


def _token_ids(load: Load, number: int) -> list[int]:
    """Random token ids that depend on the run, the level and the number of the request."""
    name = f"{load.seed} {load.level} {number}"
    random_bytes = hashlib.shake_128(name.encode()).digest(
        load.input_tokens * _RANDOM_BYTES
    )
    token_ids = []
    for position in range(0, len(random_bytes), _RANDOM_BYTES):
        value = int.from_bytes(random_bytes[position : position + _RANDOM_BYTES], "big")
        token_ids.append(_FIRST_TOKEN_ID + value % _TOKEN_IDS)
    return token_ids


def too_long(service: ResolvedService, load: Load) -> Finding | None:
    """A finding if the requests are longer than the service allows."""
    longest = service.engine.max_model_len
    total = load.input_tokens + load.output_tokens
    if total <= longest:
        return None
    origin = service.origins["engine.maxModelLen"].source
    source = service.release.request_sources["too-long"]
    return Finding(
        rule="too-long",
        severity="error",
        message=f"{load.input_tokens} input tokens and {load.output_tokens} output tokens exceed maxModelLen {longest}",
        why=f"vLLM answers 400 to requests that are longer than maxModelLen ({source})",
        fix="lower --input-len or --output-len",
        marks=(
            Mark(("--input-len",)),
            Mark(("--output-len",)),
            Mark(("services", service.name, "engine", "maxModelLen"), origin),
        ),
    )
