"""Errors that vLLM 0.6.3 logs when a start fails, with those of CANN, HCCL, the driver and the system."""

from __future__ import annotations

from models.engines.ascend_errors import ASCEND_ERRORS
from models.engines.log_lines import KnownError
from models.engines.vllm_errors import VLLM_ERRORS
from models.engines.vllm_errors.processes import PROCESS_ERRORS

_VLLM = "https://github.com/vllm-project/vllm/blob/v0.6.3/vllm"
_FAQ = "https://support.huaweicloud.com/bestpractice-modelarts/modelarts_llm_infer_91237.html"

_OWN = (
    KnownError(
        id="transformers",
        pattern=r"rope_scaling.{0,40}must be a dictionary|has no attribute '_?init_rope",
        meaning="the image's transformers version does not support the model",
        why="the model's config.json is newer than transformers",
        fix="install the version from the FAQ: transformers 4.43.1 for Llama 3.1, 4.42 for SmoothQuant",
        source=_FAQ,
    ),
    KnownError(
        id="multi-step",
        pattern=(
            r"not supported with multi-step|Multi-Step Scheduling|multi-step.*not (?:supported|compatible)"
            r"|num_scheduler_steps.*(?:not|must)"
        ),
        meaning="numSchedulerSteps does not go with another feature",
        why="vLLM 0.6.3 excludes steps with speculative decoding, chunked prefill and some models",
        fix="remove engine.numSchedulerSteps, or the other feature that the line names",
        source=f"{_VLLM}/engine/arg_utils.py#L1027",
    ),
    KnownError(
        id="chunked-prefill",
        pattern=(
            r"(?:Speculative decoding|LoRA|prefix caching|Multimodal) .*chunked prefill"
            r"|chunked prefill is not (?:supported|compatible)|Chunked prefill.*(?:not supported|disabled)"
        ),
        meaning="chunked prefill does not go with another feature",
        why="vLLM 0.6.3 excludes it with speculative decoding and with LoRA",
        fix="remove engine.enableChunkedPrefill, or the other feature that the line names",
        source=f"{_VLLM}/config.py#L1229",
    ),
    KnownError(
        id="prefix-caching",
        pattern=r"Prefix caching is not supported|prefix caching.*not (?:supported|compatible)",
        meaning="the model or a feature excludes prefix caching",
        why="vLLM 0.6.3 refuses it with a sliding window",
        fix="remove engine.enablePrefixCaching, or write disableSlidingWindow: true under engine",
        source=f"{_VLLM}/config.py#L690",
    ),
)

KNOWN_ERRORS = (
    *_OWN,
    *VLLM_ERRORS,
    *ASCEND_ERRORS,
    *PROCESS_ERRORS,
)
"""The known errors, the most specific first."""
