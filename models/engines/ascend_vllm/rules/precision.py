"""The rule on attention of high precision."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.ascend_vllm.precision import (
    LONG,
    PRECISE_DECODE,
    PRECISE_PREFILL,
    plain_model_name,
)
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.finding import Finding, at, error


@rule("error")
def precision_needed(server: ModelServer) -> Iterator[Finding]:
    """Attention of high precision is on for models that answer incorrectly without it.

    Qwen2-7B and Qwen2-57B need it for prefill. They and Qwen2-72B need it for decode above 8192 tokens (manual, Step 3,
    USE_PFA_HIGH_PRECISION_MODE and USE_IFA_HIGH_PRECISION_MODE).
    """
    name = plain_model_name(server.known, server.model.name)
    is_long = server.engine.max_model_len > LONG
    if server.precision.prefill is False and name.startswith(PRECISE_PREFILL):
        yield _precision_finding(server, "prefill")
    if server.precision.decode is False and is_long and name.startswith(PRECISE_DECODE):
        yield _precision_finding(server, "decode")


def _precision_finding(server: ModelServer, stage: str) -> Finding:
    return error(
        f"{server.model.name} needs precision.{stage}",
        why="the model answers incorrectly without it (manual, Step 3, USE_PFA_/USE_IFA_HIGH_PRECISION_MODE)",
        fix=f"remove precision.{stage}",
        marks=[at(f"precision.{stage}", "off"), at("model.name", "needs it")],
    )
