"""The batch sizes with a graph: those of the default, and how many the streams of the NPU allow in 0.18.0."""

from __future__ import annotations

from models.engines.vllm_ascend.launch_settings import LaunchSettings

_STREAMS = 1800
"""Streams for graphs. The plugin reserves the others."""

_OF_GROUP = 40
"""Streams that a group of NPUs takes for its communication."""

_OF_CONTEXT = 100
"""Streams that a kind of context parallelism takes."""


def most_sizes(settings: LaunchSettings) -> int | None:
    """Most sizes with piecewise graphs; None if it is not certain (vllm_ascend/utils.py, update_aclgraph_sizes).

    With HCCL_OP_EXPANSION_MODE=AIV there is another formula, and a draft model adds its own layers.
    """
    server = settings.server
    mode = settings.graph_mode
    if mode is None or "PIECEWISE" not in mode or server.facts is None:
        return None
    if server.speculative or server.env.get("HCCL_OP_EXPANSION_MODE") == "AIV":
        return None
    groups = _above_one(
        server.engine.tensor_parallel_size,
        server.engine.data_parallel_size,
    )
    contexts = _above_one(
        settings.parallel_size("prefill-context-parallel-size"),
        settings.parallel_size("decode-context-parallel-size"),
    )
    streams = _STREAMS
    streams -= _OF_GROUP * groups
    streams -= _OF_CONTEXT * contexts
    streams_of_graph = server.facts.num_hidden_layers + 1
    graphs = streams / streams_of_graph
    return int(graphs / (1 + 2 * groups))


def _above_one(*sizes: int) -> int:
    """How many sizes are above 1."""
    return len([size for size in sizes if size > 1])


def default_sizes(settings: LaunchSettings) -> list[int]:
    """The sizes without `captureSizes`: up to the tokens of a decode step (vllm/config/vllm.py).

    The plugin takes `maxNumSeqs` times the tokens of a step as the largest size, at most 512.
    """
    server = settings.server
    step = 1
    if server.speculative:
        step += server.speculative.tokens
    largest = min(server.engine.max_num_seqs * step, 512)
    configured = settings.field("compilation-config", "max_cudagraph_capture_size")
    if configured and configured.number >= 1:
        largest = int(configured.number)
    largest = min(largest, server.engine.max_num_batched_tokens)
    candidates = [1, 2, 4, *range(8, 256, 8), *range(256, largest + 1, 16)]
    return [size for size in candidates if size <= largest]
