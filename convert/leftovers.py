"""What objects say that the stack file has no word for."""

from __future__ import annotations

import re
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
    *("priorityClassName", "priority", "enableServiceLinks", "serviceAccount", "securityContext"),
    "imagePullSecrets",
}
_CONTAINER = {
    *("name", "image", "ports", "command", "args", "env", "envFrom", "resources", "volumeMounts", "startupProbe"),
    *("readinessProbe", "livenessProbe", "securityContext"),
}
_USUAL: dict[str, Any] = {
    "revisionHistoryLimit": 10,
    "paused": False,
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "automountServiceAccountToken": False,
    "serviceAccountName": "default",
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
    "podManagementPolicy": "OrderedReady",
    "preemptionPolicy": "PreemptLowerPriority",
}
"""What Kubernetes fills in by itself, or this program sets likewise."""

_WRITTEN = re.compile(
    r"app\.kubernetes\.io/(?:name|instance|component|version|managed-by)|pod-template-hash|(?:[\w.-]*\.)?(?:kubectl\.kubernetes"
    r"|deployment\.kubernetes|pulumi|volcano|scheduling\.k8s)\.\w+/.*"
)
"""Labels and annotations that programs write, this one among them, or that have keys of their own."""

_PROBES = {
    "startupProbe": "its time is kept as `startup`; the server is asked for /health",
    "livenessProbe": "every service gets probes of its own; `startup` says how long a start may take",
    "readinessProbe": "every service gets probes of its own",
}
_PROBE_TIMES = {"periodSeconds", "failureThreshold", "timeoutSeconds", "successThreshold"}
_PREPARES = "what has to be done before belongs in the image, or on the node"


def leftovers(pods: Sequence[Pod], objects: Sequence[Object]) -> list[Note]:
    """Notes of what is dropped of the pods' objects, and of the objects that are no pods."""
    notes = [note for pod in pods for note in (*of_pod(pod), *_of_metadata(pod))]
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
    if not ours:
        yield from _of_preparation(pod)
        yield from _of_times(pod)
        yield from _of_resources(pod)
    yield from _of_security(pod)
    scheduler = spec.at("schedulerName")
    if scheduler.text() != "volcano":
        why = f"in the place of {scheduler.text() or 'the default one'}, as the manual has it"
        yield assumed("schedulerName volcano", why, scheduler.file, scheduler.line)
    ports = container.at("ports").items()
    for key in [key for port in ports[:1] for key in port.mapping() if key in ("hostPort", "hostIP")]:
        yield dropped(key, _NO_WORD, container.file, ports[0].line)
    for extra in ports[1:]:
        yield dropped(f"the port {extra.at('containerPort').text()}", "a service has one", extra.file, extra.line)


def _of_security(pod: Pod) -> Iterator[Note]:
    """What a pod may do beside what each pod may do here."""
    for context in (pod.spec.at("securityContext"), pod.container.at("securityContext")):
        for key in context.mapping():
            if not _is_kept(key, context.at(key)):
                yield dropped(f"securityContext.{key}", _NO_WORD, context.file, context.at(key).line)


def _is_kept(key: str, found: Object) -> bool:
    """Whether a key says it, or every pod has it here."""
    if key == "capabilities":
        return set(found.at("add").value or ()) <= {"DAC_OVERRIDE"}
    if key == "supplementalGroups":
        return len(found.items()) == 1
    if key == "seccompProfile":
        return found.at("type").text() in ("RuntimeDefault", "Unconfined")
    return key in ("runAsUser", "runAsNonRoot") or (key, found.value) == ("allowPrivilegeEscalation", False)


def _of_preparation(pod: Pod) -> Iterator[Note]:
    """Init containers that do what has no key."""
    for start, one in zip(pod.prepared, pod.spec.at("initContainers").items(), strict=True):
        if not start.mind_speed and not start.conversion:
            yield dropped(f"the init container {one.at('name').text() or '?'}", _PREPARES, one.file, one.line)


def _of_times(pod: Pod) -> Iterator[Note]:
    """Probes and deadlines, which follow from `startup` here, and a rollout in percent."""
    for name, why in _PROBES.items():
        probe = pod.container.at(name)
        if probe.mapping().keys() - (_PROBE_TIMES if name == "startupProbe" else ()):
            yield dropped(name, why, probe.file, probe.line)
    deadline = pod.owner.at("spec", "progressDeadlineSeconds")
    if deadline.value not in (None, 600):
        yield dropped("progressDeadlineSeconds", "it follows from startup", deadline.file, deadline.line)
    rolling = pod.owner.at("spec", "strategy", "rollingUpdate")
    if any(isinstance(value, str) and value != "25%" for value in rolling.mapping().values()):
        yield dropped("strategy in percent", "rollout takes whole numbers of pods", rolling.file, rolling.line)


def _of_resources(pod: Pod) -> Iterator[Note]:
    """Resources without a key, and limits that are not kept."""
    limits, requests = (pod.container.at("resources", kind) for kind in ("limits", "requests"))
    for holder in (limits, requests):
        for name in holder.mapping():
            if name not in ("cpu", "memory", pod.npu) and (holder is limits or name not in limits.mapping()):
                yield dropped(f"the resource {name}", _NO_WORD, holder.file, holder.at(name).line)
    cpu, memory = limits.at("cpu"), requests.at("memory")
    if cpu.text() and cpu.text() != requests.at("cpu").text():
        yield dropped("the limit of cpu", "a pod may use CPUs that the node has over", cpu.file, cpu.line)
    if memory.text() and limits.at("memory").text() not in ("", memory.text()):
        yield dropped("the request of memory", "a pod asks for as much as the limit", memory.file, memory.line)


def _of_metadata(pod: Pod) -> Iterator[Note]:
    """Labels and annotations of people's own, each once; a value may be secret."""
    told: set[str] = set()
    for holder in (pod.owner.at("metadata"), pod.template.at("metadata")):
        for kind in ("label", "annotation"):
            for name, value in holder.at(f"{kind}s").mapping().items():
                what, place = f"the {kind} {name}", holder.at(f"{kind}s", name)
                if what in told or _WRITTEN.fullmatch(name) or (kind, name, value) == ("label", "app", "infers"):
                    continue
                told.add(what)
                why = "the pods have the manual's, app: infers" if what == "the label app" else _NO_WORD
                yield dropped(what, why, place.file, place.line)


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
