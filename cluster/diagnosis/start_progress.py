"""The progress of a start that takes time."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.diagnosis.engine_release import release_of_pod
from cluster.diagnosis.weight_steps import progress
from cluster.pods import containers, is_init, running
from cluster.snapshot import Object, Snapshot, instant, name_of
from models.engines.log_lines import find_phase
from models.finding import Finding
from models.words import duration

_LONGEST = 200
"""Characters of a log line that a message shows."""


def slow_start(pod: Object, snapshot: Snapshot, startup: float) -> Finding | None:
    """The progress of a pod that runs and is not ready yet.

    Args:
        pod: The pod.
        snapshot: The cluster, with the last log lines of the pod.
        startup: Longest start of the server in seconds.
    """
    lines = snapshot.logs.get(name_of(pod), ())
    for container in containers(pod):
        started = running(container).get("startedAt")
        if not started or container.get("ready"):
            continue
        elapsed = (snapshot.at - instant(started)).total_seconds()
        if is_init(pod, container):
            return _preparing(container, elapsed, lines)
        phase = find_phase(lines, release_of_pod(pod).start_phases)
        return _starting(elapsed, startup, phase, lines)
    return None


def _preparing(container: Object, elapsed: float, lines: Sequence[str]) -> Finding:
    current = progress(lines)
    message = f"init container {container.get('name')} has been running for {duration(elapsed)}"
    if current.text:
        message += f": {current.text}"
    why = "the server starts after it"
    if current.details:
        why += f"; {current.details}"
    return Finding(
        "preparing",
        "warning",
        message,
        why=why,
        fix="wait",
    )


def _starting(
    elapsed: float, startup: float, phase: str, lines: Sequence[str]
) -> Finding:
    last_line = ""
    if lines and not phase:
        last_line = f"; its last line: {lines[-1].strip()[:_LONGEST]}"
    current = phase or "starting"

    if elapsed > startup:
        return Finding(
            "slow-start",
            "warning",
            f"not ready after {duration(elapsed)}, longer than startup allows ({duration(startup)}): {current}",
            why=f"the server does not answer /health{last_line}",
            fix="see its last lines; raise `startup` if they show progress",
        )
    remaining = duration(startup - elapsed)
    return Finding(
        "slow-start",
        "warning",
        f"{current} ({duration(elapsed)} of {duration(startup)})",
        why=f"the server does not answer /health yet; `startup` allows {remaining} more{last_line}",
        fix="wait",
    )
