"""The key `expose`: the type of the Service that already leads to a pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convert.keys.pod_template import SYSTEM_NAME
from convert.minimal import Values
from convert.objects import Object
from convert.pods import Pod
from convert.workloads import labels_of_rank
from models.credentials import is_credential

_TYPES = ("NodePort", "LoadBalancer")
"""Types of a Service that is reached from outside of the cluster."""


def expose(pod: Pod, objects: Sequence[Object]) -> Values:
    """The keys of the access to a pod; empty if no Service leads to it from outside of the cluster.

    Args:
        pod: The pod.
        objects: All objects of the files.
    """
    labels = {
        **pod.template.at("metadata", "labels").mapping(),
        **labels_of_rank(pod.owner, 0),
    }
    for item in objects:
        service_type = item.at("spec", "type").text()
        if item.kind == "Service" and service_type in _TYPES and _selects(item, labels):
            return _values(item, service_type)
    return {}


def _selects(service: Object, labels: Mapping[str, object]) -> bool:
    selector = service.at("spec", "selector").mapping()
    if not selector:
        return False
    return all(labels.get(name) == value for name, value in selector.items())


def _values(service: Object, service_type: str) -> Values:
    values: Values = {"type": service_type}
    annotations = {}
    for name, value in service.annotations.items():
        is_of_program = bool(SYSTEM_NAME.fullmatch(name))
        if isinstance(value, str) and not is_of_program:
            annotations[name] = value
    annotations = {
        name: value
        for name, value in annotations.items()
        if not is_credential(name, value)
    }
    if annotations:
        values["annotations"] = annotations
    return values
