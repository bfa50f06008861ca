"""The metrics of a release."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metrics:
    """Where a server reports its metrics, and the names of those that the program reads."""

    path: str
    kv_cache_usage: str
    """Share of the KV cache that is used, from 0 to 1."""
    waiting_requests: str
    """Requests that wait for the engine."""
    unfinished_requests: tuple[str, ...]
    """Gauges whose sum is the number of requests without an answer."""
