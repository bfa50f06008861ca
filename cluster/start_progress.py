"""How far a start is that takes its time."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cluster.findings import found
from cluster.pods import containers, prepares, running
from cluster.snapshot import Object, Seen, instant, name_of
from cluster.steps import progress
from models.finding import Finding
from models.words import duration

_PHASES = (
    (re.compile(r"Uvicorn running|Application startup complete|Started server process"), "serving"),
    (re.compile(r"(?i)capturing the model|graph captur|torchair|compil\w+ graph"), "compiling graphs"),
    (re.compile(r"(?i)# ?(?:GPU|NPU) blocks|KV cache size|Maximum concurrency"), "reserving the KV cache"),
    (re.compile(r"(?i)Loading model weights took|weights loaded"), "weights are loaded"),
    (re.compile(r"(?i)Loading \w+ checkpoint shards: +(\d+)%"), "loading weights ({0} %)"),
    (re.compile(r"(?i)Starting to load model|Loading (?:model )?weights|Loading checkpoint"), "loading weights"),
    (re.compile(r"(?i)HCCL|init_process_group|distributed init"), "joining the NPUs (HCCL)"),
    (re.compile(r"(?i)Initializing an LLM engine|vLLM API server version"), "starting the engine"),
)
"""How vLLM 0.6.3 and vllm-ascend log the steps of a start (vllm/engine/llm_engine.py, vllm/worker/*_runner.py,
vllm/model_executor/model_loader/weight_utils.py), the last first."""


def phase(lines: Sequence[str]) -> str:
    """The step of a start that its last lines tell of; empty when they tell nothing."""
    for line in reversed(lines):
        for pattern, words in _PHASES:
            if match := pattern.search(line):
                return words.format(*match.groups())
    return ""


def slow(pod: Object, seen: Seen, startup: float) -> Finding | None:
    """A pod that runs and is not ready yet, and what its budget says.

    Args:
        pod: The pod.
        seen: The look at the cluster, with the container's last lines.
        startup: Seconds that the server may take until it answers.
    """
    for container in containers(pod):
        begin = running(container).get("startedAt")
        if not begin or container.get("ready"):
            continue
        spent = (seen.at - instant(begin)).total_seconds()
        lines = seen.logs.get(name_of(pod), ())
        if prepares(pod, container):
            far, more = progress(lines)
            message = f"{container.get('name')} prepares the pod for {duration(spent)}{f': {far}' if far else ''}"
            why = f"the server starts after it{f'; {more}' if more else ''}"
            return found("preparing", message, why=why, fix="wait", severity="warning")
        return _starting(spent, startup, phase(lines), lines)
    return None


def _starting(spent: float, startup: float, step: str, lines: Sequence[str]) -> Finding:
    left = startup - spent
    budget = f"{duration(spent)} of {duration(startup)}"
    last = f"; its last line: {lines[-1].strip()[:200]}" if lines and not step else ""
    if left < 0:
        return found(
            "slow-start",
            f"not ready after {duration(spent)}, more than its budget of {duration(startup)}: {step or 'starting'}",
            why=f"the server does not answer /health{last}",
            fix="see its last lines; raise `startup` if it is getting on",
            severity="warning",
        )
    return found(
        "slow-start",
        f"{step or 'starting'} ({budget})",
        why=f"it runs and does not answer /health yet; {duration(left)} of `startup` are left{last}",
        fix="wait",
        severity="warning",
    )
