"""How many tokens and requests the engine takes at a time."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, at, error, warning
from models.rules.registry import rule
from models.service.resolved import ResolvedService


@rule("error")
def batched_tokens_below_length(service: ResolvedService) -> Iterator[Finding]:
    """`maxNumBatchedTokens` is at least `maxModelLen`, unless prefill is chunked.

    Without chunked prefill a whole prompt has to fit into one iteration; vLLM 0.6.3 refuses less at start
    (vllm/config.py:1024).
    """
    engine = service.engine
    if engine.enable_chunked_prefill or engine.max_num_batched_tokens >= engine.max_model_len:
        return
    yield error(
        f"maxNumBatchedTokens {engine.max_num_batched_tokens} is below maxModelLen {engine.max_model_len}",
        why="without chunked prefill a prompt has to fit into one iteration (vllm/config.py:1024)",
        fix=f"set maxNumBatchedTokens to {engine.max_model_len}, or remove it",
        marks=[
            at("engine.maxNumBatchedTokens", "tokens in one iteration"),
            at("engine.maxModelLen", "tokens of the longest request"),
        ],
    )


@rule("error")
def batched_tokens_below_sequences(service: ResolvedService) -> Iterator[Finding]:
    """`maxNumBatchedTokens` is at least `maxNumSeqs`.

    Every request of an iteration brings a token at least; vLLM 0.6.3 refuses less at start (vllm/config.py:1034).
    """
    engine = service.engine
    if engine.max_num_batched_tokens >= engine.max_num_seqs:
        return
    yield error(
        f"maxNumBatchedTokens {engine.max_num_batched_tokens} is below maxNumSeqs {engine.max_num_seqs}",
        why="every request of an iteration brings a token at least (vllm/config.py:1034)",
        fix=f"set maxNumBatchedTokens to {engine.max_num_seqs} or more, or remove it",
        marks=[
            at("engine.maxNumBatchedTokens", "tokens in one iteration"),
            at("engine.maxNumSeqs", "requests in one iteration"),
        ],
    )


@rule("error")
def multi_step_chunked_pipeline(service: ResolvedService) -> Iterator[Finding]:
    """Multi-step scheduling with chunked prefill runs in one pipeline stage.

    vLLM 0.6.3 refuses the three together at start (vllm/engine/arg_utils.py:1009).
    """
    engine = service.engine
    if engine.num_scheduler_steps > 1 and engine.enable_chunked_prefill and engine.pipeline_parallel_size > 1:
        yield error(
            "multi-step scheduling with chunked prefill runs in one pipeline stage",
            why="vLLM 0.6.3 refuses the three together (vllm/engine/arg_utils.py:1009)",
            fix="remove numSchedulerSteps, enableChunkedPrefill or pipelineParallelSize",
            marks=[
                at("engine.numSchedulerSteps", "more than one step"),
                at("engine.enableChunkedPrefill", "chunked prefill"),
                at("engine.pipelineParallelSize", f"{engine.pipeline_parallel_size} stages"),
            ],
        )


@rule("warning")
def multi_step_guided_decoding(service: ResolvedService) -> Iterator[Finding]:
    """With multi-step scheduling no request asks for guided decoding.

    A request with guided_json, guided_regex, guided_choice, logit_bias or response_format json_object ends the engine
    of vLLM 0.6.3, and all other requests with it (vllm/worker/multi_step_model_runner.py:822). It is assumed that a
    service which names a backend for guided decoding means to get such requests.
    """
    backend = service.further("guided-decoding-backend")
    if backend and service.engine.num_scheduler_steps > 1:
        yield warning(
            "a request for guided decoding ends an engine with multi-step scheduling",
            why="the engine asserts that there is none (vllm/worker/multi_step_model_runner.py:822)",
            fix="remove numSchedulerSteps, or the backend for guided decoding",
            marks=[
                at("engine.numSchedulerSteps", "more than one step"),
                at("engine.extraArgs", f"guided decoding by {backend}"),
            ],
        )
