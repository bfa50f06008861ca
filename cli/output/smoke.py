"""Results of `smoke` as lines of text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from cli.output.terminal import series
from client.smoke import Check, SmokeResult

VERSION = 1
"""Of the JSON, see docs/reference/smoke-json.md; raised when a key changes its meaning or is removed."""

_SIGNS = {"passed": "✓", "failed": "✗", "skipped": "–"}
_SHORT = 0.1
"""Seconds below which a time is shown in milliseconds."""


def lines(result: SmokeResult, width: int = 0) -> Iterator[str]:
    """A service with its checks: `qwen2-7b  health ✓ 3 ms · chat ✓ 0.41 s · guided json – (multi-step is on)`.

    They take several lines if the terminal is too narrow.
    """
    checks = [_check_text(check) for check in result.checks]
    yield from series(f"{result.service:<{width}}  ", checks)


def document(stack: str, results: Sequence[SmokeResult]) -> str:
    """The contract for programs."""
    services = []
    for result in results:
        checks = [_check(check) for check in result.checks]
        services.append({"name": result.service, "ok": result.ok, "checks": checks})
    record = {"version": VERSION, "stack": stack, "services": services}
    return json.dumps(record, indent=2, ensure_ascii=False)


def _check_text(check: Check) -> str:
    parts = [check.name, _SIGNS[check.state]]
    if check.seconds is not None and check.state == "passed":
        parts.append(_time(check.seconds))
    elif check.detail:
        parts.append(f"({check.detail})")
    speed = []
    if check.first is not None:
        speed.append(f"ttft {check.first * 1000:.0f} ms")
    if check.tokens_per_second is not None:
        speed.append(f"{check.tokens_per_second:.0f} tok/s")
    if speed:
        parts.append(f"({', '.join(speed)})")
    return " ".join(parts)


def _time(seconds: float) -> str:
    if seconds < _SHORT:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s"


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "state": check.state,
        "seconds": check.seconds,
        "reason": check.detail or None,
        "ttftSeconds": check.first,
        "tokensPerSecond": check.tokens_per_second,
    }
