"""Launchers of PyTorch, such as `torchrun`, which start one process for each NPU: no way to start a server of vLLM."""

from __future__ import annotations

import re

WAY = "write the command without it: vLLM starts its own processes, as many as --tensor-parallel-size says"
_LAUNCHER = re.compile(
    r"\b(torchrun|accelerate\s+launch|deepspeed|torch\.distributed\.(?:run|launch))\b"
)
_LONGEST = 2_000
"""Characters between the launcher and the server."""


def reason_against(launcher: str) -> str:
    """Why a launcher starts no service."""
    return f"{launcher} starts a whole server for each NPU, all on one port"


def launcher_of(text: str) -> str:
    """The launcher that a text of commands starts vLLM with; empty if it starts it with none."""
    joined = text.replace("\\\n", " ")
    for found in _LAUNCHER.finditer(joined):
        line, _, _ = joined[found.end() : found.end() + _LONGEST].partition("\n")
        if "vllm" in line or " serve" in line:
            return re.sub(r"\s+", " ", found[1])
    return ""
