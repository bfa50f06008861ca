"""The flags and variables that a key of the stack file sets, so that each can be set in one place only."""

from __future__ import annotations

from models.engines.engine_args import EngineArgs
from models.engines.model_server import ModelServer

ENGINE_FLAGS = (
    "max_num_seqs",
    "max_model_len",
    "max_num_batched_tokens",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "block_size",
    "dtype",
    "gpu_memory_utilization",
    "num_scheduler_steps",
    "multi_step_stream_outputs",
    "enable_chunked_prefill",
    "distributed_executor_backend",
    "trust_remote_code",
    "disable_async_output_proc",
    "served_model_name",
)
"""The engine's keys that are flags of the same name, in the manual's order (Step 3)."""

OWNED_VARIABLES = {
    "ASCEND_RT_VISIBLE_DEVICES": "visibleDevices",
    "USE_PREFIX_HIGH_PRECISION_MODE": "prefixCaching",
    "USE_PFA_HIGH_PRECISION_MODE": "precision.prefill",
    "USE_IFA_HIGH_PRECISION_MODE": "precision.decode",
    "INFER_MODE": "graph: {kind: pta}",
    "PTA_TORCHAIR_DECODE_GEAR_ENABLE": "graph: {kind: pta}",
    "PTA_TORCHAIR_DECODE_GEAR_LIST": "graph.gears",
    "EAGLE_USE_SAFE_AI_LAB_STYLE": "speculative: {kind: eagle, …}",
    "ENABLE_SPEC_METRIC": "speculative",
    "VLLM_API_KEY": "server.apiKey: {secret: …, key: …}",
}
"""Variables that a key of the stack file sets, with that key."""


PICTURE_VARIABLES = {
    "VLLM_IMAGE_FETCH_TIMEOUT": "multimodal.imageFetchTimeout",
    "PYTORCH_NPU_ALLOC_CONF": "multimodal.expandableSegments",
}
"""Variables that `multimodal` sets, with that key."""

OWNED_FLAGS = {
    **{
        name.replace("_", "-"): f"engine.{EngineArgs.model_fields[name].alias}"
        for name in ENGINE_FLAGS
    },
    "model": "model.source",
    "host": "server.host",
    "port": "server.port",
    "chat-template": "server.chatTemplate",
    "api-key": "server.apiKey: {secret: …, key: …}",
    "worker-use-ray": "engine.distributedExecutorBackend: ray",
    "enforce-eager": "graph: eager",
    "enable-prefix-caching": "prefixCaching",
    "quantization": "quantization",
    "enable-lora": "lora",
    "lora-modules": "lora.adapters",
    "max-lora-rank": "lora.maxRank",
    "max-loras": "lora.maxLoras",
    "max-cpu-loras": "lora.maxLoras",
    "speculative-model": "speculative.source",
    "num-speculative-tokens": "speculative.tokens",
    "speculative-draft-tensor-parallel-size": "speculative",
    "ngram-prompt-lookup-max": "speculative.promptLookupMax",
    "ngram-prompt-lookup-min": "speculative.promptLookupMin",
    "limit-mm-per-prompt": "multimodal.imagesPerPrompt",
}
"""Flags that a key of the stack file sets, with that key."""


def variables_of_keys(server: ModelServer) -> dict[str, str]:
    """The variables that keys of the stack file set for a service, with the keys."""
    owners = dict(OWNED_VARIABLES)
    if server.pta_graph:
        owners["HCCL_OP_EXPANSION_MODE"] = "graph: {kind: pta}"
        owners["VLLM_ENGINE_ITERATION_TIMEOUT_S"] = "graph.iterationTimeout"
    if server.multimodal:
        owners.update(PICTURE_VARIABLES)
        owners.setdefault(
            "VLLM_ENGINE_ITERATION_TIMEOUT_S", "multimodal.iterationTimeout"
        )
    return owners
