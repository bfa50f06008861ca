"""Why a container ended: crashes, kills, out of memory, failed init containers."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.diagnosis.engine_release import release_of_pod
from cluster.diagnosis.preflight import contradiction
from cluster.diagnosis.weight_steps import failure
from cluster.pods import (
    containers,
    ended,
    has_ended,
    is_init,
    last_state_of_container,
    restarts,
    waiting,
)
from cluster.snapshot import Object, Snapshot, instant, name_of
from models.engines.log_lines import KnownError
from models.engines.root_cause import Cause, find_cause
from models.finding import Finding, Severity
from models.words import duration

_LONGEST = 200
"""Characters of a log line that a message shows."""

_SIGNALS = {
    134: "SIGABRT",
    135: "SIGBUS",
    136: "SIGFPE",
    137: "SIGKILL",
    139: "SIGSEGV",
    143: "SIGTERM",
}

_WHY = {
    137: "somebody sent SIGKILL: the node when it ran out of memory, a driver, or an operator",
    139: "a native library crashed, often because driver and CANN do not match",
    135: "a memory mapping failed, often because /dev/shm is too small",
    127: "the script calls a program that the image does not have",
    126: "the script is not executable",
}
"""The likely cause of an exit code if the log shows no known error."""


def blamed(pod: Object) -> Object | None:
    """The container that ended and does not run well since; init containers first."""
    for container in containers(pod):
        if ended(container) and not container.get("ready"):
            return container
    return None


def crashed(pod: Object, snapshot: Snapshot, startup: float) -> Finding | None:
    """Why a container ended, and whether it will end again.

    Args:
        pod: The pod.
        snapshot: The cluster, with the last log lines of the container.
        startup: Longest start of the server in seconds.
    """
    container = blamed(pod)
    if container is None:
        return None
    severity: Severity = "warning"
    if is_looping(container, startup):
        severity = "error"

    lines = snapshot.logs.get(name_of(pod), ())
    cause = find_cause(lines, release_of_pod(pod).known_errors)
    if is_init(pod, container):
        contradicted = contradiction(pod, container, lines)
        if contradicted:
            return contradicted
        return _init_failed(container, severity, cause, lines)
    if ended(container).get("reason") == "OOMKilled":
        return _out_of_memory(pod, container, severity)
    killed = _killed_by_probe(pod, container, snapshot, startup)
    if killed:
        return killed
    return _crash(container, severity, cause)


def _init_failed(
    container: Object,
    severity: Severity,
    cause: Cause | None,
    lines: Sequence[str],
) -> Finding:
    name = container.get("name")
    rule = _rule("init-failed", severity)
    weights = failure(lines)
    if weights:
        return Finding(
            rule,
            severity,
            f"init container {name} failed{_times(container)}: {weights.message}",
            why="the server starts after it; the next attempt continues where this one ended",
            fix=weights.fix,
        )

    message = f"init container {name} failed {_exit(container)}{_times(container)}"
    if cause and cause.known:
        return _explained(rule, severity, message, cause.known)
    return Finding(
        rule,
        severity,
        message,
        why="the server starts after all init containers have succeeded; Kubernetes starts it again",
        fix=f"see its last lines; fix the input of {name} in the stack file or the image",
    )


def _rule(name: str, severity: Severity) -> str:
    """The id of a failure. The first failure has a separate id, because Kubernetes starts the container again."""
    if severity == "error":
        return name
    return f"{name}-once"


def _out_of_memory(pod: Object, container: Object, severity: Severity) -> Finding:
    fix = "raise resources.memory"
    if release_of_pod(pod).swap_space.default:
        fix = "raise resources.memory, or lower swapSpace under engine.extraArgs"
    return Finding(
        _rule("out-of-memory", severity),
        severity,
        f"the container {container.get('name')} ran out of host memory and was killed{_times(container)}",
        why="it used more than its memory limit (OOMKilled); weights pass through host memory while they load",
        fix=fix,
    )


def _killed_by_probe(
    pod: Object,
    container: Object,
    snapshot: Snapshot,
    startup: float,
) -> Finding | None:
    """The kubelet ended the container because a probe failed. Only events report this."""
    exit_code = ended(container).get("exitCode")
    for event in snapshot.events_of(pod):
        if event.get("reason") != "Killing":
            continue
        text = str(event.get("message"))
        if "failed startup probe" in text:
            return Finding(
                "startup-budget-spent",
                "error",
                f"the server did not answer within {duration(startup)} (startup) and was killed",
                why="the startup probe failed until `startup` was over, so the kubelet starts the container again",
                fix="raise `startup` if its last lines show progress; otherwise see where it hangs",
            )
        if "failed liveness probe" in text and exit_code in (0, 137, 143):
            return Finding(
                "liveness-killed",
                "error",
                "the server stopped answering and was killed",
                why="the liveness probe on /health failed: an engine process is dead or hangs",
                fix="see its last lines: HCCL, an NPU fault (npu-smi info), or a request that never ends",
            )
    return None


def _explained(
    rule: str, severity: Severity, message: str, error: KnownError
) -> Finding:
    """The finding about a container that ended with an error whose meaning is known."""
    return Finding(
        rule,
        severity,
        f"{message}: {error.meaning}",
        why=error.why,
        fix=error.fix,
    )


def _crash(container: Object, severity: Severity, cause: Cause | None) -> Finding:
    rule = "crash"
    if severity == "error":
        rule = "crash-loop"
    message = f"the server ended {_exit(container)}{_times(container)}"
    if cause and cause.known:
        return _explained(rule, severity, message, cause.known)
    if cause:
        return Finding(
            rule,
            severity,
            f"{message}: {cause.line[:_LONGEST]}",
            why="this is the first exception in its log",
            fix="fix the cause of the exception, then run pulumi up",
        )
    return Finding(
        rule,
        severity,
        message,
        why=_WHY.get(_exit_code(container), "its last lines show the cause"),
        fix="fix the error in its last lines, then run pulumi up",
    )


def is_looping(container: Object, startup: float) -> bool:
    """Whether a container ends again and again: it backs off, or ended twice within the duration of a start."""
    if waiting(container).get("reason") == "CrashLoopBackOff":
        return True
    end = ended(container)
    if not end:
        return False
    ended_twice = has_ended(container) and "terminated" in last_state_of_container(
        container
    )
    if restarts(container) < 2 and not ended_twice:
        return False
    lifetime = instant(end.get("finishedAt")) - instant(end.get("startedAt"))
    return lifetime.total_seconds() <= startup


def _exit(container: Object) -> str:
    code = _exit_code(container)
    text = f"with exit code {code}"
    if code in _SIGNALS:
        text += f" ({_SIGNALS[code]})"
    return text


def _exit_code(container: Object) -> int:
    return int(ended(container).get("exitCode") or 0)


def _times(container: Object) -> str:
    """How often a container ended, if more than once."""
    count = restarts(container)
    if has_ended(container):
        count += 1
    if count < 2:
        return ""
    return f", {count} times"
