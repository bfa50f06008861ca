"""The memory that a release needs on each NPU."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryUse:
    """Bytes on the NPU that holds most; a lower bound, because activations and buffers come on top."""

    weights: int
    token: int
    """KV cache of a token."""
