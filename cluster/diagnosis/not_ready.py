"""Why the pods of a Deployment are not all ready, and which pod to blame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from cluster.diagnosis.diagnose import diagnose
from cluster.diagnosis.lost_pods import refused_by_node
from cluster.diagnosis.rollouts import stuck_rollout
from cluster.pods import age, created, is_over, node_of
from cluster.snapshot import (
    Object,
    Snapshot,
    annotations_of,
    condition,
    first_owner,
    has_condition,
    name_of,
    one_line,
    replicas_of,
    status_of,
)
from models.finding import Finding
from models.words import duration

_PATIENCE = 30
"""Seconds after which a controller that runs has looked at a new Deployment."""

_NO_PODS = "the Deployment exists, but its pods cannot be created"


def no_deployment(service: str, snapshot: Snapshot) -> Finding:
    """Why there is no Deployment of a service."""
    unread = snapshot.unread.get("deployments")
    if unread:
        return Finding(
            "unread",
            "error",
            unread,
            why="without its Deployment, the state of a service is unknown",
            fix="request a role that may list Deployments",
        )
    return Finding(
        "not-deployed",
        "error",
        f"the namespace {snapshot.namespace} has no Deployment {service}",
        why="the service is in the stack but not in the cluster",
        fix="run pulumi up",
    )


def not_ready(
    deployment: Object,
    snapshot: Snapshot,
    *,
    resource: str,
    startup: float,
) -> tuple[Finding, Object | None]:
    """Why a Deployment is not ready, and the pod to blame: the worst of the newest ones.

    Args:
        deployment: The Deployment.
        snapshot: The cluster.
        resource: Name of the NPUs as a Kubernetes resource.
        startup: Longest start of the server in seconds.
    """
    pods = newest_pods(deployment, snapshot)
    stuck = stuck_rollout(
        deployment,
        pods,
        snapshot,
        resource=resource,
    )
    if stuck:
        return stuck, _first_pending(pods)

    refused = _refused_again_and_again(pods, snapshot)
    if refused:
        return refused

    rejected = _pods_rejected(deployment, snapshot)
    if rejected:
        return rejected, None

    alive = [pod for pod in pods if not is_over(pod)]
    candidates = alive or pods
    findings = []
    for pod in candidates:
        finding = diagnose(
            pod,
            snapshot,
            resource=resource,
            startup=startup,
        )
        if finding:
            findings.append((finding, pod))
    if findings:
        return min(findings, key=_rank)
    if candidates:
        return _rolling(deployment, snapshot), candidates[0]
    return _rolling(deployment, snapshot), None


def _rank(finding_of_pod: tuple[Finding, Object]) -> tuple[bool, bool]:
    """Errors come before warnings, and pods without a node before the others."""
    finding, pod = finding_of_pod
    return finding.severity != "error", bool(node_of(pod))


def newest_pods(deployment: Object, snapshot: Snapshot) -> list[Object]:
    """The pods of the Deployment's newest ReplicaSet, or all pods of the service if that is unknown."""
    pods = snapshot.pods_of(name_of(deployment))
    replica_sets = _replica_sets(deployment, snapshot)
    if not replica_sets:
        return pods
    newest = max(replica_sets, key=_revision_and_age)
    return [pod for pod in pods if _is_owned_by(pod, newest)]


def _replica_sets(deployment: Object, snapshot: Snapshot) -> list[Object]:
    return [item for item in snapshot.replica_sets if _is_owned_by(item, deployment)]


def _revision_and_age(replica_set: Object) -> tuple[int, object]:
    revision = annotations_of(replica_set).get("deployment.kubernetes.io/revision")
    return int(revision or 0), created(replica_set)


def _is_owned_by(item: Object, owner: Object) -> bool:
    uid = owner["metadata"].get("uid")
    return bool(first_owner(item).get("uid") == uid)


def _first_pending(pods: Sequence[Object]) -> Object | None:
    for pod in pods:
        if not node_of(pod):
            return pod
    return None


def _refused_again_and_again(
    pods: Sequence[Object], snapshot: Snapshot
) -> tuple[Finding, Object] | None:
    """A node that refused more than one pod in the same way."""
    over = [pod for pod in pods if is_over(pod)]
    if len(over) < 2:
        return None
    refusal = refused_by_node(over[0], snapshot)
    if refusal is None:
        return None
    message = f"{refusal.message}; {len(over)} pods ended this way"
    return replace(refusal, message=message), over[0]


def _pods_rejected(deployment: Object, snapshot: Snapshot) -> Finding | None:
    """Pods that cannot be created: Pod Security, a quota or a webhook rejects them."""
    for item in (deployment, *_replica_sets(deployment, snapshot)):
        if has_condition(item, "ReplicaFailure"):
            text = one_line(condition(item, "ReplicaFailure").get("message"))
            return rejection(text, snapshot.namespace, _NO_PODS)
    return None


def rejection(text: str, namespace: str, why: str) -> Finding:
    """The reason why the pods of a service are rejected.

    Args:
        text: The message of the API server.
        namespace: The namespace of the service.
        why: The consequence.
    """
    if "exceeded quota" in text:
        return Finding(
            "quota",
            "error",
            f"a ResourceQuota of the namespace rejects the pods: {text}",
            why=why,
            fix="raise the ResourceQuota of the namespace, or lower the resources of the service",
        )
    if "PodSecurity" in text:
        label = "pod-security.kubernetes.io/enforce=privileged"
        return Finding(
            "pod-security",
            "error",
            f"Pod Security rejects the pods: {text}",
            why=why,
            fix=f"allow host paths: kubectl label namespace {namespace} --overwrite {label}",
        )
    runtime_class = re.search(r'RuntimeClass "([^"]+)" not found', text)
    if runtime_class:
        return Finding(
            "pods-refused",
            "error",
            f"the cluster has no RuntimeClass {runtime_class[1]}",
            why=f"{why}: podTemplate.spec.runtimeClassName names it",
            fix="install its definition (the Ascend Docker Runtime), or remove runtimeClassName from podTemplate.spec",
        )
    return Finding(
        "pods-refused",
        "error",
        f"the API server rejects the pods: {text}",
        why=why,
        fix="fix the problem in the message",
    )


def _is_ignored(deployment: Object, snapshot: Snapshot) -> bool:
    """Whether a Deployment has existed for a while, and its status is still empty."""
    is_new = age(deployment, snapshot.at) < _PATIENCE
    return not is_new and not status_of(deployment).get("observedGeneration")


def _rolling(deployment: Object, snapshot: Snapshot) -> Finding:
    """All existing pods are well, but there are too few, too many, or some have the old template."""
    if deployment["spec"].get("paused"):
        return Finding(
            "paused",
            "error",
            "the Deployment is paused",
            why="somebody paused its rollout",
            fix="kubectl rollout resume",
        )
    if _is_ignored(deployment, snapshot):
        return Finding(
            "not-observed",
            "error",
            f"no controller has looked at the Deployment for {duration(age(deployment, snapshot.at))}",
            why="kube-controller-manager creates the pods of a Deployment, and does so within seconds",
            fix="check that kube-controller-manager runs: kubectl get pods -n kube-system",
        )
    status = status_of(deployment)
    updated = status.get("updatedReplicas") or 0
    existing = status.get("replicas") or 0
    replicas = replicas_of(deployment)
    message = (
        f"{updated} of {replicas} pods have the current template, {existing} pods exist"
    )
    if not snapshot.pods and "pods" in snapshot.unread:
        message += f"; {snapshot.unread['pods']}"
    return Finding(
        "rolling",
        "warning",
        message,
        why="the rollout is still in progress",
        fix="wait",
    )
