"""Measure both servers in turn under the same load: the first one twice, the second one once, in each round."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from client.bench import Load, bench
from client.body import pooling
from client.comparison.chance import seeded
from client.comparison.side import Side
from client.http import UnreachableError, send

_INPUT_TOKENS = 256
_OUTPUT_TOKENS = 32
_POOLING_WORDS = 128


@dataclass(frozen=True)
class SpeedLoad:
    """The load of a comparison."""

    rounds: int
    requests: int
    """Requests of each measurement."""
    concurrency: int
    seed: int
    """Number of the prompts. The same number repeats them."""


@dataclass(frozen=True)
class Round:
    """The times of a round in seconds, by their name. Less is better.

    `ttft` is the time to the first token, `tpot` the time for each further token, `latency` the time of a request for
    numbers, and `throughput` the time of the load for each of its tokens or requests.
    """

    first: Mapping[str, float]
    """Of A."""
    again: Mapping[str, float]
    """Of A again."""
    other: Mapping[str, float]
    """Of B."""

    @property
    def in_order(self) -> tuple[Mapping[str, float], ...]:
        """The times of A, of A again, and of B."""
        return self.first, self.again, self.other

    def has(self, name: str) -> bool:
        """Whether a time was measured all three times."""
        return all(times.get(name, 0) > 0 for times in self.in_order)


class NotMeasuredError(Exception):
    """A server did not answer under load."""

    def __init__(self, side: Side, message: str) -> None:
        super().__init__(message)
        self.side = side
        self.message = message


async def measure_rounds(
    a: Side,
    b: Side,
    load: SpeedLoad,
    tick: Callable[[], None] = lambda: None,
) -> list[Round]:
    """Measure all rounds. The order within a round is random, so that a trend of the load favours neither server.

    Args:
        a: The server that is the yardstick.
        b: The server that is judged.
        load: The load.
        tick: Called after each measurement.

    Raises:
        NotMeasuredError: A server does not answer.
    """
    chance = seeded(load.seed)
    for side in (a, b):
        await _measured(side, load, level=0)  # warms up
        tick()
    rounds = []
    level = 1
    for _ in range(load.rounds):
        turns = [("first", a), ("again", a), ("other", b)]
        chance.shuffle(turns)
        times = {}
        for turn, side in turns:
            times[turn] = await _measured(side, load, level)
            level += 1
            tick()
        rounds.append(Round(times["first"], times["again"], times["other"]))
    return rounds


async def _measured(side: Side, load: SpeedLoad, level: int) -> Mapping[str, float]:
    """The times of one measurement. Each uses other prompts, so no prefix cache has seen them."""
    if not side.has_texts:
        return await _pooling_times(side, load, level)
    longest = side.service.engine.max_model_len
    measurement = await bench(
        side.link,
        side.service,
        Load(
            concurrency=load.concurrency,
            requests=load.requests,
            input_tokens=min(_INPUT_TOKENS, max(longest // 4, 1)),
            output_tokens=min(_OUTPUT_TOKENS, max(longest // 4, 1)),
            level=level,
            seed=load.seed,
        ),
    )
    if measurement.errors:
        raise NotMeasuredError(side, measurement.errors[0])
    firsts = [sample.first for sample in measurement.good if sample.first]
    per_token = [sample.per_token for sample in measurement.good if sample.per_token]
    if not firsts or not measurement.output_per_second:
        raise NotMeasuredError(side, "its answers have no text")
    times = {
        "ttft": statistics.median(firsts),
        "throughput": 1 / measurement.output_per_second,
    }
    if per_token:
        times["tpot"] = statistics.median(per_token)
    return times


async def _pooling_times(
    side: Side, load: SpeedLoad, level: int
) -> Mapping[str, float]:
    numbers = iter(range(load.requests))
    latencies: list[float] = []

    async def send_requests() -> None:
        for number in numbers:
            latencies.append(await _pooling_latency(side, load, level, number))

    start = time.perf_counter()
    await asyncio.gather(*(send_requests() for _ in range(load.concurrency)))
    seconds = time.perf_counter() - start
    return {
        "latency": statistics.median(latencies),
        "throughput": seconds / load.requests,
    }


async def _pooling_latency(
    side: Side, load: SpeedLoad, level: int, number: int
) -> float:
    words = _words(f"{load.seed} {level} {number}")
    texts = [" ".join(words), "A document."]
    request = pooling(side.kind, side.service, texts, {})
    try:
        answer = await send(side.link, request)
    except UnreachableError as problem:
        raise NotMeasuredError(side, problem.message) from None
    if not answer.ok:
        raise NotMeasuredError(side, answer.failure)
    return answer.seconds


def _words(seed: str) -> Iterator[str]:
    chance = seeded(seed)
    for _ in range(_POOLING_WORDS):
        yield str(chance.randrange(1000))
