"""Whether a model fits its NPUs: what its weights take, and how many requests of full length the rest holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.catalog.facts import ModelFacts
from models.service.resolved import ResolvedService
from models.service.sizes import all_parameters, layer_parameters, token_elements

_QUANTIZED_BITS = {
    "awq": 4, "gptq": 4, "int4": 4, "w4a16": 4, "compressed-tensors": 4,
    "smoothquant": 8, "fp8": 8, "int8": 8, "w8a8": 8, "w8a16": 8,
}  # fmt: skip
"""Least bits of a weight in a layer, by quantization."""


@dataclass(frozen=True)
class Fit:
    """What a service needs of each NPU, in bytes; a lower bound, as activations and buffers come on top.

    Terms: a token's KV cache is keys and values of each KV head of each layer; the weights are those of the layers,
    divided by tensor and pipeline parallelism, and the tables of tokens.
    """

    memory: int
    """Memory of an NPU."""
    budget: int
    """The engine's share of it: `gpuMemoryUtilization`."""
    parameters: int
    """Of the whole model."""
    weights: int
    """On the NPU that has most of them."""
    token: int
    """KV cache of a token."""
    length: int
    """Tokens of a request of full length: `maxModelLen`."""

    @property
    def tokens(self) -> int:
        """Tokens that the KV cache holds."""
        return max(self.budget - self.weights, 0) // self.token

    @property
    def requests(self) -> int:
        """Requests of full length that are served at once."""
        return self.tokens // self.length


def fit(service: ResolvedService) -> Fit | None:
    """How a service fits the largest NPUs of the cluster; None when the model's facts or the pools are not known."""
    memory = largest_memory(service)
    facts, engine = service.facts, service.engine
    if facts is None or memory is None:
        return None
    parts, stages = engine.tensor_parallel_size, engine.pipeline_parallel_size
    wide = 4 if engine.dtype in ("float", "float32") else 2
    bits = _bits(service, facts) or 8 * wide
    table, layer = facts.vocab_size * facts.hidden_size, layer_parameters(facts)
    layers = math.ceil(facts.num_hidden_layers / stages)
    tables = table * (1 if stages > 1 or facts.tie_word_embeddings else 2)
    return Fit(
        memory=memory,
        budget=int(memory * engine.gpu_memory_utilization),
        parameters=all_parameters(facts),
        weights=(layer * layers * bits // 8 + tables * wide) // parts,
        token=token_elements(facts, parts)
        * layers
        * (wide if service.further("kv-cache-dtype") in (None, "auto") else 1),
        length=engine.max_model_len,
    )


def largest_memory(service: ResolvedService) -> int | None:
    """Memory of the NPUs that a pod of the service can get, in bytes; of several pools the largest."""
    pools = service.cluster.pools.values()
    return max((pool.npu_memory for pool in pools if pool.npus_per_node >= service.npus), default=None)


def _bits(service: ResolvedService, facts: ModelFacts) -> int | None:
    """Bits of a weight in a quantized layer, by the stack file, the checkpoint's own or its name."""
    suffix = (service.known.suffix or "").lower() if service.known else ""
    own = service.quantization or facts.quantization or ("int8" if "int8" in suffix else suffix.partition("-")[0])
    return _QUANTIZED_BITS.get(own)
