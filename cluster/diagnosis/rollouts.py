"""Updates that wait for NPUs that their own old pods hold."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.diagnosis.scheduling import unscheduled
from cluster.pods import any_terminating, is_over, node_of
from cluster.snapshot import Object, Snapshot, name_of
from models.finding import Finding

WAITING = ("no-free-npus", "queue-full", "gang-waiting")
"""Findings about a pod that waits for NPUs."""


def stuck_rollout(
    deployment: Object,
    newest: Sequence[Object],
    snapshot: Snapshot,
    *,
    resource: str,
) -> Finding | None:
    """A rollout that creates an additional pod first, but has no NPUs for it; None if old pods end without it.

    Args:
        deployment: The Deployment.
        newest: Its pods of the current template.
        snapshot: The cluster.
        resource: Name of the NPUs as a Kubernetes resource.
    """
    if not _keeps_old_pods(deployment):
        return None
    pending = [pod for pod in newest if not node_of(pod)]
    if not pending or not _old_pods(deployment, newest, snapshot):
        return None
    if any_terminating((*snapshot.pods, *snapshot.holders)):
        return None
    reason = unscheduled(pending[0], snapshot, resource)
    if reason.rule not in WAITING:
        return None
    return Finding(
        "rollout-stuck",
        "error",
        f"the update waits for NPUs that its own old pods hold: {reason.message}",
        why="maxUnavailable is 0, so no old pod ends before a new one is ready; other pods hold NPUs that"
        " cluster.pools counts as free, or npus was changed",
        fix="write rollout: recreate and run pulumi up; or free the NPUs",
    )


def _keeps_old_pods(deployment: Object) -> bool:
    """Whether no old pod ends before a new one is ready."""
    spec = deployment.get("spec") or {}
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return False
    rolling_update = strategy.get("rollingUpdate") or {}
    return rolling_update.get("maxUnavailable") in (0, "0%")


def _old_pods(
    deployment: Object,
    newest: Sequence[Object],
    snapshot: Snapshot,
) -> list[Object]:
    """The pods of older templates that hold a node."""
    newest_names = {name_of(pod) for pod in newest}
    old_pods = []
    for pod in snapshot.pods_of(name_of(deployment)):
        if name_of(pod) in newest_names or is_over(pod):
            continue
        if node_of(pod):
            old_pods.append(pod)
    return old_pods
