"""Rules that hold for releases of vllm-ascend only, one module for each topic."""

from __future__ import annotations

from models.engines.rules import rules_in
from models.engines.vllm_ascend.rules import (
    dead_settings,
    engine_limits,
    experts,
    finegrained_parallel,
    flash_comm,
    graphs,
    json_flags,
    kv_offloading,
    kv_transfer,
    limits,
    model_limits,
    model_types,
    not_judged,
    one_of_several_nodes,
    parallel,
    parsers,
    quantized_weights,
    rerankers,
    resets,
    setting_values,
    shutdown,
)

RULES = rules_in(
    dead_settings,
    engine_limits,
    experts,
    finegrained_parallel,
    flash_comm,
    graphs,
    json_flags,
    kv_offloading,
    kv_transfer,
    limits,
    model_limits,
    model_types,
    not_judged,
    one_of_several_nodes,
    parallel,
    parsers,
    quantized_weights,
    rerankers,
    resets,
    setting_values,
    shutdown,
)
