"""The states of services as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.output.fitted import with_texts
from cli.output.table import Row
from cluster.kv_transfer import PairState
from cluster.service import State
from cluster.snapshot import Snapshot
from models.finding import Finding
from models.service.resolved import ResolvedService
from models.words import duration

VERSION = 2
"""Of the JSON, see docs/reference/status-json.md; raised when a key changes its meaning or is removed."""

_HEADER = ("SERVICE", "READY", "UPDATED", "STATE", "AGE", "MESSAGE")
_WIDE_HEADER = (*_HEADER[:-1], "NODE", "NPUS", "URL", "MESSAGE")


@dataclass(frozen=True)
class StackStatus:
    """The states of the services of a stack."""

    stack: str
    context: str
    services: Mapping[str, ResolvedService]
    """The services by name."""
    snapshot: Snapshot
    states: tuple[State, ...]
    pair: PairState | None = None
    """Two services that are one, if both are shown."""

    @property
    def is_ready(self) -> bool:
        """Whether all services, and the pair, take requests."""
        if self.pair and not self.pair.answers:
            return False
        return all(state.is_ready for state in self.states)


def table(status: StackStatus, *, wide: bool, width: int) -> str:
    """One line for each service: `qwen2-72b  1/1  0/1  Pending  8 min  no node has 8 free NPUs: …`.

    Args:
        status: The states.
        wide: Add the nodes, the NPUs and the address of each service.
        width: The longest line.
    """
    header: Row = _HEADER
    rows = [_row(state, status.snapshot.at) for state in status.states]
    if wide:
        header = _WIDE_HEADER
        places = [
            _place(state, status.services[state.service]) for state in status.states
        ]
        rows = [row + place for row, place in zip(rows, places, strict=True)]
    messages = [_message(state) for state in status.states]
    return "\n".join(with_texts(header, rows, messages, width))


def document(status: StackStatus) -> str:
    """The contract for programs."""
    record = {
        "version": VERSION,
        "stack": status.stack,
        "context": status.context,
        "namespace": status.snapshot.namespace,
        "services": [
            _service(state, status.services[state.service]) for state in status.states
        ],
        "kvTransfer": _pair(status.pair),
        "unread": dict(status.snapshot.unread),
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _pair(pair: PairState | None) -> dict[str, Any] | None:
    if pair is None:
        return None
    return {
        "prefill": pair.prefill,
        "decode": pair.decode,
        "answers": pair.answers,
        "readyPrefill": pair.ready_prefill,
        "readyDecode": pair.ready_decode,
        "message": pair.words,
    }


def _row(state: State, now: datetime) -> Row:
    age = ""
    if state.since:
        age = duration((now - state.since).total_seconds())
    ready = f"{state.ready}/{state.desired}"
    if state.unit == "group":
        ready += " groups"
    updated = f"{state.updated}/{state.desired}"
    return state.service, ready, updated, state.state, age


def _place(state: State, service: ResolvedService) -> Row:
    """The nodes of all pods, their NPUs, and the address."""
    npus = str(service.npus)
    if state.desired != 1:
        npus = f"{state.desired} × {service.npus}"
    return ", ".join(state.nodes), npus, service.endpoint


def _message(state: State) -> str:
    if state.finding is None:
        return ""
    return " ".join(state.finding.message.split())


def _service(state: State, service: ResolvedService) -> dict[str, Any]:
    since, diagnosis = None, None
    if state.since:
        since = state.since.isoformat()
    if state.finding:
        diagnosis = _diagnosis(state, state.finding)
    return {
        "name": state.service,
        "ready": state.ready,
        "updated": state.updated,
        "replicas": state.desired,
        "unit": state.unit,
        "state": state.state,
        "since": since,
        "npus": service.npus,
        "nodes": list(state.nodes),
        "url": service.endpoint,
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
