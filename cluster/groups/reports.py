"""What the leader of a group logs about the servers of its group (models/launch/scripts/member.py).

A pod of a group does not end with its server: that would recreate the whole group, without its logs. Instead the leader
logs which server ended first and its last lines, and starts all servers again, a few times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.engines.root_cause import Cause
from models.finding import Finding

LONGEST = 200
"""Characters of a log line that a message shows."""

_ENDED = re.compile(
    r"^group: the server of rank (?P<rank>\d+) (?P<reason>.+) first \(attempt (?P<attempt>\d+) of (?P<attempts>\d+)\)$"
)
_LINE = re.compile(r"^group: rank (?P<rank>\d+): (?P<line>.*)$")
_GAVE_UP = "group: gave up after "
_LOST = "was lost"
"""Reason of a failure when the leader can no longer reach the pod."""
_SILENT = "was silent"
"""Reason of a failure when the pod is connected and does not answer."""


@dataclass(frozen=True)
class Report:
    """The server that ended first in the last attempt to start a group."""

    rank: int
    """The member whose server it was; 0 is the leader."""
    reason: str
    """How it ended: `ended with code 1`."""
    attempt: int
    attempts: int
    """The most attempts; after the last one, the group waits for an update."""
    lines: tuple[str, ...]
    """Its last lines."""
    gave_up: bool
    """Whether the group is not started again."""


def last_report(log: Sequence[str]) -> Report | None:
    """The last failure in the log of a leader, or None."""
    begins = [index for index, line in enumerate(log) if _ENDED.match(line)]
    if not begins:
        return None
    begin = begins[-1]
    ended = _ENDED.match(log[begin])
    if ended is None:
        return None
    return Report(
        rank=int(ended["rank"]),
        reason=ended["reason"],
        attempt=int(ended["attempt"]),
        attempts=int(ended["attempts"]),
        lines=_lines_of(ended["rank"], log[begin + 1 :]),
        gave_up=any(line.startswith(_GAVE_UP) for line in log[begin:]),
    )


def _lines_of(rank: str, log: Sequence[str]) -> tuple[str, ...]:
    lines = []
    for line in log:
        found = _LINE.match(line)
        if found and found["rank"] == rank:
            lines.append(found["line"])
    return tuple(lines)


def explained(report: Report, cause: Cause | None) -> Finding:
    """The finding about a failed attempt.

    Args:
        report: The failure.
        cause: What the last lines of the server show.
    """
    if report.reason == _LOST and not report.gave_up:
        return _lost(report)
    if report.reason == _SILENT and not report.gave_up:
        return _silent(report)
    message = f"the server {report.reason} first (attempt {report.attempt} of {report.attempts})"
    why = "the other servers of the group were stopped, and all start again after a pause that doubles each time"
    if report.gave_up:
        why = "this was the last attempt: the pods hold their NPUs until an update, which starts the group again"
    fix = "fix the error in its last lines, then run pulumi up"
    if cause and cause.known:
        message += f": {cause.known.meaning}"
        why = f"{cause.known.why}; {why}"
        fix = cause.known.fix
    elif cause:
        message += f": {cause.line[:LONGEST]}"
    if report.gave_up:
        fix += "; to start the group again unchanged, delete the pod of its leader; to free its NPUs, write replicas: 0"
        return Finding("group-gave-up", "error", message, why=why, fix=fix)
    return Finding("group-member-failed", "error", message, why=why, fix=fix)


def _lost(report: Report) -> Finding:
    return Finding(
        "group-member-failed",
        "error",
        f"the leader lost its pod (attempt {report.attempt} of {report.attempts})",
        why="without the pod, requests would hang, so the servers of the group were stopped; all start again when the"
        " leader reaches all pods",
        fix="bring the node of the pod or its network back; if the pod itself is gone, the group is recreated",
    )


def _silent(report: Report) -> Finding:
    return Finding(
        "group-member-failed",
        "error",
        f"its pod hung: the leader heard nothing from it for 20 s (attempt {report.attempt} of {report.attempts})",
        why="its network is cut, its node is overloaded or its processes are stopped; requests would hang, so the"
        " servers of the group were stopped, and all start again when the pod answers",
        fix="check the node of the pod and its network; a container that hangs is restarted after two minutes",
    )
