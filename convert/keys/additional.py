"""The keys of the objects that this program made in addition to the pods of a service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convert.keys.pod import is_ours
from convert.minimal import Values
from convert.note import Note, dropped
from convert.objects import Object
from convert.pods import Pod
from models.manifests.metadata import INSTANCE_LABEL, NAME, NAME_LABEL

_NAMESPACE = "kubernetes.io/metadata.name"
_KINDS = (
    "PodDisruptionBudget",
    "NetworkPolicy",
    "PodMonitor",
    "PrometheusRule",
    "Job",
    "ModelServer",
    "ModelRoute",
)
_WEIGHTS = {
    "verify-model": "model.verify with that file",
    "fetch-model": "model.source with the bucket, and model.verify with that file",
}
"""The init containers for the weights, with the keys that stand for them."""


def additional_values(pod: Pod, objects: Sequence[Object]) -> Values:
    """The keys of a service that its additional objects determine.

    Args:
        pod: The pod.
        objects: All objects of the files.
    """
    if not is_ours(pod):
        return {}
    of_service = {item.kind: item for item in objects if is_additional(item, pod)}
    values: Values = {}
    if "PodDisruptionBudget" in of_service:
        values["disruptionBudget"] = _budget(of_service["PodDisruptionBudget"])
    if "NetworkPolicy" in of_service:
        values["network"] = _network(of_service["NetworkPolicy"])
    if "PodMonitor" in of_service:
        monitoring = _monitoring(of_service["PodMonitor"])
        values["monitoring"] = {**monitoring, "rules": "PrometheusRule" in of_service}
    if "Job" in of_service:
        values["smoke"] = True
    return values


def is_additional(item: Object, pod: Pod) -> bool:
    """Whether this program made an object for the service of a pod, in addition to its Deployment."""
    is_of_program = item.labels.get(NAME_LABEL) == NAME
    instance = item.labels.get(INSTANCE_LABEL)
    is_of_service = instance == pod.owner.labels.get(INSTANCE_LABEL)
    return item.kind in _KINDS and is_of_program and is_of_service and is_ours(pod)


def missing_checksums(pod: Pod) -> Iterator[Note]:
    """A note about checksums of the weights. Their file is next to a stack file, and not among the objects."""
    if not is_ours(pod):
        return
    for container in pod.spec.at("initContainers").items():
        name = container.at("name").text()
        if name in _WEIGHTS:
            why = f"the objects do not contain the file of the checksums: write {_WEIGHTS[name]}"
            yield dropped(f"the init container {name}", why, container)


def _budget(item: Object) -> Values:
    spec = item.at("spec").mapping()
    return {key: spec[key] for key in ("maxUnavailable", "minAvailable") if key in spec}


def _network(item: Object) -> Values:
    """The clients and the destinations of a NetworkPolicy. The one for DNS, the first, belongs to all of them."""
    admit = []
    cidrs = []
    for client in item.at("spec", "ingress", 0, "from").items():
        namespace = client.at("namespaceSelector", "matchLabels", _NAMESPACE).text()
        cidr = client.at("ipBlock", "cidr").text()
        if namespace:
            admit.append(namespace)
        if cidr:
            cidrs.append(cidr)
    values: Values = {"admit": admit, "cidrs": cidrs}
    destinations = [
        destination
        for destination in item.at("spec", "egress").items()[1:]
        if destination.at("to", 0, "podSelector").value is None
    ]
    if not any(_is_anywhere(destination) for destination in destinations):
        values["egress"] = [_destination(destination) for destination in destinations]
    return values


def _is_anywhere(destination: Object) -> bool:
    """Whether a destination is that of the connections that the service needs."""
    return any(
        place.at("namespaceSelector").value == {}
        for place in destination.at("to").items()
    )


def _destination(destination: Object) -> Values:
    ports: list[Any] = [
        port.at("port").value for port in destination.at("ports").items()
    ]
    return {"cidr": destination.at("to", 0, "ipBlock", "cidr").text(), "ports": ports}


def _monitoring(item: Object) -> Values:
    labels = {
        name: value
        for name, value in item.labels.items()
        if name != "app" and not name.startswith("app.kubernetes.io/")
    }
    interval = item.at("spec", "podMetricsEndpoints", 0, "interval").text()
    return {"interval": interval, "labels": labels}
