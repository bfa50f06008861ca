"""The namespace of a stack."""

from __future__ import annotations

from models.manifests.metadata import OURS, Manifest


def namespace(name: str) -> Manifest:
    """The namespace that all services of a stack share."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "pulumi"}, "annotations": OURS},
    }
