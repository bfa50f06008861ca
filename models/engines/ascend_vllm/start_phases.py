"""Log lines of vLLM 0.6.3 for each phase of a start (vllm/engine/llm_engine.py, vllm/worker/*_runner.py,
vllm/model_executor/model_loader/weight_utils.py)."""

from __future__ import annotations

import re

from models.engines.log_lines import StartPhase

START_PHASES = (
    StartPhase(
        re.compile(
            r"Uvicorn running|Application startup complete|Started server process"
        ),
        "serving",
    ),
    StartPhase(
        re.compile(r"(?i)capturing the model|graph captur|torchair|compil\w+ graph"),
        "compiling graphs",
    ),
    StartPhase(
        re.compile(r"(?i)# ?(?:GPU|NPU) blocks|KV cache size|Maximum concurrency"),
        "reserving the KV cache",
    ),
    StartPhase(
        re.compile(r"(?i)Loading model weights took|weights loaded"),
        "weights are loaded",
    ),
    StartPhase(
        re.compile(r"(?i)Loading \w+ checkpoint shards: +(\d+)%"),
        "loading weights ({0} %)",
    ),
    StartPhase(
        re.compile(
            r"(?i)Starting to load model|Loading (?:model )?weights|Loading checkpoint"
        ),
        "loading weights",
    ),
    StartPhase(
        re.compile(r"(?i)HCCL|init_process_group|distributed init"),
        "connecting the NPUs (HCCL)",
    ),
    StartPhase(
        re.compile(r"(?i)Initializing an LLM engine|vLLM API server version"),
        "starting the engine",
    ),
)
"""The phases of a start, the last one first."""
