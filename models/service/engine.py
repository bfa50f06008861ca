"""The engine's arguments with all defaults of the release."""

from __future__ import annotations

from typing import Any

from models.catalog.facts import ModelFacts
from models.engines.engine_args import EngineArgs, ResolvedEngine
from models.engines.release import Release


def resolve_engine(
    config: EngineArgs,
    npus: int | None,
    release: Release,
    facts: ModelFacts | None = None,
) -> tuple[ResolvedEngine, dict[str, str]]:
    """The engine's arguments with all defaults, and the reason for each default.

    Args:
        config: The arguments in the stack file.
        npus: NPUs of the pod, if the stack file has them.
        release: The engine release, which has the defaults.
        facts: The model's architecture, if it is known.
    """
    because: dict[str, str] = {}
    batched_tokens = config.max_num_batched_tokens
    if batched_tokens is None:
        batched_tokens, reason = release.default_batched_tokens(config)
        because["engine.maxNumBatchedTokens"] = reason
    tensor_parallel_size = config.tensor_parallel_size
    if tensor_parallel_size is None:
        tensor_parallel_size, reason = _usual_tensor_parallel_size(config, npus, facts)
        because["engine.tensorParallelSize"] = reason
    defaults = release.defaults
    written = {name: getattr(config, name) for name in EngineArgs.model_fields}
    resolved = {
        "version": release.version,
        "max_num_batched_tokens": batched_tokens,
        "tensor_parallel_size": tensor_parallel_size,
        "block_size": config.block_size or defaults.block_size,
        "gpu_memory_utilization": config.gpu_memory_utilization
        or defaults.gpu_memory_utilization,
    }
    values: dict[str, Any] = {**written, **resolved}
    engine = ResolvedEngine.model_construct(config.model_fields_set, **values)
    return engine, because


def _usual_tensor_parallel_size(
    config: EngineArgs, npus: int | None, facts: ModelFacts | None
) -> tuple[int, str]:
    """The NPUs over which each layer is split without `tensorParallelSize`, and the reason."""
    most = max((npus or 1) // config.tensor_groups, 1)
    size = most
    while facts is not None and not facts.splits(size):
        size -= 1
    if size < most:
        return size, "as many npus as divide the model"
    if npus:
        return size, "all npus"
    return size, "one NPU"
