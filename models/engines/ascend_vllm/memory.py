"""The memory that a model takes of each NPU: its weights, and each token of the KV cache."""

from __future__ import annotations

import math

from models.catalog.facts import ModelFacts
from models.engines.memory import MemoryUse, element_bytes, weight_bytes
from models.engines.model_server import ModelServer

_PADDED_HEAD = 256
"""Numbers of a padded head of a DeepSeek-V2 model."""

_QUANTIZED_BITS = {
    "awq": 4,
    "gptq": 4,
    "int4": 4,
    "w4a16": 4,
    "compressed-tensors": 4,
    "smoothquant": 8,
    "fp8": 8,
    "int8": 8,
    "w8a8": 8,
    "w8a16": 8,
}
"""Fewest bits of a weight in a layer, by quantization."""


def memory_use(server: ModelServer, facts: ModelFacts) -> MemoryUse:
    """The memory of the NPU that has most of the weights; a lower bound.

    The weights are those of the layers, divided by tensor and pipeline parallelism, and the tables of tokens. A token's
    KV cache is the keys and values of each KV head in each layer.
    """
    layers = math.ceil(facts.num_hidden_layers / server.engine.pipeline_parallel_size)
    cached_bytes = element_bytes(server)
    if server.further("kv-cache-dtype") not in (None, "auto"):
        cached_bytes = 1
    elements = _token_elements(facts, server.engine.tensor_parallel_size)
    return MemoryUse(
        weights=_weight_bytes(server, facts, layers),
        token=elements * layers * cached_bytes,
    )


def _weight_bytes(server: ModelServer, facts: ModelFacts, layers: int) -> int:
    """Bytes of the weights on the NPU that has most of them."""
    bits = _quantized_bits(server, facts)
    stage_bytes = weight_bytes(server, facts, layers, bits)
    return stage_bytes // server.engine.tensor_parallel_size


def _quantized_bits(server: ModelServer, facts: ModelFacts) -> int | None:
    """Bits of a weight in a quantized layer, by the stack file, by config.json, or by the name of the checkpoint."""
    quantization = (
        server.quantization or facts.quantization or _quantization_in_name(server)
    )
    return _QUANTIZED_BITS.get(quantization)


def _quantization_in_name(server: ModelServer) -> str:
    suffix = ""
    if server.known and server.known.suffix:
        suffix = server.known.suffix.lower()
    if "int8" in suffix:
        return "int8"
    return suffix.partition("-")[0]


def _token_elements(facts: ModelFacts, parts: int) -> int:
    """Numbers that a layer stores for a token on each NPU: the keys and values of its KV heads.

    For the DeepSeek-V2 models, vLLM 0.6.3 stores whole keys and values, not the compressed ones (MLA), and pads each
    head to 256 numbers (vllm/config.py:453, vllm/model_executor/models/deepseek_v2.py:304). It does not know other
    models with MLA. For them, the compressed ones are counted.
    """
    head_size = facts.head_size
    if facts.model_type == "deepseek_v2":
        head_size = _PADDED_HEAD
    elif facts.kv_lora_rank:
        return facts.kv_lora_rank + (facts.qk_rope_head_dim or 0)
    kv_heads = max(facts.num_key_value_heads // parts, 1)
    return 2 * kv_heads * head_size
