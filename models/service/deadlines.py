"""How long things may take: one budget for a start, from which the limits of Kubernetes and Pulumi follow in turn."""

from __future__ import annotations

import math

from models.service.resolved import SETTLE, ResolvedService
from models.stack_file.operation import RollingUpdate

PULL = 600
"""Seconds for what comes before a container's start: a free place, the image, init containers."""

_MARGIN = 30


def grace_period(service: ResolvedService) -> int:
    """Seconds from the order to end until a pod is killed: more than its drain takes."""
    return SETTLE + service.drain + _MARGIN


def progress_deadline(service: ResolvedService) -> int:
    """Seconds without progress after which a Deployment's update counts as failed: more than the end of an old pod and
    the start of a new one take, and before it the fetching or verifying of its weights."""
    return service.startup + grace_period(service) + PULL + service.model.preparation


def update_timeout(service: ResolvedService) -> int:
    """Seconds that an update waits for all pods of the service: more than the Deployment's own deadline.

    Where pods are replaced one after the other, each has its turn.
    """
    turns = 1
    rollout = service.rollout
    if isinstance(rollout, RollingUpdate):
        step = rollout.max_surge + rollout.max_unavailable
        turns = max(math.ceil(service.replicas / step), 1)
    return turns * progress_deadline(service) + _MARGIN


def downtime(service: ResolvedService) -> int:
    """Seconds that no pod of the service answers during an update, at most; 0 when one always does."""
    rollout = service.rollout
    if service.replicas == 0:
        return 0
    if isinstance(rollout, RollingUpdate) and rollout.max_unavailable < service.replicas:
        return 0
    return service.startup
