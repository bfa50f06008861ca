"""The rules that only Ascend-vLLM has: combinations that vLLM 0.6.3 refuses or ignores, and limits of its models."""

from __future__ import annotations

from models.engines.ascend_vllm.rules import (
    architecture,
    features,
    lengths,
    memory,
    precision,
    rope_scaling,
    scheduling,
)
from models.engines.rules import rules_in

RULES = rules_in(
    architecture, features, lengths, memory, precision, rope_scaling, scheduling
)
