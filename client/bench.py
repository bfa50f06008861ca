"""Measure a service under load: times and throughput by the number of requests at once."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from client.answer import Answer
from client.body import question
from client.http import Link, UnreachableError, send
from models.engines.requests import Kind, Request
from models.finding import Finding, Mark
from models.service.resolved import ResolvedService

PERCENTILES = (50, 90, 99)

_LOWEST, _IDS = 100, 1000
"""Token ids that every vocabulary has and that are no special tokens: 100 to 1099."""


@dataclass(frozen=True)
class Load:
    """What a service is given to do."""

    concurrency: int
    """Requests at once."""
    requests: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Sample:
    """One request under load; times in seconds."""

    latency: float
    first: float | None = None
    """Until the first text."""
    tokens: int = 0
    """Of the answer."""
    error: str = ""

    @property
    def per_token(self) -> float | None:
        """Seconds for each token after the first."""
        if self.first is None or self.tokens < 2:
            return None
        return (self.latency - self.first) / (self.tokens - 1)


@dataclass(frozen=True)
class Spread:
    """How values are spread."""

    mean: float
    percentiles: tuple[float, ...]
    """In the order of `PERCENTILES`."""


@dataclass(frozen=True)
class Measured:
    """What a service did under a load."""

    load: Load
    seconds: float
    """From the first request to the last answer."""
    samples: tuple[Sample, ...]

    @property
    def good(self) -> list[Sample]:
        """The requests that were answered."""
        return [sample for sample in self.samples if not sample.error]

    @property
    def errors(self) -> list[str]:
        """What went wrong, each once."""
        return [*dict.fromkeys(sample.error for sample in self.samples if sample.error)]

    @property
    def requests_per_second(self) -> float:
        """Answers in a second."""
        return len(self.good) / self.seconds

    @property
    def output_per_second(self) -> float:
        """Tokens of answers in a second, of all requests together."""
        return sum(sample.tokens for sample in self.good) / self.seconds

    @property
    def total_per_second(self) -> float:
        """Tokens of prompts and answers in a second."""
        return self.output_per_second + self.load.input_tokens * len(self.good) / self.seconds

    @property
    def first(self) -> Spread | None:
        """Seconds until the first text (TTFT)."""
        return spread([sample.first for sample in self.good if sample.first is not None])

    @property
    def per_token(self) -> Spread | None:
        """Seconds for each token after the first (TPOT)."""
        return spread([sample.per_token for sample in self.good if sample.per_token is not None])

    @property
    def latency(self) -> Spread | None:
        """Seconds until the end of an answer."""
        return spread([sample.latency for sample in self.good])


def spread(values: Sequence[float]) -> Spread | None:
    """Mean and percentiles, between two values in proportion; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return Spread(sum(ordered) / len(ordered), tuple(_percentile(ordered, percent) for percent in PERCENTILES))


def _percentile(ordered: Sequence[float], percent: float) -> float:
    place = (len(ordered) - 1) * percent / 100
    low, high = math.floor(place), math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


async def bench(link: Link, service: ResolvedService, load: Load, tick: Callable[[], None] = lambda: None) -> Measured:
    """Send requests of one size, so many at once, until all are answered.

    Args:
        link: The way to the service.
        service: The service.
        load: What it is given to do.
        tick: Told of each answer.
    """
    numbers = iter(range(load.requests))

    async def work() -> list[Sample]:
        done = []
        for number in numbers:
            done.append(await _sample(link, service, load, number))
            tick()
        return done

    began = time.perf_counter()
    parts = await asyncio.gather(*(work() for _ in range(load.concurrency)))
    return Measured(load, time.perf_counter() - began, tuple(sample for part in parts for sample in part))


async def warm_up(link: Link, service: ResolvedService, load: Load) -> Answer:
    """The first request of a size, which is not measured.

    Raises:
        UnreachableError: The server does not answer.
    """
    return await send(link, request(service, load, load.requests))


async def _sample(link: Link, service: ResolvedService, load: Load, number: int) -> Sample:
    began = time.perf_counter()
    try:
        answer = await send(link, request(service, load, number))
    except UnreachableError as problem:
        return Sample(time.perf_counter() - began, error=problem.message)
    if not answer.ok:
        return Sample(
            answer.seconds, error=f"{answer.status}: {answer.error}" if answer.status != 200 else answer.error
        )
    # The plain server does not count; ignore_eos makes the answer as long as it may be.
    tokens = load.output_tokens if answer.tokens is None else answer.tokens
    return Sample(answer.seconds, answer.first, tokens)


def request(service: ResolvedService, load: Load, number: int) -> Request:
    """A request of exactly the load's size.

    No two prompts begin alike, so that no cache of prefixes helps. The plain server takes text only; a word of its
    prompts is about a token.
    """
    given = {"max_tokens": load.output_tokens, "temperature": 0.0, "ignore_eos": True, "stream": True}
    ids = [*_token_ids(load.input_tokens, number)]
    if service.server.kind == "api_server":
        return question(Kind.GENERATE, service, " ".join(map(str, ids)), given)
    asked = question(Kind.COMPLETE, service, "", given)
    return Request(Kind.COMPLETE, {**asked.body, "prompt": ids})


def _token_ids(count: int, number: int) -> Iterator[int]:
    yield from (_LOWEST + (number * 7919 + place * 104729 + number * place) % _IDS for place in range(count))


def too_long(service: ResolvedService, load: Load) -> Finding | None:
    """The finding about requests that are longer than the service allows."""
    longest = service.engine.max_model_len
    if load.input_tokens + load.output_tokens <= longest:
        return None
    origin = service.origins["engine.maxModelLen"].source
    return Finding(
        "too-long",
        "error",
        f"{load.input_tokens} and {load.output_tokens} tokens together are more than {longest}",
        "vLLM answers 400 beyond maxModelLen (vllm/entrypoints/openai/serving_engine.py:272)",
        "lower --input-len or --output-len",
        (
            Mark(("--input-len",)),
            Mark(("--output-len",)),
            Mark(("services", service.name, "engine", "maxModelLen"), origin),
        ),
    )
