"""The memory that a release needs."""

from __future__ import annotations

from dataclasses import dataclass

from models.catalog.facts import ModelFacts
from models.catalog.sizes import layer_parameters, table_parameters
from models.engines.model_server import ModelServer

GIB = 2**30
"""Bytes of a GiB."""


@dataclass(frozen=True)
class MemoryUse:
    """Bytes on the NPU that holds most; a lower bound, because activations and buffers come on top."""

    weights: int
    token: int
    """KV cache of a token."""


def weight_bytes(
    server: ModelServer, facts: ModelFacts, layers: int, bits: int | None
) -> int:
    """Bytes of the weights of a pipeline stage: its layers, and its tables of tokens.

    Args:
        server: The server.
        facts: The facts of its model.
        layers: The layers of the stage.
        bits: Bits of a quantized weight in a layer; None without quantization. The tables are not quantized.
    """
    bytes_of_number = element_bytes(server)
    if bits is None:
        bits = 8 * bytes_of_number
    tables = 2
    if server.engine.pipeline_parallel_size > 1 or facts.tie_word_embeddings:
        tables = 1
    layer_bytes = layer_parameters(facts) * layers * bits // 8
    table_bytes = table_parameters(facts) * tables * bytes_of_number
    return layer_bytes + table_bytes


def element_bytes(server: ModelServer) -> int:
    """Bytes of a number that is not quantized."""
    if server.engine.dtype in ("float", "float32"):
        return 4
    return 2
