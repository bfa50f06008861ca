"""The pods of a service in one form, so that a LeaderWorkerSet is compared like a Deployment."""

from __future__ import annotations

from models.manifests import Manifest
from models.manifests.workload import serving_template
from models.service.resolved import ResolvedService


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
