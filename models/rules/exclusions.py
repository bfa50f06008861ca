"""Pairs of features of which a service can have one."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Finding, Mark, at, error
from models.resolve import ResolvedService
from models.rules import rule

_CHUNKED_PREFILL = at("engine.enableChunkedPrefill", "chunked prefill")
_LORA = at("lora", "LoRA")
_MULTI_STEP = at("engine.numSchedulerSteps", "multi-step scheduling")
_PREFIX_CACHING = at("prefixCaching", "prefix caching")
_SPECULATION = at("speculative", "speculative decoding")


def _exclude(one: Mark, other: Mark, why: str) -> Finding:
    return error(
        f"{one.note} and {other.note} exclude each other",
        why=why,
        fix=f"remove {one.path[-1]}, or remove {other.path[-1]}",
        marks=[one, other],
    )


@rule
def speculation_multi_step(service: ResolvedService) -> Iterator[Finding]:
    """Speculative decoding and multi-step scheduling exclude each other.

    vLLM 0.6.3 refuses the pair at start (vllm/engine/arg_utils.py:1005; manual, Step 3, --num-scheduler-steps).
    """
    if service.speculative and service.engine.num_scheduler_steps > 1:
        why = "vLLM 0.6.3 refuses the pair at start (vllm/engine/arg_utils.py:1005); manual, Step 3"
        yield _exclude(_MULTI_STEP, _SPECULATION, why)


@rule
def speculation_chunked_prefill(service: ResolvedService) -> Iterator[Finding]:
    """Speculative decoding and chunked prefill exclude each other.

    vLLM 0.6.3 refuses the pair at start (vllm/config.py:1211).
    """
    if service.speculative and service.engine.enable_chunked_prefill:
        yield _exclude(_CHUNKED_PREFILL, _SPECULATION, "vLLM 0.6.3 refuses the pair at start (vllm/config.py:1211)")


@rule
def lora_chunked_prefill(service: ResolvedService) -> Iterator[Finding]:
    """LoRA and chunked prefill exclude each other.

    vLLM 0.6.3 refuses the pair at start (vllm/config.py:1571).
    """
    if service.lora and service.engine.enable_chunked_prefill:
        yield _exclude(_CHUNKED_PREFILL, _LORA, "vLLM 0.6.3 refuses the pair at start (vllm/config.py:1571)")


@rule
def lora_prefix_caching(service: ResolvedService) -> Iterator[Finding]:
    """LoRA and prefix caching exclude each other.

    vLLM 0.6.3 takes the pair, Ascend-vLLM does not support it (Ascend-vLLM 6.3.912, prefix caching).
    """
    if service.lora and service.prefix_caching:
        yield _exclude(_PREFIX_CACHING, _LORA, "Ascend-vLLM does not support the pair (6.3.912, prefix caching)")


@rule
def prefix_caching_chunked_prefill(service: ResolvedService) -> Iterator[Finding]:
    """Prefix caching and chunked prefill exclude each other.

    vLLM 0.6.3 takes the pair, Ascend-vLLM does not support it (Ascend-vLLM 6.3.912, prefix caching).
    """
    if service.prefix_caching and service.engine.enable_chunked_prefill:
        yield _exclude(_CHUNKED_PREFILL, _PREFIX_CACHING, "Ascend-vLLM does not support the pair (6.3.912)")
