"""Pods, what was said of them, and what is found."""

from __future__ import annotations

from typing import Any

from cluster.diagnose import diagnose
from cluster.snapshot import Snapshot
from models.finding import Finding
from tests.cluster.objects import BUDGET, RESOURCE, event, node, seen, waiting

BACK_OFF = waiting("CrashLoopBackOff", "back-off 40s")


def judged(item: dict[str, Any], look: Snapshot | None = None) -> Finding | None:
    return diagnose(item, look or seen(item, nodes=[node()]), resource=RESOURCE, startup=BUDGET)


def with_event(item: dict[str, Any], *events: tuple[str, str]) -> tuple[dict[str, Any], Snapshot]:
    """A pod and what was said of it, the latest first."""
    said = [event(item, reason, message, 5 + number) for number, (reason, message) in enumerate(events)]
    return item, seen(item, nodes=[node()], events=said)


def with_log(item: dict[str, Any], *lines: str) -> tuple[dict[str, Any], Snapshot]:
    return item, seen(item, nodes=[node()], logs={item["metadata"]["name"]: lines})
