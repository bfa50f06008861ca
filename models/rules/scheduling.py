"""How many tokens and requests the engine takes at a time."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, at, error
from models.resolve import ResolvedService
from models.rules import rule


@rule
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


@rule
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
