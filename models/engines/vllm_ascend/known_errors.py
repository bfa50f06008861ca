"""Errors in the log of a failed start of vllm-ascend, and what they mean."""

from __future__ import annotations

from models.engines.log_lines import KnownError

KNOWN_ERRORS: tuple[KnownError, ...] = ()
