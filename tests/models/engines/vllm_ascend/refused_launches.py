"""Launches that vLLM refuses, by the refusal that each shows."""

from __future__ import annotations

from typing import Any

ENGINE: dict[str, dict[str, Any]] = {
    "adaptive-verification-adapters": {},
    "adaptive-verification-graphs": {},
    "adaptive-verification-pipeline": {"tensorParallelSize": 2, "pipelineParallelSize": 2},
    "device-ids-mixed": {"extraArgs": {"device-ids": "0, 1, davinci2"}},
    "device-ids-names": {"extraArgs": {"device-ids": "davinci0"}},
    "device-ids-range": {"extraArgs": {"device-ids": "4,5,6,7"}},
    "device-ids-twice": {"extraArgs": {"device-ids": "0,1,1,2"}},
    "first-runner": {"tensorParallelSize": 4, "extraArgs": {"enable-batch-sharded-sampling": True}},
    "second-runner": {},
    "sharded-sampling": {
        "tensorParallelSize": 4,
        "maxNumSeqs": 2,
        "extraArgs": {"enable-batch-sharded-sampling": True},
    },
    "moe-backend-model": {"extraArgs": {"kernel-config": {"moe_backend": "flashinfer_moe_ep_mega_deep_gemm"}}},
    "adapters-without-pictures": {"extraArgs": {"default-mm-loras": {"image": "/mnt/models/adapters/image"}}},
    "async-scheduling-method": {"asyncScheduling": True},
    "attention-backend-twice": {
        "extraArgs": {"attention-backend": "FLASH_ATTN", "attention-config": {"backend": "FLASH_ATTN"}},
    },
    "attention-backend-of-kind": {
        "extraArgs": {"attention-config": {"backend_per_kind": {"mla_attention": "PAGED"}}},
    },
    "attention-backend-unknown": {"extraArgs": {"attention-backend": "PAGED"}},
    "attention-heads": {"tensorParallelSize": 3},
    "batched-tokens-length": {"maxNumBatchedTokens": 2048, "enableChunkedPrefill": False},
    "batched-tokens-requests": {"maxNumSeqs": 256, "maxNumBatchedTokens": 128},
    "capture-sizes-empty": {"compilationConfig": {"cudagraphCaptureSizes": []}},
    "capture-sizes-largest": {
        "compilationConfig": {"cudagraphCaptureSizes": [1, 2, 4], "maxCudagraphCaptureSize": 8},
    },
    "capture-sizes-least": {"maxNumBatchedTokens": 2048, "compilationConfig": {"cudagraphCaptureSizes": [4096]}},
    "capture-sizes-sequence-parallel": {
        "tensorParallelSize": 4,
        "maxNumSeqs": 2,
        "compilationConfig": {"passConfig": {"enableSp": True}},
    },
    "class-overrides-text": {"extraArgs": {"model-class-overrides": {"Qwen3ForCausalLM": 2}}},
    "config-format": {"extraArgs": {"config-format": "yaml"}},
    "custom-operators-form": {"compilationConfig": {"customOps": ["rms_norm"]}},
    "custom-operators-twice": {"compilationConfig": {"customOps": ["all", "none"]}},
    "data-parallel-backend": {"extraArgs": {"data-parallel-backend": "gloo"}},
    "data-parallel-external-lb": {"extraArgs": {"data-parallel-external-lb": True}},
    "data-parallel-hybrid-lb": {"extraArgs": {"data-parallel-hybrid-lb": True}},
    "dbo-backend": {"extraArgs": {"enable-dbo": True}},
    "decode-context-backend": {"extraArgs": {"dcp-comm-backend": "a2a"}},
    "decode-context-heads": {"extraArgs": {"decode-context-parallel-size": 2}},
    "decode-context-size": {"extraArgs": {"decode-context-parallel-size": 3}},
    "detailed-traces": {"extraArgs": {"collect-detailed-traces": ["all"]}},
    "divided-sizes": {"tensorParallelSize": 64},
    "draft-length": {},
    "draft-model-parts": {"tensorParallelSize": 2},
    "draft-parts": {},
    "draft-vocabulary": {},
    "ec-manager-config": {"extraArgs": {"ec-manager-config": {"manager_config": {"size": 1}}}},
    "ec-role": {"extraArgs": {"ec-transfer-config": {"ec_connector": "ECExampleConnector"}}},
    "elastic-experts": {"extraArgs": {"enable-elastic-ep": True}},
    "empty-domain": {"extraArgs": {"allowed-media-domains": ["example.com", ""]}},
    "empty-logits-processor": {"extraArgs": {"logits-processors": [""]}},
    "enable-fault-tolerance": {"extraArgs": {"enable-fault-tolerance": True}},
    "engram-config": {"extraArgs": {"engram-config": {}}},
    "pooler-sigma": {"extraArgs": {"pooler-config": {"logit_sigma": 0}}},
    "diffusion-fields": {"extraArgs": {"diffusion-config": {"canvas": 32}}},
    "expert-load-balancing": {"extraArgs": {"enable-eplb": True}},
    "external-data-parallel-dense": {
        "tensorParallelSize": 2,
        "dataParallelSize": 2,
        "extraArgs": {"data-parallel-rank": 1},
    },
    "hidden-metrics-version": {"extraArgs": {"show-hidden-metrics-for-version": "last"}},
    "kv-connector-missing": {"extraArgs": {"kv-transfer-config": {"kv_port": 14580}}},
    "kv-connector-name": {"extraArgs": {"kv-transfer-config": {"kv_role": "kv_both"}}},
    "kv-connector-unknown": {
        "extraArgs": {"kv-transfer-config": {"kv_connector": "MooncakeConnectorV9", "kv_role": "kv_both"}},
    },
    "kv-role": {"extraArgs": {"kv-transfer-config": {"kv_connector": "MultiConnector"}}},
    "length": {"maxModelLen": 65536},
    "local-ranks": {"extraArgs": {"data-parallel-size-local": 4}},
    "mamba-backend": {"extraArgs": {"mamba-backend": "npu"}},
    "mamba-block-size": {"extraArgs": {"mamba-block-size": 1024}},
    "mamba-rounding": {"extraArgs": {"enable-mamba-cache-stochastic-rounding": True}},
    "mamba-ssu-algorithm": {"extraArgs": {"mamba-ssu-algorithm": "vertical"}},
    "map-location-text": {"extraArgs": {"pt-load-map-location": {"cuda": 0}}},
    "no-experts": {"enableExpertParallel": True},
    "no-mtp-layers": {},
    "node-count": {"extraArgs": {"nnodes": 3}},
    "nsight-without-ray": {"extraArgs": {"ray-workers-use-nsight": True}},
    "numa-bind": {"extraArgs": {"numa-bind-nodes": [0]}},
    "offloaded-layers": {"extraArgs": {"offload-backend": "prefetch"}},
    "outputs-properties": {"extraArgs": {"structured-outputs-config": {"disable_additional_properties": True}}},
    "outputs-whitespace": {
        "extraArgs": {"structured-outputs-config": {"backend": "outlines", "disable_any_whitespace": True}},
    },
    "partial-prefills": {"extraArgs": {"max-num-partial-prefills": 2}},
    "per-request-spec-decode-metrics": {"extraArgs": {"per-request-spec-decode-metrics": "summary"}},
    "prefetch-step": {"extraArgs": {"offload-group-size": 4, "offload-prefetch-step": 0}},
    "profiler-capture": {"extraArgs": {"profiler-config": {"capture_torch_profiler": True}}},
    "profiler-directory": {"extraArgs": {"profiler-config": {"profiler": "torch"}}},
    "profiler-proton": {
        "extraArgs": {"profiler-config": {"profiler": "proton", "proton_profiler_dir": "/tmp/profiles"}},
    },
    "profiler-proton-directory": {"extraArgs": {"profiler-config": {"profiler": "proton"}}},
    "profiler-without-proton": {"extraArgs": {"profiler-config": {"proton_data": "trace", "proton_mode": "x"}}},
    "profiler-without-torch": {"extraArgs": {"profiler-config": {"torch_profiler_dir": "/tmp/profiles"}}},
    "reasoning-parser-missing": {"extraArgs": {"reasoning-config": {}}},
    "reasoning-parser-unknown": {"extraArgs": {"reasoning-config": {"reasoning_parser": "qwen"}}},
    "reasoning-parser-unknown-with-texts": {
        "extraArgs": {
            "reasoning-config": {
                "reasoning_parser": "qwen",
                "reasoning_start_str": "<think>",
                "reasoning_end_str": "</think>",
            },
        },
    },
    "redundant-experts": {"extraArgs": {"eplb-config": {"num_redundant_experts": 2}}},
    "routed-experts-pipeline": {
        "tensorParallelSize": 2,
        "pipelineParallelSize": 2,
        "extraArgs": {"enable-return-routed-experts": True},
    },
    "speculative-parts": {"tensorParallelSize": 2},
}
"""The arguments of the engine that show each refusal."""

FURTHER: dict[str, dict[str, Any]] = {
    "adaptive-verification-adapters": {"lora": {"adapters": {"law": "/mnt/models/adapters/law"}}},
    "adaptive-verification-graphs": {"graph": {"kind": "cann", "mode": "PIECEWISE"}},
    "first-runner": {"env": {"VLLM_USE_V2_MODEL_RUNNER": "0"}},
    "mamba-block-size": {"prefixCaching": False},
    "second-runner": {"env": {"VLLM_USE_V2_MODEL_RUNNER": "1"}},
}
"""Further keys of the service that a refusal needs."""

_ADAPTIVE = {
    "kind": "eagle3",
    "tokens": 2,
    "source": "/mnt/models/head",
    "config": {"enableAdaptiveVerification": True},
}

SPECULATIVE: dict[str, dict[str, Any]] = {
    "adaptive-verification-adapters": _ADAPTIVE,
    "adaptive-verification-graphs": _ADAPTIVE,
    "adaptive-verification-pipeline": _ADAPTIVE,
    "second-runner": {"kind": "ngram", "tokens": 2, "promptLookupMax": 4},
    "speculative-parts": {"kind": "ngram", "tokens": 2, "promptLookupMax": 4, "config": {"tensorParallelSize": 2}},
    "async-scheduling-method": {"kind": "ngram", "tokens": 2, "promptLookupMax": 4},
    "draft-length": {
        "kind": "draft",
        "tokens": 2,
        "source": "/mnt/models/Qwen3-0.6B",
        "config": {"maxModelLen": 8192},
    },
    "draft-model-parts": {
        "kind": "draft",
        "tokens": 2,
        "source": "/mnt/models/Qwen3-0.6B",
        "config": {"draftTensorParallelSize": 1},
    },
    "draft-parts": {
        "kind": "eagle3",
        "tokens": 2,
        "source": "/mnt/models/head",
        "config": {"draft_tensor_parallel_size": 2},
    },
    "draft-vocabulary": {"kind": "draft", "tokens": 2, "source": "/mnt/models/Qwen2-7B-Instruct"},
    "no-mtp-layers": {"kind": "mtp", "tokens": 1},
}
