"""The finding about a pod, with its events or its log."""

from __future__ import annotations

from typing import Any

from cluster.diagnosis.diagnose import diagnose
from cluster.snapshot import Snapshot
from models.finding import Finding
from tests.cluster.objects import BUDGET, RESOURCE, event, node, snapshot, waiting

BACK_OFF = waiting("CrashLoopBackOff", "back-off 40s")


def judged(item: dict[str, Any], look: Snapshot | None = None) -> Finding | None:
    return diagnose(item, look or snapshot(item, nodes=[node()]), resource=RESOURCE, startup=BUDGET)


def with_event(item: dict[str, Any], *events: tuple[str, str]) -> tuple[dict[str, Any], Snapshot]:
    """A pod and a snapshot with its events, the latest first."""
    said = [event(item, reason, message, 5 + number) for number, (reason, message) in enumerate(events)]
    return item, snapshot(item, nodes=[node()], events=said)


def with_log(item: dict[str, Any], *lines: str) -> tuple[dict[str, Any], Snapshot]:
    return item, snapshot(item, nodes=[node()], logs={item["metadata"]["name"]: lines})
