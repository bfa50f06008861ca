"""The LeaderWorkerSet of a service whose servers have several nodes each: one group of pods for each replica."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from models.engines.group import ResolvedGroup
from models.manifests.kinds import LEADER_WORKER_SET
from models.manifests.metadata import NOT_AWAITED, Manifest, metadata
from models.manifests.pod import QUEUE_NAME, pod_template
from models.manifests.pod_role import PodRole, leader, worker
from models.service.resolved import ResolvedService
from models.stack_file.keys.operation import Recreate


def leader_worker_set(
    service: ResolvedService,
    group: ResolvedGroup,
    *,
    volumes: Iterable[Mapping[str, Any]],
    volume_mounts: Iterable[Mapping[str, Any]],
    command: Mapping[str, Any],
) -> Manifest:
    """The LeaderWorkerSet; further arguments as for `deployment`.

    A pod alone is useless to its group, so each group starts, restarts and ends as a whole. `LeaderCreated` is the only
    startup policy for which Volcano starts a group all or nothing. The queue is read from the set, not from its pods
    (lws 0.9.0).
    """
    annotations = dict(NOT_AWAITED)
    if service.queue:
        annotations[QUEUE_NAME] = service.queue
    shared = list(volumes), list(volume_mounts)

    def template(role: PodRole) -> Manifest:
        return pod_template(
            service,
            role,
            volumes=shared[0],
            volume_mounts=shared[1],
            command=command,
        )

    spec: dict[str, Any] = {}
    if not service.external:
        spec["replicas"] = service.replicas
    spec["startupPolicy"] = "LeaderCreated"
    spec["rolloutStrategy"] = rollout_strategy(service)
    spec["networkConfig"] = {"subdomainPolicy": "Shared"}
    spec["leaderWorkerTemplate"] = {
        "size": service.nodes,
        "restartPolicy": "RecreateGroupOnPodRestart",
        "leaderTemplate": template(leader(service, group)),
        "workerTemplate": template(worker(service, group)),
    }
    return {
        "apiVersion": LEADER_WORKER_SET,
        "kind": "LeaderWorkerSet",
        "metadata": {**metadata(service, annotations), "name": service.workload},
        "spec": spec,
    }


def rollout_strategy(service: ResolvedService) -> Manifest:
    """How the controller replaces groups. It cannot delete all of them first; one group is replaced all the same."""
    rollout = service.rollout
    limits = {"maxUnavailable": 1, "maxSurge": 0}
    if not isinstance(rollout, Recreate):
        limits = {
            "maxUnavailable": rollout.max_unavailable,
            "maxSurge": rollout.max_surge,
        }
    return {"type": "RollingUpdate", "rollingUpdateConfiguration": limits}
