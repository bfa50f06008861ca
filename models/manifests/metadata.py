"""Names, labels and annotations that all objects of a service share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.engines.releases import DEFAULT_VERSION, names_later_release
from models.service.resolved import ResolvedService

NAME_LABEL = "app.kubernetes.io/name"
"""The label that marks the objects of all services."""

INSTANCE_LABEL = "app.kubernetes.io/instance"
"""The label that distinguishes the objects of one service from those of the others."""

VERSION_LABEL = "app.kubernetes.io/version"
"""The label that names the engine release."""

NAME = "ascend-vllm"
"""The value of `NAME_LABEL`."""

Manifest = dict[str, Any]
"""A Kubernetes object as JSON has it."""


OURS = {"pulumi.com/patchFieldManager": "ascend-vllm", "pulumi.com/patchForce": "true"}
"""Annotations by which the stack file overrides other owners of a field.

Without them Pulumi's provider applies each object under a random field manager and refuses to change a field that
another manager owns: fields set by an update whose state was lost, and fields changed by hand.
"""

NOT_AWAITED = {"pulumi.com/skipAwait": "true"}
"""Annotation that keeps Pulumi's provider from waiting until an object is ready.

It waits for the deletion of most kinds all the same; `KubernetesObject` limits that.
"""


def metadata(
    service: ResolvedService, annotations: Mapping[str, str] | None = None
) -> Manifest:
    """Metadata of an object of a service; the object has the service's name."""
    return {
        "name": service.name,
        "namespace": service.cluster.namespace.name,
        "labels": labels(service),
        "annotations": {**OURS, **(annotations or {})},
    }


def labels(service: ResolvedService) -> dict[str, str]:
    """The manual's label `app: infers` and Kubernetes' recommended labels."""
    return {
        "app": "infers",
        **selector(service),
        "app.kubernetes.io/component": "server",
        **_version(service),
        "app.kubernetes.io/managed-by": "pulumi",
    }


def _version(service: ResolvedService) -> dict[str, str]:
    """The label of the release; none if it is only the default, and the tag of the image names a later one."""
    version = service.release.version
    is_default = "engine.version" not in service.configured
    if is_default and version == DEFAULT_VERSION and names_later_release(service.image):
        return {}
    return {VERSION_LABEL: version}


def selector(service: ResolvedService) -> dict[str, str]:
    """The labels that select this service's pods and no others. The selector of a Deployment can never change."""
    return {NAME_LABEL: NAME, INSTANCE_LABEL: service.name}


SET_LABEL = "leaderworkerset.sigs.k8s.io/name"
"""The label with the name of the LeaderWorkerSet that a pod belongs to. The controller adds it."""

RANK_LABEL = "leaderworkerset.sigs.k8s.io/worker-index"
"""The label with the place of a pod in its group; 0 is the leader."""


def serving_selector(service: ResolvedService) -> dict[str, str]:
    """The labels that select the pods that answer requests: all pods of the service, or the leaders of its groups."""
    if service.group is None:
        return selector(service)
    return {SET_LABEL: service.workload, RANK_LABEL: "0"}
