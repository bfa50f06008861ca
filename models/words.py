"""Numbers and times as people say them, alike in every text."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things: `1 NPU`, `8 NPUs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """A time span: `8 min`."""
    whole = int(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 90 * 60:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < 48 * 3600 else f"{whole // 86400} d"
