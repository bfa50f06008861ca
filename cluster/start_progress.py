"""The progress of a start that takes time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cluster.pods import containers, is_init, running
from cluster.snapshot import Object, Snapshot, instant, name_of
from cluster.weight_steps import progress
from models.finding import Finding
from models.words import duration

_PHASES = (
    (re.compile(r"Uvicorn running|Application startup complete|Started server process"), "serving"),
    (re.compile(r"(?i)capturing the model|graph captur|torchair|compil\w+ graph"), "compiling graphs"),
    (re.compile(r"(?i)# ?(?:GPU|NPU) blocks|KV cache size|Maximum concurrency"), "reserving the KV cache"),
    (re.compile(r"(?i)Loading model weights took|weights loaded"), "weights are loaded"),
    (re.compile(r"(?i)Loading \w+ checkpoint shards: +(\d+)%"), "loading weights ({0} %)"),
    (re.compile(r"(?i)Starting to load model|Loading (?:model )?weights|Loading checkpoint"), "loading weights"),
    (re.compile(r"(?i)HCCL|init_process_group|distributed init"), "connecting the NPUs (HCCL)"),
    (re.compile(r"(?i)Initializing an LLM engine|vLLM API server version"), "starting the engine"),
)
"""Log lines of vLLM 0.6.3 and vllm-ascend for each phase of a start, the last phase first (vllm/engine/llm_engine.py,
vllm/worker/*_runner.py, vllm/model_executor/model_loader/weight_utils.py)."""

_LONGEST = 200
"""Characters of a log line that a message shows."""


def phase(lines: Sequence[str]) -> str:
    """The phase of a start that its last log lines show; empty if they show none."""
    for line in reversed(lines):
        for pattern, text in _PHASES:
            match = pattern.search(line)
            if match:
                return text.format(*match.groups())
    return ""


def slow_start(pod: Object, snapshot: Snapshot, startup: float) -> Finding | None:
    """The progress of a pod that runs and is not ready yet.

    Args:
        pod: The pod.
        snapshot: The cluster, with the last log lines of the pod.
        startup: Longest start of the server in seconds.
    """
    lines = snapshot.logs.get(name_of(pod), ())
    for container in containers(pod):
        started = running(container).get("startedAt")
        if not started or container.get("ready"):
            continue
        elapsed = (snapshot.at - instant(started)).total_seconds()
        if is_init(pod, container):
            return _preparing(container, elapsed, lines)
        return _starting(elapsed, startup, lines)
    return None


def _preparing(container: Object, elapsed: float, lines: Sequence[str]) -> Finding:
    current = progress(lines)
    message = f"init container {container.get('name')} has been running for {duration(elapsed)}"
    if current.text:
        message += f": {current.text}"
    why = "the server starts after it"
    if current.details:
        why += f"; {current.details}"
    return Finding(
        "preparing",
        "warning",
        message,
        why=why,
        fix="wait",
    )


def _starting(elapsed: float, startup: float, lines: Sequence[str]) -> Finding:
    current = phase(lines)
    last_line = ""
    if lines and not current:
        last_line = f"; its last line: {lines[-1].strip()[:_LONGEST]}"
    if not current:
        current = "starting"

    if elapsed > startup:
        return Finding(
            "slow-start",
            "warning",
            f"not ready after {duration(elapsed)}, longer than startup allows ({duration(startup)}): {current}",
            why=f"the server does not answer /health{last_line}",
            fix="see its last lines; raise `startup` if they show progress",
        )
    remaining = duration(startup - elapsed)
    return Finding(
        "slow-start",
        "warning",
        f"{current} ({duration(elapsed)} of {duration(startup)})",
        why=f"the server does not answer /health yet; `startup` allows {remaining} more{last_line}",
        fix="wait",
    )
