"""Names and labels that all objects of a service share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.resolve import ResolvedService

Manifest = dict[str, Any]
"""A Kubernetes object as JSON has it."""


OURS = {"pulumi.com/patchFieldManager": "ascend-vllm", "pulumi.com/patchForce": "true"}
"""Annotations that make the stack file win.

Without them Pulumi's provider signs each object with a random name, and refuses to change what another name has set:
what an update made whose state was lost, and what somebody changed by hand.
"""

NOT_AWAITED = {"pulumi.com/skipAwait": "true"}
"""Annotation that keeps Pulumi's provider from waiting for an object."""


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
        "app.kubernetes.io/name": "ascend-vllm",
        "app.kubernetes.io/instance": service.name,
        "app.kubernetes.io/managed-by": "pulumi",
    }


def selector(service: ResolvedService) -> dict[str, str]:
    """The labels that tell this service's pods from all others; a Deployment's selector can never change."""
    return {"app.kubernetes.io/name": "ascend-vllm", "app.kubernetes.io/instance": service.name}
