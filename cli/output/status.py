"""The states of services as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.output.table import columns
from cluster.service import State
from cluster.snapshot import Snapshot
from models.finding import Finding
from models.words import duration

VERSION = 1
"""Of the JSON, see docs/reference/status-json.md; raised when a key changes its meaning or is removed."""


@dataclass(frozen=True)
class StackStatus:
    """The states of the services of a stack."""

    stack: str
    context: str
    snapshot: Snapshot
    states: tuple[State, ...]


def table(status: StackStatus) -> str:
    """One line for each service: `qwen2-72b  0/1  Pending  8 min  no node has 8 free NPUs: …`."""
    rows = [_row(state, status.snapshot.at) for state in status.states]
    return "\n".join(columns(rows))


def document(status: StackStatus) -> str:
    """The contract for programs."""
    record = {
        "version": VERSION,
        "stack": status.stack,
        "context": status.context,
        "namespace": status.snapshot.namespace,
        "services": [_service(state) for state in status.states],
        "unread": dict(status.snapshot.unread),
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _row(state: State, now: datetime) -> tuple[str, ...]:
    age = ""
    if state.since:
        age = duration((now - state.since).total_seconds())
    message = ""
    if state.finding:
        message = " ".join(state.finding.message.split())
    return state.service, f"{state.ready}/{state.desired}", state.state, age, message


def _service(state: State) -> dict[str, Any]:
    since, diagnosis = None, None
    if state.since:
        since = state.since.isoformat()
    if state.finding:
        diagnosis = _diagnosis(state, state.finding)
    return {
        "name": state.service,
        "ready": state.ready,
        "replicas": state.desired,
        "state": state.state,
        "since": since,
        "diagnosis": diagnosis,
    }


def _diagnosis(state: State, finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "why": finding.why,
        "fix": finding.fix,
        "pod": state.pod or None,
        "log": list(state.log),
    }
