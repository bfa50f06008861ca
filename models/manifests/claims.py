"""The PersistentVolumeClaims that a stack creates for weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.manifests.metadata import NOT_AWAITED, OURS, Manifest
from models.record import quantity_text
from models.service.claims import requested_claims
from models.service.resolved import ResolvedStack

KEPT = {
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
"""Annotations that keep Argo CD and Flux from deleting a claim. Pulumi gets the same instruction where the claim is
registered."""


def claim_objects(stack: ResolvedStack) -> Iterator[Manifest]:
    """The claims of a stack. Pulumi does not wait for them, because many are bound only when their first pod starts."""
    for name, request in requested_claims(stack.services).items():
        spec: dict[str, Any] = {"accessModes": ["ReadWriteMany"]}
        if request.storage_class:
            spec["storageClassName"] = request.storage_class
        spec["resources"] = {"requests": {"storage": quantity_text(request.size)}}
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": name,
                "namespace": stack.cluster.namespace.name,
                "labels": {"app.kubernetes.io/managed-by": "pulumi"},
                "annotations": {**OURS, **NOT_AWAITED, **KEPT},
            },
            "spec": spec,
        }
