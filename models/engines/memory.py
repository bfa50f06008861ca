"""The memory that a release needs."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30
"""Bytes of a GiB."""


@dataclass(frozen=True)
class MemoryUse:
    """Bytes on the NPU that holds most; a lower bound, because activations and buffers come on top."""

    weights: int
    token: int
    """KV cache of a token."""
