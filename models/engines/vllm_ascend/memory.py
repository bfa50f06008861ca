"""The memory that a model takes of each NPU: its weights, and each token of the KV cache."""

from __future__ import annotations

import math

from models.catalog.facts import ModelFacts
from models.catalog.sizes import layer_parameters, table_parameters
from models.engines.memory import MemoryUse
from models.engines.model_server import ModelServer

_BITS_IN_NAME = {"w4a4": 4, "w4a8": 4, "w4a16": 4, "w8a8": 8, "w8a16": 8}
"""Fewest bits of a weight in a layer, by a part of the checkpoint's name (msModelSlim)."""

_BITS_OF_METHOD = {"compressed-tensors": 4, "fp8": 8, "deepseek_v4_fp8": 4, "ascend": 4}
"""Fewest bits of a weight in a layer, by the method of quantization."""


def memory_use(server: ModelServer, facts: ModelFacts) -> MemoryUse:
    """The memory of the NPU that has most of the weights; a lower bound.

    The weights are those of the layers, divided by tensor, pipeline and (experts only) data parallelism, and the tables
    of tokens. A token's KV cache is the keys and values of each KV head in each layer, or the compressed ones (MLA).
    """
    layers = math.ceil(facts.num_hidden_layers / server.engine.pipeline_parallel_size)
    cached_bytes = _cached_bytes(server)
    elements = _token_elements(facts, server.engine.tensor_parallel_size)
    return MemoryUse(
        weights=_weight_bytes(server, facts, layers),
        token=elements * layers * cached_bytes,
    )


def _weight_bytes(server: ModelServer, facts: ModelFacts, layers: int) -> int:
    element_bytes = _element_bytes(server)
    bits = _quantized_bits(server, facts) or 8 * element_bytes
    tables = 2
    if server.engine.pipeline_parallel_size > 1 or facts.tie_word_embeddings:
        tables = 1
    layer_bytes = layer_parameters(facts) * layers * bits // 8
    table_bytes = table_parameters(facts) * tables * element_bytes
    parts = server.engine.tensor_parallel_size
    if server.engine.enable_expert_parallel:
        parts *= server.engine.data_parallel_size
    return (layer_bytes + table_bytes) // parts


def _element_bytes(server: ModelServer) -> int:
    """Bytes of a number that is not quantized."""
    if server.engine.dtype in ("float", "float32"):
        return 4
    return 2


def _cached_bytes(server: ModelServer) -> int:
    """Fewest bytes of a number in the KV cache."""
    dtype = server.engine.kv_cache_dtype
    if dtype in (None, "auto"):
        return _element_bytes(server)
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


def _token_elements(facts: ModelFacts, parts: int) -> int:
    """Numbers that a layer stores for a token on each NPU."""
    if facts.kv_lora_rank:
        return facts.kv_lora_rank + (facts.qk_rope_head_dim or 0)
    kv_heads = max(facts.num_key_value_heads // parts, 1)
    return 2 * kv_heads * facts.head_size
