"""A service as its cluster has it: how many pods are ready, in what state, since when, and why not all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cluster.diagnose import diagnose, wanted_log
from cluster.findings import found
from cluster.lost_pods import node_lost, refused_by_node
from cluster.pods import born, containers, ended, is_over, is_ready, node_of, prepares, waiting
from cluster.reader import Reader
from cluster.rollouts import stuck
from cluster.snapshot import Object, Seen, condition, name_of
from models.credentials import masked
from models.finding import Finding

LINES = 20
"""Last lines of a log that are looked at; what is shown is fewer."""

SHOWN = 8
"""Last lines of a log that are shown."""


@dataclass(frozen=True)
class Wanted:
    """A service as the stack wants it, as far as its operation needs."""

    name: str
    resource: str
    """Name of the NPUs as a Kubernetes resource."""
    startup: int
    """Seconds that the server may take until it answers."""
    replicas: int = 1
    """Pods that there should be."""


@dataclass(frozen=True)
class State:
    """What a service is doing."""

    service: str
    ready: int
    """Pods that take requests and are of the current template."""
    wanted: int
    """Pods that there should be."""
    state: str
    """In one or two words, as Kubernetes has them: `Running`, `Pending`, `CrashLoopBackOff`, `not deployed`."""
    since: datetime | None
    """When the state began: the pod's birth."""
    finding: Finding | None
    """Why it is not ready; None when it is."""
    pod: str = ""
    """The pod that the finding is about."""
    log: tuple[str, ...] = ()
    """Last lines of that pod's container, without secrets."""

    @property
    def is_ready(self) -> bool:
        """Whether nothing is missing."""
        return self.finding is None


def is_settled(deployment: Object | None) -> bool:
    """Whether a Deployment is as asked for: all replicas of its current template ready, none of an older one there."""
    if deployment is None:
        return False
    wanted, status = _replicas(deployment), deployment.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int(deployment["metadata"].get("generation") or 0):
        return False
    counts = (status.get("updatedReplicas") or 0, status.get("replicas") or 0, status.get("availableReplicas") or 0)
    return counts == (wanted, wanted, wanted)


def state_of(service: Wanted, seen: Seen) -> State:
    """What a service is doing, from a look at its cluster."""
    deployment = seen.deployment(service.name)
    if deployment is None:
        if why := seen.unread.get("deployments"):
            finding = found("unread", why, why="what may not be read cannot be judged", fix="ask for the right to list")
        else:
            finding = found(
                "not-deployed",
                f"the namespace {seen.namespace} has no Deployment {service.name}",
                why="the stack has the service and the cluster does not",
                fix="run pulumi up",
            )
        return State(service.name, 0, service.replicas, "not deployed", None, finding)
    wanted = _replicas(deployment)
    current = _current(deployment, seen)
    ready = sum(map(is_ready, current))
    if is_settled(deployment) and not any(node_lost(pod, seen) for pod in current):
        return State(service.name, wanted, wanted, "Running", None, None)
    finding, pod = _reason(service, deployment, current, seen)
    since = born(pod) if pod else born(deployment)
    lines = seen.logs.get(name_of(pod), ()) if pod and _says_more(finding) else ()
    state = pod_state(pod) if pod else "no pod"
    return State(service.name, ready, wanted, state, since, finding, name_of(pod) if pod else "", lines[-SHOWN:])


async def look(reader: Reader, services: Sequence[Wanted], *, wide: bool) -> tuple[Seen, tuple[State, ...]]:
    """Look at the cluster, with the last lines of the pods that are in trouble, and say what each service is doing."""
    seen = await reader.look(wide=wide)
    logs: dict[str, tuple[str, ...]] = {}
    for service in services:
        if is_settled(seen.deployment(service.name)):
            continue
        for pod in seen.pods_of(service.name)[:_MOST_LOGS]:
            if log := wanted_log(pod):
                lines = await reader.log(log.pod, log.container, previous=log.previous, lines=LINES)
                logs[log.pod] = tuple(masked(line.rstrip()) for line in lines if line.strip())
    seen = replace(seen, logs=logs)
    return seen, tuple(state_of(service, seen) for service in services)


_MOST_LOGS = 3


def pod_state(pod: Object) -> str:
    """The state of a pod in a word, as `kubectl get` has it."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for container in containers(pod):
        prefix = "Init:" if prepares(pod, container) else ""
        reason = waiting(container).get("reason")
        if reason and reason != "PodInitializing":
            return f"{prefix}{reason}"
        if "terminated" in (container.get("state") or {}) and ended(container):
            return f"{prefix}{ended(container).get('reason') or 'Error'}"
    phase = str(status.get("reason") or status.get("phase") or "Pending")
    return "Starting" if phase == "Running" and not is_ready(pod) else phase


def _reason(
    service: Wanted, deployment: Object, current: Sequence[Object], seen: Seen
) -> tuple[Finding, Object | None]:
    """Why a service is not ready, and the pod to blame: the worst of the current ones."""
    if hangs := stuck(deployment, current, seen, service.resource):
        return hangs, next(pod for pod in current if not node_of(pod))
    over = [pod for pod in current if is_over(pod)]
    if len(over) > 1 and (refusal := refused_by_node(over[0], seen)):
        return replace(refusal, message=f"{refusal.message}; so ended {len(over)} pods"), over[0]
    alive = [pod for pod in current if not is_over(pod)] or list(current)
    told = [(diagnose(pod, seen, resource=service.resource, startup=service.startup), pod) for pod in alive]
    troubles = [(finding, pod) for finding, pod in told if finding]
    if forbidden := _forbidden(deployment, seen):
        return forbidden, None
    troubles.sort(key=lambda pair: (pair[0].severity != "error", bool(node_of(pair[1]))))
    if troubles:
        return troubles[0]
    return _rolling(deployment, seen), next(iter(alive), None)


def _forbidden(deployment: Object, seen: Seen) -> Finding | None:
    """The pods cannot even be made: Pod Security, a quota, a webhook."""
    sets = [one for one in seen.replica_sets if _owner(one) == deployment["metadata"].get("uid")]
    for item in (deployment, *sets):
        failure = condition(item, "ReplicaFailure")
        if failure.get("status") != "True":
            continue
        text = " ".join(str(failure.get("message")).split())
        if "exceeded quota" in text:
            fix = "raise the ResourceQuota of the namespace, or ask for less"
            return found("quota", f"a quota of the namespace refuses the pods: {text}", why=_NONE_MADE, fix=fix)
        if "PodSecurity" in text:
            fix = (
                f"host paths need it: kubectl label namespace {seen.namespace} --overwrite"
                " pod-security.kubernetes.io/enforce=privileged"
            )
            return found("pod-security", f"Pod Security refuses the pods: {text}", why=_NONE_MADE, fix=fix)
        fix = "correct what the message names"
        return found("pods-refused", f"the API server refuses the pods: {text}", why=_NONE_MADE, fix=fix)
    return None


_NONE_MADE = "the Deployment is there, and its pods cannot be made"


def _rolling(deployment: Object, seen: Seen) -> Finding:
    """The pods that there are, are well, and there are too few, too many, or of the old template."""
    status = deployment.get("status") or {}
    if deployment["spec"].get("paused"):
        return found("paused", "the Deployment is paused", why="somebody did so", fix="kubectl rollout resume")
    updated, alive, wanted = status.get("updatedReplicas") or 0, status.get("replicas") or 0, _replicas(deployment)
    message = f"{updated} of {wanted} pods are of the current template, {alive} in all"
    if not seen.pods and "pods" in seen.unread:
        message += f"; {seen.unread['pods']}"
    return found("rolling", message, why="the cluster is still at it", fix="wait", severity="warning")


def _current(deployment: Object, seen: Seen) -> list[Object]:
    """The pods of the Deployment's newest ReplicaSet; all of the service's when that is not known."""
    pods = seen.pods_of(name_of(deployment))
    newest = _newest(deployment, seen)
    mine = [pod for pod in pods if newest and _owner(pod) == newest["metadata"].get("uid")]
    return mine if newest else pods


def _newest(deployment: Object, seen: Seen) -> Object | None:
    sets = [one for one in seen.replica_sets if _owner(one) == deployment["metadata"].get("uid")]
    return max(sets, key=lambda one: (_revision(one), born(one)), default=None)


def _revision(item: Object) -> int:
    return int((item["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision") or 0)


def _owner(item: Object) -> str | None:
    return next((str(owner.get("uid")) for owner in item["metadata"].get("ownerReferences") or []), None)


def _replicas(deployment: Object) -> int:
    given = (deployment.get("spec") or {}).get("replicas")
    return 1 if given is None else int(given)


def _says_more(finding: Finding | None) -> bool:
    return finding is not None and finding.rule in _WITH_LOG


_WITH_LOG = (
    "crash-loop", "crash", "init-failed", "startup-budget-spent", "liveness-killed", "out-of-memory", "slow-start",
    "preparing",
)  # fmt: skip
