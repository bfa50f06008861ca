"""Timeouts of Kubernetes and Pulumi. All follow from the time that a service takes to start and to stop."""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.service.resolved import KV_READERS, SETTLE, ResolvedService
from models.stack_file.keys.operation import RollingUpdate

PULL = 600
"""Seconds before a container starts: to schedule the pod, pull the image and run the init containers."""

WORKER_END = 60
"""Seconds from the end of a leader until its workers have ended. Those of vLLM 0.23.0 take 12 (measured)."""

_PROVIDER_DELETION = 600
"""Seconds that Pulumi's provider waits for a deletion by default."""

_DELETION_MARGIN = 120
"""Seconds for the other objects of a namespace."""

_MARGIN = 30
"""Seconds by which a timeout is longer than the timeout from which it is derived."""


def grace_period(service: ResolvedService) -> int:
    """Seconds from the end of a pod until it is killed (`terminationGracePeriodSeconds`).

    This covers the preStop hook, and the time in which the server answers its last requests after SIGTERM.
    """
    hook = SETTLE + service.drain
    if service.keeps_kv_cache:
        hook += KV_READERS
    return hook + service.release.shutdown_seconds(service) + _MARGIN


def worker_grace_period(service: ResolvedService) -> int:
    """Seconds from the end of a worker until it is killed.

    If all pods of a group end together, the worker first waits until the leader has answered its requests.
    """
    return grace_period(service) + WORKER_END


def progress_deadline(service: ResolvedService) -> int:
    """Seconds without progress after which an update of the Deployment fails (`progressDeadlineSeconds`).

    This covers the end of an old pod, the download or check of the weights, and the start of a new pod.
    """
    end = grace_period(service)
    if service.group:
        end += WORKER_END
    return service.startup + end + PULL + service.model.preparation


def update_timeout(service: ResolvedService) -> int:
    """Seconds that an update waits for all pods of the service.

    Pods that are replaced one after the other each have the Deployment's own deadline.
    """
    steps = 1
    rollout = service.rollout
    if isinstance(rollout, RollingUpdate):
        step = rollout.max_surge + rollout.max_unavailable
        steps = max(math.ceil(service.replicas / step), 1)
    return steps * progress_deadline(service) + _MARGIN


def deletion_timeout(service: ResolvedService) -> int:
    """Seconds that an update waits for the deletion of a Deployment, and of its pods."""
    return max(grace_period(service) + _MARGIN, _PROVIDER_DELETION)


def namespace_deletion_timeout(services: Sequence[ResolvedService]) -> int:
    """Seconds that `pulumi destroy` waits for the deletion of a namespace, and of all pods in it.

    Kubernetes deletes the pods first. It looks again only after half of their longest grace period, whenever they have
    ended: pods that take all of it can need three looks.
    """
    longest = max((grace_period(service) for service in services), default=0)
    looks = longest + longest // 2
    return max(looks + _DELETION_MARGIN, _PROVIDER_DELETION)


def downtime(service: ResolvedService) -> int:
    """The most seconds in which no pod of the service answers during an update; 0 if a pod always answers."""
    rollout = service.rollout
    if service.replicas == 0:
        return 0
    if (
        isinstance(rollout, RollingUpdate)
        and rollout.max_unavailable < service.replicas
    ):
        return 0
    return service.startup


def pair_downtime(services: Sequence[ResolvedService]) -> int:
    """The most seconds in which a pair for prefill and decode does not answer while one or both are updated.

    An update of what both have in common takes longer than that of one: old pods work with old ones only, and new ones
    with new ones. Then the pair answers when both have a new pod.

    Args:
        services: Both services.
    """
    return max(downtime(service) for service in services)
