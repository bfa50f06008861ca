"""Updates that wait for NPUs which their own old pods hold."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.findings import found
from cluster.pods import is_over, node_of
from cluster.scheduling import unscheduled
from cluster.snapshot import Object, Seen
from models.finding import Finding

WAITING = ("no-free-npus", "queue-full", "gang-waiting")
"""What is found of a pod that waits for NPUs."""


def stuck(deployment: Object, current: Sequence[Object], seen: Seen, resource: str) -> Finding | None:
    """An update that makes a pod more first, where there are no NPUs for it; None when old pods go by themselves.

    Args:
        deployment: The Deployment.
        current: Its pods of the current template.
        seen: The look at the cluster.
        resource: Name of the NPUs as a Kubernetes resource.
    """
    strategy = (deployment.get("spec") or {}).get("strategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") == "Recreate" or rolling.get("maxUnavailable") not in (0, "0%"):
        return None
    pending = [pod for pod in current if not node_of(pod)]
    names = {pod["metadata"]["name"] for pod in current}
    service = str(deployment["metadata"]["name"])
    old = [pod for pod in seen.pods_of(service) if node_of(pod) and not is_over(pod)]
    old = [pod for pod in old if pod["metadata"]["name"] not in names]
    leaving = any(pod["metadata"].get("deletionTimestamp") for pod in (*seen.pods, *seen.holders))
    if not pending or not old or leaving:
        return None
    base = unscheduled(pending[0], seen, resource)
    if base.rule not in WAITING:
        return None
    return found(
        "rollout-stuck",
        f"the update waits for NPUs that its own old pods hold: {base.message}",
        why="maxUnavailable is 0, so no old pod goes before a new one is ready; others hold what cluster.pools counts"
        " as free, or npus was changed",
        fix="write rollout: recreate and run pulumi up; or free the NPUs",
    )
