"""Limits on requests by release, from `request_limits.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "request_limits.json"


@dataclass(frozen=True)
class Count:
    """The most items of a field."""

    most: int
    variable: str
    """The variable that sets another number."""
    source: str
    """The line of vLLM that refuses more."""


@dataclass(frozen=True)
class RequestLimits:
    """The limits of a release on requests. None means that there is no limit."""

    temperature: float | None
    """The highest temperature."""
    stop_texts: int | None
    """Most texts in `stop`, unless the variable VLLM_MAX_STOP_STRINGS sets another number."""
    least_logprobs: int
    """The lowest value of `logprobs` in a completion."""
    cache_salt: int | None
    """Most characters of `cache_salt`, which then contains no character of a path."""
    counts: Mapping[str, Count]
    """The most answers (`n`) and prompts of a request."""
    sources: Mapping[str, str]
    """The line of vLLM that refuses a request, by the id of the rule that reports it."""


@cache
def request_limits(release: str) -> RequestLimits:
    """The limits of a release.

    Raises:
        KeyError: The release is not known.
    """
    document = json.loads(_FILE.read_text(encoding="utf-8"))
    entry = document["releases"][release]
    counts = {field: Count(**count) for field, count in entry["counts"].items()}
    return RequestLimits(**{**entry, "counts": counts})


def limits_in_words(release: str) -> dict[str, str]:
    """The limits that differ between releases, by the field of a request."""
    limits = request_limits(release)
    words = {
        "logprobs": f"at least {limits.least_logprobs} in a completion",
        "prompt_logprobs": "at least -1",
        "top_k": "at least -1",
    }
    if limits.temperature is not None:
        words["temperature"] = f"at most {limits.temperature:g}"
    if limits.stop_texts is not None:
        words["stop"] = f"at most {limits.stop_texts} texts"
    if "bad-words" in limits.sources:
        words["bad_words"] = "no empty text"
    if "empty-tools" in limits.sources:
        words["tools"] = "not empty"
    words["cache_salt"] = "not empty"
    if limits.cache_salt is not None:
        words["cache_salt"] += (
            f", at most {limits.cache_salt} characters, none of a path"
        )
    for field, count in limits.counts.items():
        words[field] = f"at most {count.most}"
    return words
