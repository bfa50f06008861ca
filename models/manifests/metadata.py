"""Names and labels that all objects of a service share."""

from __future__ import annotations

from typing import Any

from models.resolve import ResolvedService

Manifest = dict[str, Any]
"""A Kubernetes object as JSON has it."""


def metadata(service: ResolvedService) -> Manifest:
    """Metadata of an object of a service, which is named like it."""
    return {"name": service.name, "namespace": service.cluster.namespace.name, "labels": labels(service)}


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
