"""Log lines of vllm-ascend for each phase of a start."""

from __future__ import annotations

from models.engines.ascend_vllm.start_phases import START_PHASES

__all__ = ["START_PHASES"]
