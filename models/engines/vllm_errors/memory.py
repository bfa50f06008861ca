"""Errors of vLLM about the memory of an NPU."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_VLLM = "https://github.com/vllm-project/vllm/blob/v0.23.0/vllm"
_PLUGIN = "https://github.com/vllm-project/vllm-ascend/blob/v0.23.0/vllm_ascend"

MEMORY_ERRORS = (
    KnownError(
        id="npu-busy",
        pattern=(
            r"Free memory on device.*on startup.*(?:is less than desired|Desired) GPU memory utilization"
            r"|Error in memory profiling"
        ),
        meaning="another process uses memory of the NPU",
        why="at the start, less memory is free than engine.gpuMemoryUtilization requests",
        fix="look for leftover processes with npu-smi info on the node, or lower engine.gpuMemoryUtilization",
        source=f"{_PLUGIN}/worker/worker.py#L473",
    ),
    KnownError(
        id="kv-memory",
        pattern=(
            r"No available memory for the cache blocks|Cannot auto-fit max_model_len"
            r"|not enough (?:GPU )?memory available to serve|Available (?:KV cache )?memory: (?:-\d|0\b(?!\.))"
        ),
        meaning="the weights leave no memory for the KV cache",
        why="weights and activations use all of the engine's share of the NPU memory (gpuMemoryUtilization)",
        fix="raise engine.gpuMemoryUtilization, use more NPUs, or quantize; see ascend-vllm check -v",
        source=f"{_VLLM}/v1/core/kv_cache_utils.py#L721",
    ),
    KnownError(
        id="kv-length",
        pattern=(
            r"max seq len \(\d+\)(?: is larger than the maximum number of tokens|, \()"
            r"|To serve at least one request with the models?'s max seq len"
            r"|larger than the (?:available KV cache memory|maximum number of tokens that can be stored in KV cache)"
        ),
        meaning="the KV cache is too small for one request of maxModelLen tokens",
        why="the remaining NPU memory holds fewer tokens than maxModelLen; the line may estimate the longest that fits",
        fix="lower engine.maxModelLen, raise gpuMemoryUtilization, or use more NPUs",
        source=f"{_VLLM}/v1/core/kv_cache_utils.py#L741",
    ),
    KnownError(
        id="swap-space",
        pattern=r"Too large swap space|swap space.*(?:too large|exceed)",
        meaning="the swap space is larger than the host's memory",
        why="vLLM reserves swapSpace of pinned host memory for each NPU, 4 GiB by default",
        fix="lower swapSpace under engine.extraArgs, or raise resources.memory",
        source="https://github.com/vllm-project/vllm/blob/v0.6.3/vllm/config.py#L714",
    ),
)
"""The errors about memory, the most specific first."""
