"""The batch sizes with a graph: those of the default, and how many the streams of the NPU allow in 0.18.0."""

from __future__ import annotations

from models.catalog.facts import ModelFacts
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.launch_settings import LaunchSettings

_STREAMS = 1800
"""Streams for graphs. The plugin reserves the others."""

_OF_GROUP = 40
"""Streams that a group of NPUs takes for its communication."""

_OF_CONTEXT = 100
"""Streams that a kind of context parallelism takes."""


def most_sizes(settings: LaunchSettings) -> int | None:
    """Most sizes with piecewise graphs; None if it is not certain (vllm_ascend/utils.py, update_aclgraph_sizes).

    With HCCL_OP_EXPANSION_MODE=AIV, communication takes fewer streams.
    """
    server = settings.server
    mode = settings.graph_mode
    if mode is None or "PIECEWISE" not in mode or server.facts is None:
        return None
    streams_of_graph = _streams_of_graph(server, server.facts)
    if streams_of_graph is None:
        return None
    if server.env.get("HCCL_OP_EXPANSION_MODE") == "AIV":
        return _most_with_aiv(settings, server.facts, streams_of_graph)
    groups = _groups(server)
    contexts = _above_one(
        settings.parallel_size("prefill-context-parallel-size"),
        settings.parallel_size("decode-context-parallel-size"),
    )
    streams = _STREAMS
    streams -= _OF_GROUP * groups
    streams -= _OF_CONTEXT * contexts
    return int(streams / streams_of_graph / (1 + 2 * groups))


def _most_with_aiv(
    settings: LaunchSettings, facts: ModelFacts, streams_of_graph: int
) -> int:
    server = settings.server
    overlap = settings.key("multistream_overlap_shared_expert")
    factor = 1 + _groups(server)
    if server.engine.enable_expert_parallel:
        factor += 1
    if overlap and overlap.value:
        factor += 1
    if facts.moe:
        factor += _above_one(server.engine.data_parallel_size)
        return int(_STREAMS / streams_of_graph / factor)
    streams = _STREAMS - factor * streams_of_graph
    return int(streams / streams_of_graph / factor)


def _streams_of_graph(server: ModelServer, facts: ModelFacts) -> int | None:
    """Streams of the graph of one size: those of the layers, and of a draft's layers; None if these are not known.

    The search for n-grams has the model itself as its draft.
    """
    streams = facts.num_hidden_layers + 1
    if server.speculative is None or server.speculative.kind == "suffix":
        return streams
    if server.speculative.kind == "ngram":
        return 2 * streams
    if server.speculative.kind == "mtp" and facts.num_nextn_predict_layers:
        return streams + facts.num_nextn_predict_layers + 1
    return None


def _groups(server: ModelServer) -> int:
    """Groups of NPUs that communicate."""
    engine = server.engine
    return _above_one(engine.tensor_parallel_size, engine.data_parallel_size)


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
    return sizes_up_to(min(largest, server.engine.max_num_batched_tokens))


def sizes_up_to(largest: int) -> list[int]:
    """vLLM's own sizes up to a number of tokens (vllm/config/vllm.py)."""
    candidates = [1, 2, 4, *range(8, 256, 8), *range(256, largest + 1, 16)]
    return [size for size in candidates if size <= largest]
