"""The pods of a service in one form, so that a LeaderWorkerSet is compared like a Deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.manifests import Manifest
from models.manifests.workload import serving_template
from models.service.resolved import ResolvedService, group_workload

WORKLOADS = ("Deployment", "LeaderWorkerSet")
"""The kinds of objects that create the pods of a service."""

_GROUP_TEMPLATES = "spec.leaderWorkerTemplate."
_WORKERS = "spec.leaderWorkerTemplate.workerTemplate."

_PATHS = {
    "spec.leaderWorkerTemplate.leaderTemplate.": "spec.template.",
    _WORKERS: "spec.template.",
    "spec.leaderWorkerTemplate.size": "spec.template.spec.nodes",
    "spec.rolloutStrategy.rollingUpdateConfiguration.": "spec.strategy.rollingUpdate.",
}
"""The beginning of a path in a LeaderWorkerSet, and that of the same field in a Deployment."""


def deployment_path(path: str) -> str:
    """The path that a field of a workload has in a Deployment; leaders and workers have the same one."""
    for beginning, in_deployment in _PATHS.items():
        if path.startswith(beginning):
            return in_deployment + path.removeprefix(beginning)
    return path


def is_of_workers(path: str) -> bool:
    """Whether a field of a workload belongs to the template of a group's workers."""
    return path.startswith(_WORKERS)


def is_in_template(path: str) -> bool:
    """Whether a changed field of a workload restarts its pods. With any of these fields, a group has a new template."""
    return path.startswith(("spec.template.", _GROUP_TEMPLATES))


def workload_of(
    service: str, objects: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """The object of a cluster that creates the pods of a service, by kind and name; None if it has none."""
    deployment = objects.get(("Deployment", service))
    if deployment is not None:
        return deployment
    return objects.get(("LeaderWorkerSet", group_workload(service)))


def is_replaced(old: ResolvedService, new: ResolvedService) -> bool:
    """Whether the pods are created by an object of another kind: a Deployment or a LeaderWorkerSet."""
    return (old.group is None) != (new.group is None)


def as_deployment(workload: Manifest) -> Manifest:
    """The object that creates the pods of a service, with the paths of a Deployment.

    Its template is that of the pods that answer requests, with the number of nodes of a server. Workers follow from the
    same keys of the stack file.
    """
    spec = dict(workload["spec"])
    template = serving_template(workload)
    nodes = 1
    if workload["kind"] == "LeaderWorkerSet":
        nodes = spec.pop("leaderWorkerTemplate")["size"]
        strategy = spec.pop("rolloutStrategy")
        spec["strategy"] = {
            "type": strategy["type"],
            "rollingUpdate": strategy["rollingUpdateConfiguration"],
        }
        for constant in ("startupPolicy", "networkConfig"):
            spec.pop(constant)
    spec["template"] = {**template, "spec": {**template["spec"], "nodes": nodes}}
    metadata = dict(workload["metadata"])
    metadata.pop("name")
    return {"metadata": metadata, "spec": spec}
