"""The PersistentVolumeClaims that a stack makes for weights."""

from __future__ import annotations

from collections.abc import Iterator

from models.manifests.metadata import NOT_AWAITED, OURS, Manifest
from models.manifests.resources import quantity
from models.service.claims import made_claims
from models.service.resolved import ResolvedStack

KEPT = {"argocd.argoproj.io/sync-options": "Prune=false,Delete=false", "kustomize.toolkit.fluxcd.io/prune": "disabled"}
"""Annotations that keep Argo CD and Flux from deleting a claim; Pulumi is told so where it is registered."""


def claim_objects(stack: ResolvedStack) -> Iterator[Manifest]:
    """The claims of a stack. Pulumi does not wait for them: many are bound when their first pod comes."""
    for name, storage in made_claims(stack.services).items():
        asked = {"storageClassName": storage.storage_class} if storage.storage_class else {}
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": name,
                "namespace": stack.cluster.namespace.name,
                "labels": {"app.kubernetes.io/managed-by": "pulumi"},
                "annotations": {**OURS, **NOT_AWAITED, **KEPT},
            },
            "spec": {
                "accessModes": ["ReadWriteMany"],
                **asked,
                "resources": {"requests": {"storage": quantity(storage.size or 0)}},
            },
        }
