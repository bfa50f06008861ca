"""Measurements of `bench` as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cli.output.fitted import terminal_width
from cli.output.table import Row, right_aligned
from client.bench import PERCENTILES, Measurement, Spread

VERSION = 1
"""Of the JSON, see docs/reference/bench-json.md; raised when a key changes its meaning or is removed."""

_HEADER: Row = (
    "concurrent",
    "failed",
    "req/s",
    "out tok/s",
    "all tok/s",
    "ttft ms",
    "tpot ms",
    "latency s",
)
_FIRST_TIME = _HEADER.index("ttft ms")


def table(service: str, measurements: Sequence[Measurement]) -> str:
    """One row for each number of concurrent requests. Times that do not fit the terminal are a table of their own."""
    load = measurements[0].load
    sizes = f"{load.input_tokens} tokens in, {load.output_tokens} out"
    names = [f"p{percent}" for percent in PERCENTILES]
    percentiles = " / ".join(names)
    rows = [_HEADER]
    for measurement in measurements:
        rows.append(_row(measurement))
    lines = [f"{service}: {sizes}; seed {load.seed}; times as {percentiles}"]
    numbers = list(right_aligned(rows))
    if len(numbers[0]) > terminal_width():
        times = [(row[0], *row[_FIRST_TIME:]) for row in rows]
        numbers = [
            *right_aligned(row[:_FIRST_TIME] for row in rows),
            "",
            *right_aligned(times),
        ]
    return "\n".join([*lines, *numbers])


def document(stack: str, service: str, measurements: Sequence[Measurement]) -> str:
    """The contract for programs."""
    record = {
        "version": VERSION,
        "stack": stack,
        "service": service,
        "seed": measurements[0].load.seed,
        "measurements": [_measurement(measurement) for measurement in measurements],
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _row(measurement: Measurement) -> Row:
    failed = len(measurement.samples) - len(measurement.good)
    return (
        str(measurement.load.concurrency),
        str(failed),
        f"{measurement.requests_per_second:.2f}",
        f"{measurement.output_per_second:.0f}",
        f"{measurement.total_per_second:.0f}",
        _milliseconds(measurement.first, digits=0),
        _milliseconds(measurement.per_token, digits=1),
        _seconds(measurement.latency),
    )


def _milliseconds(spread: Spread | None, digits: int) -> str:
    if spread is None:
        return "-"
    return " / ".join(f"{seconds * 1000:.{digits}f}" for seconds in spread.percentiles)


def _seconds(spread: Spread | None) -> str:
    if spread is None:
        return "-"
    return " / ".join(f"{seconds:.2f}" for seconds in spread.percentiles)


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return {
        "concurrency": measurement.load.concurrency,
        "requests": len(measurement.samples),
        "failed": len(measurement.samples) - len(measurement.good),
        "inputTokens": measurement.load.input_tokens,
        "outputTokens": measurement.load.output_tokens,
        "seconds": measurement.seconds,
        "requestsPerSecond": measurement.requests_per_second,
        "outputTokensPerSecond": measurement.output_per_second,
        "totalTokensPerSecond": measurement.total_per_second,
        "ttftSeconds": _figures(measurement.first),
        "tpotSeconds": _figures(measurement.per_token),
        "latencySeconds": _figures(measurement.latency),
        "errors": measurement.errors,
    }


def _figures(spread: Spread | None) -> dict[str, float] | None:
    if spread is None:
        return None
    figures = {"mean": spread.mean}
    for percent, value in zip(PERCENTILES, spread.percentiles, strict=True):
        figures[f"p{percent}"] = value
    return figures
