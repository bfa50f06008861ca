"""Names and labels that all objects of a service share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.service.resolved import ResolvedService

NAME_LABEL = "app.kubernetes.io/name"
"""The label that tells the objects of all services from others."""

INSTANCE_LABEL = "app.kubernetes.io/instance"
"""The label that tells the objects of a service from those of others."""

NAME = "ascend-vllm"
"""The value of `NAME_LABEL`."""

Manifest = dict[str, Any]
"""A Kubernetes object as JSON has it."""


OURS = {"pulumi.com/patchFieldManager": "ascend-vllm", "pulumi.com/patchForce": "true"}
"""Annotations that make the stack file win.

Without them Pulumi's provider signs each object with a random name, and refuses to change what another name has set:
what an update made whose state was lost, and what somebody changed by hand.
"""

NOT_AWAITED = {"pulumi.com/skipAwait": "true"}
"""Annotation that keeps Pulumi's provider from waiting for an object, also for its end: of a launch map that was
gone at once it has been seen to miss it, and to wait for minutes."""


def metadata(service: ResolvedService, annotations: Mapping[str, str] | None = None) -> Manifest:
    """Metadata of an object of a service, which is named like it."""
    return {
        "name": service.name,
        "namespace": service.cluster.namespace.name,
        "labels": labels(service),
        "annotations": {**OURS, **(annotations or {})},
    }


def labels(service: ResolvedService) -> dict[str, str]:
    """The manual's label `app: infers` and Kubernetes' recommended ones."""
    return {
        "app": "infers",
        **selector(service),
        "app.kubernetes.io/component": "server",
        "app.kubernetes.io/version": service.engine.version,
        "app.kubernetes.io/managed-by": "pulumi",
    }


def selector(service: ResolvedService) -> dict[str, str]:
    """The labels that tell this service's pods from all others; a Deployment's selector can never change."""
    return {NAME_LABEL: NAME, INSTANCE_LABEL: service.name}
