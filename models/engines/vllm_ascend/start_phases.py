"""Log lines of vLLM 0.18.0 and later, and of the plugin, for each phase of a start (vllm/v1/engine/core.py,
vllm/v1/core/kv_cache_utils.py, vllm_ascend/worker/model_runner_v1.py)."""

from __future__ import annotations

import re

from models.engines.log_lines import StartPhase

START_PHASES = (
    StartPhase(
        re.compile(
            r"Application startup complete|Started server process|Uvicorn running"
        ),
        "serving",
    ),
    StartPhase(
        re.compile(
            r"(?i)Starting vLLM (?:API )?server|init engine \(profile, create kv cache"
        ),
        "starting the server",
    ),
    StartPhase(
        re.compile(r"Capturing (?:CUDA|ACL|NPU) graphs.*?:\s+(\d+)%"),
        "capturing graphs ({0} %)",
    ),
    StartPhase(
        re.compile(
            r"(?i)Capturing .*graphs|graph captur|(?<!disabling )torch\.compile|Dynamo bytecode"
            r"|Compile and warming up model|npugraph_ex"
        ),
        "compiling graphs",
    ),
    StartPhase(
        re.compile(
            r"(?i)KV cache size|Available KV cache memory|Maximum concurrency for"
        ),
        "reserving the KV cache",
    ),
    StartPhase(
        re.compile(
            r"(?i)Loading model weights took|Loading weights took|Model loading took"
        ),
        "weights are loaded",
    ),
    StartPhase(
        re.compile(r"(?i)Loading \w+ checkpoint shards: +(\d+)%"),
        "loading weights ({0} %)",
    ),
    StartPhase(
        re.compile(r"(?i)Starting to load model|Loading drafter model"),
        "loading weights",
    ),
    StartPhase(
        re.compile(r"(?i)world_size=\d+.*backend=|init_process_group|HCCL"),
        "connecting the NPUs (HCCL)",
    ),
    StartPhase(
        re.compile(
            r"(?i)Initializing a V1 LLM engine|vLLM API server version|non-default args"
            r"|Waiting for \d+ local, \d+ remote core engine|Platform plugin ascend is activated"
        ),
        "starting the engine",
    ),
)
"""The phases of a start, the last one first."""
