"""The Secrets that a stack creates, without their values, which only `pulumi up` knows."""

from __future__ import annotations

from collections.abc import Iterator

from models.manifests.metadata import NAME, NAME_LABEL, NOT_AWAITED, OURS, Manifest
from models.service.resolved import ResolvedStack


def secret_objects(stack: ResolvedStack) -> Iterator[Manifest]:
    """Every Secret of the stack, without data. `models.service.secrets` explains the names."""
    labels = {
        "app": "infers",
        NAME_LABEL: NAME,
        "app.kubernetes.io/managed-by": "pulumi",
    }
    for secret in stack.secrets:
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": secret.name,
                "namespace": stack.cluster.namespace.name,
                "labels": labels,
                "annotations": {**OURS, **NOT_AWAITED},
            },
            "immutable": True,
            "type": secret.type,
        }
