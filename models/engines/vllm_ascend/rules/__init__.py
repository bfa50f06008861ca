"""Rules that hold for releases of vllm-ascend only, one module for each topic."""

from __future__ import annotations

from models.engines.rules import rules_in
from models.engines.vllm_ascend.rules import (
    experts,
    finegrained_parallel,
    flash_comm,
    graphs,
    kv_transfer,
    limits,
    parallel,
)

RULES = rules_in(
    experts,
    finegrained_parallel,
    flash_comm,
    graphs,
    kv_transfer,
    limits,
    parallel,
)
