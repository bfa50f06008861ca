"""Rules on scheduling: how many tokens and requests the engine processes in one iteration."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.finding import Finding, at, error, warning

_BACKEND = "guided-decoding-backend"


@rule("error")
def batched_tokens_below_length(server: ModelServer) -> Iterator[Finding]:
    """`maxNumBatchedTokens` is at least `maxModelLen`, unless prefill is chunked.

    Without chunked prefill, a whole prompt must fit into one iteration. vLLM 0.6.3 exits at start with a smaller value
    (vllm/config.py:1024).
    """
    engine = server.engine
    if (
        engine.enable_chunked_prefill
        or engine.max_num_batched_tokens >= engine.max_model_len
    ):
        return
    fewest = max(engine.max_model_len, engine.max_num_seqs)
    yield error(
        f"maxNumBatchedTokens {engine.max_num_batched_tokens} is below maxModelLen {engine.max_model_len}",
        why="a prompt must fit into one iteration without chunked prefill, so vLLM exits at start"
        " (vllm/config.py:1024)",
        fix=f"write engine.maxNumBatchedTokens: {fewest}, or remove engine.maxNumBatchedTokens",
        marks=[
            at("engine.maxNumBatchedTokens", "tokens in one iteration"),
            at("engine.maxModelLen", "tokens of the longest request"),
        ],
    )


@rule("error")
def batched_tokens_below_sequences(server: ModelServer) -> Iterator[Finding]:
    """`maxNumBatchedTokens` is at least `maxNumSeqs`.

    Every request adds at least one token to an iteration. vLLM 0.6.3 exits at start with a smaller value
    (vllm/config.py:1034).
    """
    engine = server.engine
    if engine.max_num_batched_tokens >= engine.max_num_seqs:
        return
    fewest = engine.max_num_seqs
    if not engine.enable_chunked_prefill:
        fewest = max(fewest, engine.max_model_len)
    yield error(
        f"maxNumBatchedTokens {engine.max_num_batched_tokens} is below maxNumSeqs {engine.max_num_seqs}",
        why="each request of an iteration needs at least one token, so vLLM exits at start (vllm/config.py:1034)",
        fix=f"write engine.maxNumBatchedTokens: {fewest}, or remove engine.maxNumBatchedTokens",
        marks=[
            at("engine.maxNumBatchedTokens", "tokens in one iteration"),
            at("engine.maxNumSeqs", "requests in one iteration"),
        ],
    )


@rule("error")
def multi_step_chunked_pipeline(server: ModelServer) -> Iterator[Finding]:
    """Multi-step scheduling, chunked prefill and pipeline parallelism are not used together.

    vLLM 0.6.3 exits at start with all three (vllm/engine/arg_utils.py:1009).
    """
    engine = server.engine
    stages = engine.pipeline_parallel_size
    if (
        engine.num_scheduler_steps == 1
        or not engine.enable_chunked_prefill
        or stages == 1
    ):
        return
    yield error(
        "multi-step scheduling, chunked prefill and pipeline parallelism exclude each other",
        why="vLLM 0.6.3 exits at start with all three (vllm/engine/arg_utils.py:1009)",
        fix="remove engine.numSchedulerSteps, or remove engine.enableChunkedPrefill, or lower pipelineParallelSize",
        marks=[
            at("engine.numSchedulerSteps", "more than one step"),
            at("engine.enableChunkedPrefill", "chunked prefill"),
            at("engine.pipelineParallelSize", f"{stages} stages"),
        ],
    )


@rule("warning")
def multi_step_guided_decoding(server: ModelServer) -> Iterator[Finding]:
    """Requests with guided decoding do not reach an engine with multi-step scheduling.

    A request with guided_json, guided_regex, guided_choice, logit_bias or response_format json_object stops the engine
    of vLLM 0.6.3 and fails all other requests (vllm/worker/multi_step_model_runner.py:822). A service that names a
    backend for guided decoding probably expects such requests.
    """
    backend = server.further(_BACKEND)
    if backend and server.engine.num_scheduler_steps > 1:
        yield warning(
            "a request with guided decoding stops an engine with multi-step scheduling",
            why="vLLM 0.6.3 stops at an assertion and all requests fail (vllm/worker/multi_step_model_runner.py:822)",
            fix=f"remove engine.numSchedulerSteps, or remove {extra_argument_key(server, _BACKEND)}",
            marks=[
                at("engine.numSchedulerSteps", "more than one step"),
                extra_argument_mark(server, _BACKEND, f"guided decoding by {backend}"),
            ],
        )
