"""How long things may take: one budget for a start, from which the limits of Kubernetes and Pulumi follow in turn."""

from __future__ import annotations

import math

from models.service.resolved import SETTLE, ResolvedService

PULL = 600
"""Seconds for what comes before a container's start: a free place, the image, init containers."""

_MARGIN = 30


def grace_period(service: ResolvedService) -> int:
    """Seconds from the order to end until a pod is killed: more than its drain takes."""
    return SETTLE + service.drain + _MARGIN


def progress_deadline(service: ResolvedService) -> int:
    """Seconds without progress after which a Deployment's update counts as failed: more than the end of an old pod and
    the start of a new one take, and before it the fetching or verifying of its weights."""
    return service.startup + grace_period(service) + PULL + (service.model.preparation or 0)


def update_timeout(service: ResolvedService) -> int:
    """Seconds that an update waits for all pods of the service: more than the Deployment's own deadline.

    Where pods are replaced one after the other, each has its turn.
    """
    step = (service.rollout.max_surge or 0) + (service.rollout.max_unavailable or 0)
    turns = math.ceil(service.replicas / step) if step else 1
    return max(turns, 1) * progress_deadline(service) + _MARGIN


def downtime(service: ResolvedService) -> int:
    """Seconds that no pod of the service answers during an update, at most; 0 when one always does."""
    rolls = service.rollout.kind == "rollingUpdate" and (service.rollout.max_unavailable or 0) < service.replicas
    return 0 if rolls or not service.replicas else service.startup
