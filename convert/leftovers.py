"""What objects say that the stack file has no word for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convert.manifest import Object
from convert.note import Note, assumed, dropped
from convert.pod_keys import is_ours
from convert.pods import TEMPLATES, Pod
from models.manifests.metadata import NAME_LABEL

_NO_WORD = "the stack file has no word for it"

_OWNER = {"replicas", "selector", "template", "strategy", "progressDeadlineSeconds"}
_SPEC = {
    *("nodeSelector", "containers", "initContainers", "volumes", "terminationGracePeriodSeconds", "schedulerName"),
    *("priorityClassName", "priority", "enableServiceLinks", "serviceAccount", "imagePullSecrets"),
}
_CONTAINER = {
    *("name", "image", "ports", "command", "args", "env", "envFrom", "resources", "volumeMounts", "startupProbe"),
    *("readinessProbe", "livenessProbe", "securityContext"),
}
_USUAL: dict[str, Any] = {
    "revisionHistoryLimit": 10,
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "serviceAccountName": "default",
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
    "podManagementPolicy": "OrderedReady",
    "preemptionPolicy": "PreemptLowerPriority",
}
"""What Kubernetes fills in by itself, or this program sets likewise."""


def leftovers(pods: Sequence[Pod], objects: Sequence[Object]) -> list[Note]:
    """Notes of what is dropped of the pods' objects, and of the objects that are no pods."""
    notes = [note for pod in pods for note in of_pod(pod)]
    known = {"ConfigMap", "Namespace", "Queue", "Service", "PodGroup", *TEMPLATES}
    for one in objects:
        name = f"the {one.kind} {one.at('metadata', 'name').text()}".strip()
        if one.kind == "Service":
            notes += _of_service(one)
        elif one.kind not in known:
            why = "it stays as it is; a Secret is named where it is used" if one.kind == "Secret" else _NO_WORD
            notes.append(dropped(name, why, one.file, one.line))
        elif one.kind in TEMPLATES and one.value not in [pod.owner.value for pod in pods]:
            notes.append(dropped(name, "no container of it starts a server", one.file, one.line))
    return notes


def of_pod(pod: Pod) -> Iterator[Note]:
    """What is dropped of a pod and of what makes it."""
    ours = is_ours(pod)
    spec, container = pod.spec, pod.container
    groups = [
        (pod.owner.at("spec"), _OWNER if pod.owner.kind != "Pod" else _SPEC),
        (spec, _SPEC),
        (container, _CONTAINER),
    ]
    for holder, known in groups:
        for key, value in holder.mapping().items():
            one = holder.at(key)
            if key in known or value in (_USUAL.get(key), None, []) or (ours and key == "lifecycle"):
                continue
            why = "it follows from cluster.pools: add them" if ours and key == "affinity" else _NO_WORD
            yield dropped(key, why, one.file, one.line)
    context = container.at("securityContext")
    for key in context.mapping():
        if (key, context.at(key).value) != ("runAsUser", 0):
            yield dropped(f"securityContext.{key}", _NO_WORD, context.file, context.at(key).line)
    scheduler = spec.at("schedulerName")
    if scheduler.text() != "volcano":
        why = f"in the place of {scheduler.text() or 'the default one'}, as the manual has it"
        yield assumed("schedulerName volcano", why, scheduler.file, scheduler.line)
    for extra in container.at("ports").items()[1:]:
        yield dropped(f"the port {extra.at('containerPort').text()}", "a service has one", extra.file, extra.line)


def _of_service(service: Object) -> Iterator[Note]:
    """A Service of theirs goes on by itself: the pods made here still have the manual's label."""
    if service.at("metadata", "labels").mapping().get(NAME_LABEL):
        return
    name = service.at("metadata", "name").text()
    labels = service.at("spec", "selector").mapping()
    selects = (
        "it finds the new pods too, by app=infers" if labels == {"app": "infers"} else "it does not find the new pods"
    )
    yield dropped(
        f"the Service {name}", f"each service gets one of its own name; {selects}", service.file, service.line
    )
