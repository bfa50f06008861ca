"""The memory that a model takes of each NPU: its weights, and each token of the KV cache."""

from __future__ import annotations

import math
from fractions import Fraction

from models.catalog.facts import ModelFacts
from models.engines.memory import MemoryUse, element_bytes, weight_bytes
from models.engines.model_server import ModelServer

_BITS_IN_NAME = {"w4a4": 4, "w4a8": 4, "w4a16": 4, "w8a8": 8, "w8a16": 8}
"""Fewest bits of a weight in a layer, by a part of the checkpoint's name (msModelSlim)."""

_BITS_OF_METHOD = {"compressed-tensors": 4, "fp8": 8, "deepseek_v4_fp8": 4, "ascend": 4}
"""Fewest bits of a weight in a layer, by the method of quantization."""


def memory_use(server: ModelServer, facts: ModelFacts) -> MemoryUse:
    """The memory of the NPU that has most of the weights; a lower bound.

    The weights are those of the layers, divided by tensor and pipeline parallelism, and the tables of tokens. Experts
    are also divided by data and prefill context parallelism, with and without expert parallelism
    (vllm/model_executor/layers/fused_moe/config.py:1080 and :1174 of 0.23.0).

    Layers with a window or with linear attention take no memory that grows with the request.
    """
    layers = math.ceil(facts.num_hidden_layers / server.engine.pipeline_parallel_size)
    elements = _token_elements(facts, server.engine.tensor_parallel_size)
    of_stage = elements * layers / facts.num_hidden_layers
    return MemoryUse(
        weights=_weight_bytes(server, facts, layers),
        token=math.floor(of_stage * _cached_bytes(server)),
    )


def _weight_bytes(server: ModelServer, facts: ModelFacts, layers: int) -> int:
    """Bytes of the weights on the NPU that has most of them."""
    bits = _quantized_bits(server, facts)
    stage_bytes = weight_bytes(server, facts, layers, bits)
    parts = server.engine.tensor_parallel_size
    if facts.num_experts:
        parts *= server.engine.data_parallel_size
        parts *= server.engine.prefill_context_parallel_size
    return stage_bytes // parts


def _cached_bytes(server: ModelServer) -> int:
    """Fewest bytes of a number in the KV cache."""
    dtype = server.engine.kv_cache_dtype
    if dtype in (None, "auto"):
        return element_bytes(server)
    if dtype in ("bfloat16", "float16"):
        return 2
    return 1


def _quantized_bits(server: ModelServer, facts: ModelFacts) -> int | None:
    """Fewest bits of a weight in a quantized layer, by the checkpoint's name, else by the method."""
    suffix = ""
    if server.known and server.known.suffix:
        suffix = server.known.suffix.lower()
    for part, bits in _BITS_IN_NAME.items():
        if part in suffix:
            return bits
    method = server.quantization or facts.quantization
    return _BITS_OF_METHOD.get(method or "")


def _token_elements(facts: ModelFacts, parts: int) -> Fraction:
    """Numbers that all layers together store for a token on each NPU."""
    if facts.compress_ratios:
        return _compressed_elements(facts, facts.compress_ratios)
    if facts.kv_lora_rank:
        latent = facts.kv_lora_rank + (facts.qk_rope_head_dim or 0)
        return Fraction(latent * facts.num_hidden_layers + _index_elements(facts))
    full_layers = facts.num_full_attention_layers
    if full_layers is None:
        full_layers = facts.num_hidden_layers
    kv_heads = max(facts.num_key_value_heads // parts, 1)
    return Fraction(2 * kv_heads * facts.head_size * full_layers)


def _compressed_elements(facts: ModelFacts, ratios: list[int]) -> Fraction:
    """Numbers for a token if several tokens share an entry; a layer with the ratio 0 keeps its window only."""
    shares = [
        Fraction(1, ratio) for ratio in ratios[: facts.num_hidden_layers] if ratio
    ]
    return sum(shares, Fraction(0)) * facts.head_size


def _index_elements(facts: ModelFacts) -> int:
    """Numbers for a token that the indexers of sparse attention store, in all layers."""
    if facts.index_head_dim is None:
        return 0
    return facts.index_head_dim * (facts.num_index_layers or facts.num_hidden_layers)
