"""Log lines of a process of vLLM after another process has failed."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_VLLM = "https://github.com/vllm-project/vllm/blob/v0.23.0/vllm"

PROCESS_ERRORS = (
    KnownError(
        id="engine-ended",
        pattern=(
            r"Engine core initialization failed|Engine process failed to start|EngineCore failed to start"
            r"|EngineCore encountered an issue|EngineDeadError"
            r"|Engine loop (?:is not running|has died)|MQEngineDeadError"
            r"|Engine process \(pid \d+\) died|check the stack trace above for the root cause|Executor failed\b"
            r"|WorkerProc (?:initialization failed|failed to start|hit an exception)|Worker failed with error"
            r"|Failed core proc|See stack trace for the root cause|(?:[Ww]orker|[Ee]ngine core)\S* proc\S* .*died"
            r"|AsyncLLM output_handler failed|Ray workers have not started|Worker \S+ failed to initialize"
            r"|died with exit code|Input socket thread died|main process disappeared"
        ),
        meaning="the engine's process ended during its start",
        why="the cause is in an earlier line of the process EngineCore or Worker",
        fix="read the log from its beginning (kubectl logs), and look for the first error",
        source=f"{_VLLM}/v1/engine/utils.py#L1250",
        weight="consequence",
    ),
)
"""The errors that point to another process."""
