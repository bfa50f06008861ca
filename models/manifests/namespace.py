"""The namespace of a stack."""

from __future__ import annotations

from models.manifests.metadata import OURS, Manifest
from models.service.resolved import Cluster

ENFORCE = "pod-security.kubernetes.io/enforce"
"""Label with the level that Pod Security admission enforces on the pods of a namespace."""

REASON = "ascend-vllm/pod-security-reason"
"""Annotation with the reason why the level is not stricter."""


def namespace(cluster: Cluster) -> Manifest:
    """The namespace that all services of a stack share, with the Pod Security level that its pods need."""
    paths = ", ".join(mount.host_path for mount in cluster.platform.mounts.values())
    reason = f"baseline forbids hostPath volumes, and each pod reads {paths} of its node (manual, Step 2)"
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": cluster.namespace.name,
            "labels": {"app.kubernetes.io/managed-by": "pulumi", ENFORCE: "privileged"},
            "annotations": {**OURS, REASON: reason},
        },
    }
