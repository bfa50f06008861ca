"""Notes about objects that run no server: what remains, what the program has its own of, and what is lost."""

from __future__ import annotations

from collections.abc import Iterator

from convert.keys.claims import CLAIM
from convert.note import Note, dropped, remains, replaced
from convert.objects import Object
from convert.unsupported.reasons import REASON_OF_OBJECTS
from convert.workloads import refusal
from models.manifests.metadata import NAME_LABEL

_REMAINING = {
    "Secret": "the stack file refers to it where it is used",
    CLAIM: "a claim in model.source refers to it",
    "PersistentVolume": "claims refer to it",
    "StorageClass": "claims refer to it",
    "ServiceAccount": "podTemplate.spec.serviceAccountName refers to it",
    "PriorityClass": "priorityClass refers to it",
    "RuntimeClass": "podTemplate.spec.runtimeClassName refers to it",
    "Role": "service accounts have its rights",
    "RoleBinding": "it gives rights to service accounts",
    "ClusterRole": "service accounts have its rights",
    "ClusterRoleBinding": "it gives rights to service accounts",
}
"""Objects that the stack does not have, and to which services only refer."""

_WITH_KEY = {
    "PodDisruptionBudget": "write disruptionBudget",
    "NetworkPolicy": "write network with the clients",
    "PodMonitor": "write monitoring: true",
    "ServiceMonitor": "write monitoring: true",
    "PrometheusRule": "write monitoring: true, which has alerts",
    "ModelServer": "write kvTransfer with the services for prefill and for decode",
    "ModelRoute": "write kvTransfer with the services for prefill and for decode",
    "HorizontalPodAutoscaler": "write replicas: external, and let it scale the new object",
    "ScaledObject": "write replicas: external, and let it scale the new object",
    "Ingress": "let it lead to the new Service",
    "HTTPRoute": "let it lead to the new Service",
    "VirtualService": "let it lead to the new Service",
}
"""The keys for objects that convert does not read, and what becomes of those outside of a stack."""


def service_notes(service: Object) -> Iterator[Note]:
    """A Service that this program did not make. It remains, and the new pods have the manual's label."""
    if service.labels.get(NAME_LABEL):
        return
    selector = service.at("spec", "selector").mapping()
    if selector == {"app": "infers"}:
        effect = "this one selects the new pods too, by app=infers"
    else:
        effect = "this one does not select the new pods"
    yield replaced(
        title_of(service),
        f"the program creates a Service for each service; {effect}",
        service,
    )


def node_port_notes(service: Object) -> Iterator[Note]:
    """Notes about fixed ports of the nodes, which Kubernetes chooses for the Service of the program."""
    for port in service.at("spec", "ports").items():
        number = port.at("nodePort").text()
        if number and not service.labels.get(NAME_LABEL):
            why = "Kubernetes chooses the port of the nodes for expose: NodePort"
            yield dropped(f"the node port {number}", why, port)


def other_object(item: Object) -> Note:
    """A note about an object that is neither a Service nor runs pods."""
    why = _REMAINING.get(item.kind)
    refused = refusal(item)
    if refused:
        return dropped(title_of(item), f"it {refused.sentence}", item)
    if why:
        return remains(title_of(item), why, item)
    return dropped(title_of(item), _WITH_KEY.get(item.kind, REASON_OF_OBJECTS), item)


def title_of(item: Object) -> str:
    """The kind and the name of an object."""
    return f"the {item.kind} {item.name}".strip()
