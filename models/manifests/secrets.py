"""The Secrets that the stack makes, without their values, which only `pulumi up` knows."""

from __future__ import annotations

from collections.abc import Iterator

from models.manifests.metadata import NAME, NAME_LABEL, NOT_AWAITED, OURS, Manifest
from models.service.resolved import ResolvedStack


def secret_objects(stack: ResolvedStack) -> Iterator[Manifest]:
    """Every Secret of the stack, and none of its data; `models.stack_file.secrets` says what its name is made of."""
    shared = {"app": "infers", NAME_LABEL: NAME, "app.kubernetes.io/managed-by": "pulumi"}
    for made in stack.secrets:
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": made.name,
                "namespace": stack.cluster.namespace.name,
                "labels": shared,
                "annotations": {**OURS, **NOT_AWAITED},
            },
            "immutable": True,
            "type": made.type,
        }
