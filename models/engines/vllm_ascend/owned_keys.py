"""The flags and variables that a key of the stack file sets, so that each can be set in one place only."""

from __future__ import annotations

from models.engines.engine_args import EngineArgs
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.kv_transfer import HASH_SEED

ENGINE_FLAGS = (
    "max_model_len",
    "max_num_seqs",
    "max_num_batched_tokens",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "data_parallel_size",
    "enable_expert_parallel",
    "block_size",
    "dtype",
    "kv_cache_dtype",
    "gpu_memory_utilization",
    "enable_chunked_prefill",
    "async_scheduling",
    "distributed_executor_backend",
    "trust_remote_code",
    "served_model_name",
)
"""The engine's keys that are flags of the same name, in the order of the command."""

OWNED_FLAGS = {
    **{
        name.replace("_", "-"): f"engine.{EngineArgs.model_fields[name].alias}"
        for name in ENGINE_FLAGS
    },
    "additional-config": "engine.additionalConfig",
    "compilation-config": "engine.compilationConfig",
    "host": "server.host",
    "port": "server.port",
    "chat-template": "server.chatTemplate",
    "api-key": "server.apiKey: {secret: …, key: …}",
    "reasoning-parser": "server.reasoningParser",
    "tool-call-parser": "server.toolCallParser",
    "enable-auto-tool-choice": "server.toolCallParser",
    "enforce-eager": "graph: eager",
    "cudagraph-capture-sizes": "graph.captureSizes",
    "enable-prefix-caching": "prefixCaching",
    "quantization": "quantization",
    "enable-lora": "lora",
    "lora-modules": "lora.adapters",
    "max-lora-rank": "lora.maxRank",
    "max-loras": "lora.maxLoras",
    "max-cpu-loras": "lora.maxLoras",
    "speculative-config": "speculative",
    "spec-method": "speculative.kind",
    "spec-model": "speculative.source",
    "spec-tokens": "speculative.tokens",
    "limit-mm-per-prompt": "multimodal.imagesPerPrompt",
    "model": "model.source",
}
"""Flags that a key of the stack file sets, with that key. Some releases do not have all of them."""

OWNED_VARIABLES = {
    "ASCEND_RT_VISIBLE_DEVICES": "visibleDevices",
    "VLLM_API_KEY": "server.apiKey: {secret: …, key: …}",
}
"""Variables that a key of the stack file always sets, with that key."""

_PICTURE_VARIABLES = {
    "VLLM_IMAGE_FETCH_TIMEOUT": "multimodal.imageFetchTimeout",
    "PYTORCH_NPU_ALLOC_CONF": "multimodal.expandableSegments",
}


def variables_of_keys(server: ModelServer) -> dict[str, str]:
    """The variables that keys of the stack file set for a service, with the keys."""
    of_pictures = {
        variable: key
        for variable, key in _PICTURE_VARIABLES.items()
        if key in server.configured
    }
    variables = {**OWNED_VARIABLES, **of_pictures}
    if server.kv_transfer:
        variables[HASH_SEED] = "kvTransfer of the stack"
    return variables
