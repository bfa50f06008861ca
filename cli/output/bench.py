"""Measurements of `bench` as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cli.output.table import right_aligned
from client.bench import PERCENTILES, Measured, Spread

VERSION = 1
"""Of the JSON, see docs/reference/bench-json.md; raised when a key changes its meaning or is removed."""

_HEADER: tuple[str, ...] = (
    "at once",
    "failed",
    "req/s",
    "out tok/s",
    "all tok/s",
    "ttft ms",
    "tpot ms",
    "latency s",
)


def table(service: str, measurements: Sequence[Measured]) -> str:
    """One row for each number of concurrent requests."""
    load = measurements[0].load
    sizes = f"{load.input_tokens} tokens in, {load.output_tokens} out"
    names = [f"p{percent}" for percent in PERCENTILES]
    percentiles = " / ".join(names)
    rows = [_HEADER]
    for measured in measurements:
        rows.append(_row(measured))
    lines = [f"{service}: {sizes}; times as {percentiles}"]
    lines += right_aligned(rows)
    return "\n".join(lines)


def document(stack: str, service: str, measurements: Sequence[Measured]) -> str:
    """The contract for programs."""
    record = {
        "version": VERSION,
        "stack": stack,
        "service": service,
        "measurements": [_measurement(measured) for measured in measurements],
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _row(measured: Measured) -> tuple[str, ...]:
    failed = len(measured.samples) - len(measured.good)
    return (
        str(measured.load.concurrency),
        str(failed),
        f"{measured.requests_per_second:.2f}",
        f"{measured.output_per_second:.0f}",
        f"{measured.total_per_second:.0f}",
        _milliseconds(measured.first, digits=0),
        _milliseconds(measured.per_token, digits=1),
        _seconds(measured.latency),
    )


def _milliseconds(spread: Spread | None, digits: int) -> str:
    if spread is None:
        return "-"
    return " / ".join(f"{seconds * 1000:.{digits}f}" for seconds in spread.percentiles)


def _seconds(spread: Spread | None) -> str:
    if spread is None:
        return "-"
    return " / ".join(f"{seconds:.2f}" for seconds in spread.percentiles)


def _measurement(measured: Measured) -> dict[str, Any]:
    return {
        "concurrency": measured.load.concurrency,
        "requests": len(measured.samples),
        "failed": len(measured.samples) - len(measured.good),
        "inputTokens": measured.load.input_tokens,
        "outputTokens": measured.load.output_tokens,
        "seconds": measured.seconds,
        "requestsPerSecond": measured.requests_per_second,
        "outputTokensPerSecond": measured.output_per_second,
        "totalTokensPerSecond": measured.total_per_second,
        "ttftSeconds": _figures(measured.first),
        "tpotSeconds": _figures(measured.per_token),
        "latencySeconds": _figures(measured.latency),
        "errors": measured.errors,
    }


def _figures(spread: Spread | None) -> dict[str, float] | None:
    if spread is None:
        return None
    figures = {"mean": spread.mean}
    for percent, value in zip(PERCENTILES, spread.percentiles, strict=True):
        figures[f"p{percent}"] = value
    return figures
