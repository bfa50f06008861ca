"""What a service is doing, as text: shared by `status` and the error of `up`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cluster.service import State
from models.report import finding_text


def state_text(state: State) -> str:
    """Why a service is not ready: finding, why, fix, and the last lines of the pod to blame."""
    if state.finding is None:
        return f"{state.service}: ready"
    named = replace(state.finding, message=f"{state.service}: {state.finding.message}")
    lines = [finding_text(named)]
    if state.log:
        lines += [f"   = last lines of {state.pod}:", *(f"     | {line[:_LONGEST]}" for line in state.log)]
    return "\n".join(lines)


def states_text(states: Sequence[State]) -> str:
    """All services that are not ready, one after the other."""
    return "\n\n".join(state_text(state) for state in states if not state.is_ready)


_LONGEST = 400
