"""The state of a service as text, for `status` and for the error of `up`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cluster.service import State
from models.report import finding_text

_LONGEST = 400
"""Characters of a log line that are shown."""


def state_text(state: State) -> str:
    """Why a service is not ready: the finding, its why and fix, and the last log lines of the pod to blame."""
    if state.finding is None:
        return f"{state.service}: ready"
    message = f"{state.service}: {state.finding.message}"
    lines = [finding_text(replace(state.finding, message=message))]
    if state.log:
        lines.append(f"   = last lines of {state.pod}:")
    lines += [f"     | {line[:_LONGEST]}" for line in state.log]
    return "\n".join(lines)


def states_text(states: Sequence[State]) -> str:
    """The text of all services that are not ready."""
    texts = [state_text(state) for state in states if not state.is_ready]
    return "\n\n".join(texts)
