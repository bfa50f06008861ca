"""Limits on requests by release, from `request_limits.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "request_limits.json"


@dataclass(frozen=True)
class RequestLimits:
    """The limits of a release on requests. None means that there is no limit."""

    temperature: float | None
    """The highest temperature."""
    stop_texts: int | None
    """Most texts in `stop`, unless the variable VLLM_MAX_STOP_STRINGS sets another number."""
    least_logprobs: int
    """The lowest value of `logprobs` in a completion."""
    sources: Mapping[str, str]
    """The line of vLLM that refuses a request, by the id of the rule that reports it."""


@cache
def request_limits(release: str) -> RequestLimits:
    """The limits of a release.

    Raises:
        KeyError: The release is not known.
    """
    document = json.loads(_FILE.read_text(encoding="utf-8"))
    return RequestLimits(**document["releases"][release])
