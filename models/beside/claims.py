"""The PersistentVolumeClaims that a stack makes for weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.beside.storage import Storage
from models.manifests.metadata import NOT_AWAITED, OURS, Manifest
from models.manifests.resources import quantity
from models.resolve import ResolvedService, ResolvedStack

KEPT = {"argocd.argoproj.io/sync-options": "Prune=false,Delete=false", "kustomize.toolkit.fluxcd.io/prune": "disabled"}
"""Annotations that keep Argo CD and Flux from deleting a claim; Pulumi is told so where it is registered."""


def made_claims(services: Iterable[ResolvedService]) -> dict[str, Storage]:
    """The claims that services want made, by name; services may share one."""
    found: dict[str, Storage] = {}
    for source in (service.model.source for service in services):
        if source.claim and source.storage.size:
            found.setdefault(source.claim, source.storage)
    return dict(sorted(found.items()))


def disputed(services: Iterable[ResolvedService]) -> Iterator[tuple[ResolvedService, ResolvedService]]:
    """Services that want a claim made otherwise than one before them, with that one."""
    first: dict[str, ResolvedService] = {}
    for service in services:
        source = service.model.source
        if source.claim and source.storage.size:
            other = first.setdefault(source.claim, service)
            theirs, ours = other.model.source.storage, source.storage
            if (theirs.size, theirs.storage_class) != (ours.size, ours.storage_class):
                yield service, other


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
