"""Services of a cluster that have another name in the stack: one is removed, and one with the same weights is added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.manifests import service_objects
from models.manifests.pod import CONTAINER
from models.manifests.weights import MODEL_VOLUME
from models.manifests.workload import serving_template
from models.service.resolved import ResolvedService
from models.stack_file.keys.source import BucketSource
from review.changes import StackChange
from review.comparable import WORKLOADS, workload_of
from review.drift import Live, Object

_Weights = tuple[str, str, str]
"""The directory on the node or the claim with the weights, the directory in it, and where the container sees it."""


def renamed_services(change: StackChange, live: Live) -> Iterator[tuple[str, str]]:
    """Old and new name of services that were probably renamed.

    Args:
        change: The comparison of the stack with the cluster.
        live: The objects of the cluster.
    """
    objects = {(item["kind"], item["metadata"]["name"]): item for item in live.objects}
    removed = _weights_of_removed(change, objects)
    for service in change.of_kind("added"):
        if service.new is None or isinstance(service.new.model.source, BucketSource):
            continue
        wanted = _wanted_weights(service.new)
        for name, weights in removed.items():
            if weights == wanted:
                del removed[name]
                yield name, service.name
                break


def _weights_of_removed(
    change: StackChange, objects: Mapping[tuple[str, str], Object]
) -> dict[str, _Weights]:
    """The weights of the services that run and are not in the stack."""
    found = {}
    for service in change.of_kind("removed"):
        workload = workload_of(service.name, objects)
        weights = _weights(workload) if workload else None
        if weights:
            found[service.name] = weights
    return found


def _wanted_weights(service: ResolvedService) -> _Weights | None:
    for item in service_objects(service):
        if item["kind"] in WORKLOADS:
            return _weights(item)
    return None


def _weights(workload: Mapping[str, Any]) -> _Weights | None:
    """The weights of the pods of a workload; None if they have none of this program."""
    spec = serving_template(workload)["spec"]
    volume = _named(spec.get("volumes") or [], MODEL_VOLUME)
    container = _named(spec.get("containers") or [], CONTAINER)
    mount = _named(container.get("volumeMounts") or [], MODEL_VOLUME)
    if not volume or not mount:
        return None
    host_path = volume.get("hostPath") or {}
    claim = volume.get("persistentVolumeClaim") or {}
    place = host_path.get("path") or claim.get("claimName")
    if not place:
        return None
    return str(place), str(mount.get("subPath") or ""), str(mount["mountPath"])


def _named(items: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The item of a name; empty if there is none."""
    for item in items:
        if item.get("name") == name:
            return item
    return {}
