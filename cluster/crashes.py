"""Why a container ended: crashes, kills, lack of memory, containers that prepare the pod."""

from __future__ import annotations

from cluster.findings import found
from cluster.known_errors import KnownError, known_error
from cluster.pods import containers, ended, prepares, restarts, waiting
from cluster.snapshot import Object, Seen, instant, name_of
from cluster.steps import Failure, failure
from models.finding import Finding, Severity
from models.words import duration

_SIGNALS = {134: "SIGABRT", 135: "SIGBUS", 136: "SIGFPE", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}


def blamed(pod: Object) -> Object | None:
    """The container that ended and does not run well since; those that prepare the pod first."""
    for container in containers(pod):
        if ended(container) and not container.get("ready"):
            return container
    return None


def crashed(pod: Object, seen: Seen, startup: float) -> Finding | None:
    """Why a container ended, and whether it will again.

    Args:
        pod: The pod.
        seen: The look at the cluster, with the container's last lines.
        startup: Seconds that the server may take until it answers.
    """
    container = blamed(pod)
    if container is None:
        return None
    end = ended(container)
    known = known_error(seen.logs.get(name_of(pod), ()))
    if prepares(pod, container):
        return _preparation(container, end, known, startup, failure(seen.logs.get(name_of(pod), ())))
    if end.get("reason") == "OOMKilled":
        return _out_of_memory(container, startup)
    if kill := _killed_by_probe(pod, seen, end, startup):
        return kill
    return _crash(container, end, known, startup)


def _preparation(
    container: Object, end: Object, known: KnownError | None, startup: float, said: Failure | None
) -> Finding:
    name = container.get("name")
    severity: Severity = "error" if is_looping(container, startup) else "warning"
    if said:
        message = f"{name}, which prepares the pod, failed{_times(container)}: {said.words}"
        why = "the server starts after it; it is tried again, and goes on where it ended"
        return found("init-failed", message, why=why, fix=said.fix, severity=severity)
    return found(
        "init-failed",
        f"the container {name}, which prepares the pod, failed {_how(end)}{_times(container)}{_in_words(known)}",
        why=known.why if known else "the server starts after all that prepares the pod succeeded; it is tried again",
        fix=known.fix if known else f"see its last lines; correct what {name} needs in the stack file or the image",
        severity=severity,
    )


def _out_of_memory(container: Object, startup: float) -> Finding:
    return found(
        "out-of-memory",
        f"the container {container.get('name')} was killed for lack of memory of the node{_times(container)}",
        why="it used more than its memory limit (OOMKilled); weights pass through the node's memory while they load",
        fix="raise resources.memory, or lower swapSpace under engine.extraArgs",
        severity="error" if is_looping(container, startup) else "warning",
    )


def _killed_by_probe(pod: Object, seen: Seen, end: Object, startup: float) -> Finding | None:
    """The kubelet ended the container, since a probe failed: said in events only."""
    for event in seen.events_of(pod):
        text = str(event.get("message"))
        if event.get("reason") != "Killing":
            continue
        if "failed startup probe" in text:
            return found(
                "startup-budget-spent",
                f"the server did not answer within its budget of {duration(startup)} and was killed",
                why="the startup probe failed until `startup` was over, so the kubelet starts the container again",
                fix="raise `startup`, if its last lines show that it was getting on; else see what it hangs on",
            )
        if "failed liveness probe" in text and end.get("exitCode") in (0, 137, 143):
            return found(
                "liveness-killed",
                "the server answered no more and was killed",
                why="the liveness probe on /health failed: an engine process is dead or hangs",
                fix="see its last lines: HCCL, an NPU fault (npu-smi info), or a request that never ends",
            )
    return None


def _crash(container: Object, end: Object, known: KnownError | None, startup: float) -> Finding:
    looping = is_looping(container, startup)
    code = int(end.get("exitCode") or 0)
    return found(
        "crash-loop" if looping else "crash",
        f"the server ended {_how(end)}{_times(container)}{_in_words(known)}",
        why=known.why if known else _WHY.get(code, "its last lines say what it died of"),
        fix=known.fix if known else "correct what its last lines name, then run pulumi up",
        severity="error" if looping else "warning",
    )


def is_looping(container: Object, startup: float) -> bool:
    """Whether a container ends again and again: it backs off, or ended twice within the time of a start."""
    if waiting(container).get("reason") == "CrashLoopBackOff":
        return True
    end = ended(container)
    lived = (instant(end.get("finishedAt")) - instant(end.get("startedAt"))).total_seconds()
    return bool(end) and (restarts(container) >= 2 or _ended_twice(container)) and lived <= startup


def _ended_twice(container: Object) -> bool:
    states = (container.get("state") or {}, container.get("lastState") or {})
    return all("terminated" in state for state in states)


_WHY = {
    137: "somebody sent SIGKILL: the node for lack of memory, a driver, or an operator",
    139: "a native library crashed: often a driver and CANN that do not match",
    135: "a memory mapping failed: often /dev/shm is too small",
    127: "the script calls a program that the image does not have",
    126: "the script may not be executed",
}
"""What exit codes hint at when the log says nothing known."""


def _how(end: Object) -> str:
    code = int(end.get("exitCode") or 0)
    return f"with exit code {code}" + (f" ({_SIGNALS[code]})" if code in _SIGNALS else "")


def _times(container: Object) -> str:
    count = restarts(container) + ("terminated" in (container.get("state") or {}))
    return f", {count} times" if count > 1 else ""


def _in_words(known: KnownError | None) -> str:
    return f": {known.words}" if known else ""
