"""Decides whether an update restarts the pods of a service that runs."""

from __future__ import annotations

from typing import Any

from cluster.snapshot import Object, name_of
from models.manifests import service_objects
from models.service.resolved import ResolvedService


def restarts_pods(running: Object, service: ResolvedService) -> bool:
    """Whether the update of a service changes the template of its pods.

    Only fields of the wanted template are compared, because the API server adds defaults to the live one.

    Args:
        running: The Deployment or the LeaderWorkerSet of the service in the cluster.
        service: The service with the same name.
    """
    key = "template"
    if "leaderWorkerTemplate" in running["spec"]:
        key = "leaderWorkerTemplate"
    for wanted in service_objects(service):
        is_pods = wanted["kind"] in ("Deployment", "LeaderWorkerSet")
        if is_pods and name_of(wanted) == name_of(running):
            return not _contains(running["spec"][key], wanted["spec"].get(key))
    return True


def _contains(live: Any, wanted: Any) -> bool:
    """Whether a live value has everything that a wanted one has."""
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return False
        return all(
            key in live and _contains(live[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        if not isinstance(live, list) or len(live) != len(wanted):
            return False
        return all(map(_contains, live, wanted))
    return bool(live == wanted)
