"""Notes about fields and objects that a conversion does not copy into the stack file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convert.keys.additional import is_additional, missing_checksums
from convert.keys.pod import is_ours
from convert.keys.pod_template import (
    POD_DEFAULTS,
    SYSTEM_NAME,
    has_credential,
    is_network_of_group,
    is_owned_name,
    is_patched,
    is_patched_name,
    uncopied_containers,
)
from convert.note import Note, Notes, assumed, dropped, replaced
from convert.objects import Object
from convert.pods import Pod
from convert.unsupported.objects import (
    node_port_notes,
    other_object,
    service_notes,
    title_of,
)
from convert.unsupported.reasons import REASON_OF_LABELS, reason_of
from convert.unsupported.resources import differing_amounts, further_resources
from convert.workloads import WORKLOADS, refusal
from models.kubernetes.schema import known_minors, pod_schema
from models.manifests.pod_fields import OWNED_POD_FIELDS

_CONVERTED_OBJECTS = {
    "ConfigMap",
    "Namespace",
    "Queue",
    "Service",
    "PodGroup",
    *WORKLOADS,
}
_CONVERTED_IN_OWNER = {
    "replicas",
    "selector",
    "template",
    "strategy",
    "rolloutStrategy",
    "progressDeadlineSeconds",
    "tasks",
    "pytorchReplicaSpecs",
    "replicaSpecs",
    "queue",
    "minAvailable",
    "leaderWorkerTemplate",
    "jobTemplate",
}
_OF_GROUPS = {
    "startupPolicy",
    "networkConfig",
    "serviceName",
    "podManagementPolicy",
    "updateStrategy",
    "plugins",
    "policies",
    "maxRetry",
    "schedulerName",
}
"""Fields of objects that run the pods of a group, in place of which a group of the program has its own."""
_CONVERTED_IN_POD = {
    "nodeSelector",
    "containers",
    "initContainers",
    "volumes",
    "terminationGracePeriodSeconds",
    "schedulerName",
    "priorityClassName",
    "priority",
    "enableServiceLinks",
    "serviceAccount",
    "securityContext",
    "imagePullSecrets",
}
_CONVERTED_IN_CONTAINER = {
    "name",
    "image",
    "ports",
    "command",
    "args",
    "env",
    "envFrom",
    "resources",
    "volumeMounts",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
    "securityContext",
}
_DEFAULTS: dict[str, Any] = {
    "revisionHistoryLimit": 10,
    "paused": False,
    **POD_DEFAULTS,
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
    "podManagementPolicy": "OrderedReady",
    "workingDir": "/tmp",  # noqa: S108  with readOnlyRootFilesystem
}
"""Values that Kubernetes fills in, or that this program writes as well."""

_PROBES = {
    "startupProbe": "the server is asked for /health instead; its time is kept as startup",
    "livenessProbe": "the program writes its own probes; startup sets how long a start may take",
    "readinessProbe": "the program writes its own probes",
}
_PROBE_TIMES = {
    "periodSeconds",
    "failureThreshold",
    "timeoutSeconds",
    "successThreshold",
}
_DEFAULT_DEADLINE = 600
"""progressDeadlineSeconds of Kubernetes."""
_DEFAULT_PERCENT = "25%"
"""maxSurge and maxUnavailable of Kubernetes."""


def unsupported(
    pods: Sequence[Pod],
    objects: Sequence[Object],
    workers: Sequence[Object],
) -> Notes:
    """Notes about the fields of the pods, and about the objects without a server.

    Args:
        pods: The pods that become services.
        objects: All objects of the files.
        workers: The objects that run the workers of groups.
    """
    notes = Notes()
    for pod in pods:
        notes += unsupported_fields(pod)
        notes += _labels_and_annotations(pod)
        notes += missing_checksums(pod)
    owners = [pod.owner.value for pod in pods]
    owners += [worker.value for worker in workers]
    for item in objects:
        if any(is_additional(item, pod) for pod in pods):
            continue
        if item.kind == "Service":
            notes += service_notes(item)
            notes += node_port_notes(item)
        elif item.kind not in _CONVERTED_OBJECTS:
            notes.append(other_object(item))
        elif item.kind in WORKLOADS and item.value not in owners:
            refused = refusal(item)
            why = "no container of it starts a server"
            if refused:
                why = f"it {refused.sentence}"
            notes.drop(title_of(item), why, item)
    return notes


def unsupported_fields(pod: Pod) -> Iterator[Note]:
    """Notes about the fields of a pod, of its container and of its owner."""
    owner_spec = pod.owner.at("spec")
    if pod.owner.kind != "Pod":
        yield from _fields(pod, owner_spec, _CONVERTED_IN_OWNER)
    yield from _fields(pod, pod.spec, _CONVERTED_IN_POD)
    yield from _fields(pod, pod.container, _CONVERTED_IN_CONTAINER)
    yield from _further_containers(pod)
    if not is_ours(pod):
        yield from _probes(pod)
        yield from _deadline_and_rollout(pod)
        yield from further_resources(pod)
        yield from differing_amounts(pod)
    yield from _security_contexts(pod)
    yield from _scheduler(pod)
    yield from _ports(pod)


def _fields(
    pod: Pod,
    holder: Object,
    converted: set[str],
) -> Iterator[Note]:
    """The fields of an object that are neither converted nor have their default."""
    for key, value in holder.mapping().items():
        is_default = value in (_DEFAULTS.get(key), None, [])
        in_pod = holder.path == pod.spec.path
        if key in converted or is_default or (in_pod and is_patched(pod, key)):
            continue
        if in_pod and is_network_of_group(pod, key):
            continue
        if pod.group and key in _OF_GROUPS and not in_pod:
            if not is_ours(pod):
                yield replaced(
                    key, "the program's groups have their own", holder.at(key)
                )
            continue
        if is_ours(pod) and key == "lifecycle":
            continue
        why = reason_of(key)
        if in_pod:
            why = _reason_in_pod(key)
        if is_ours(pod) and key == "affinity":
            why = "it follows from cluster.pools: add them"
        yield dropped(key, why, holder.at(key))


def _reason_in_pod(field: str) -> str:
    """Why a field of a pod's spec is not copied, and where it can be written."""
    newest = known_minors()[-1]
    if field not in pod_schema(newest).fields("PodSpec"):
        return reason_of(field)
    if field not in OWNED_POD_FIELDS:
        return f"convert does not copy it: write podTemplate.spec.{field}"
    key = OWNED_POD_FIELDS[field]
    if key:
        return f"{key} controls it"
    return "the program controls it"


def _further_containers(pod: Pod) -> Iterator[Note]:
    """Containers without a server, and init containers that no key stands for, if they cannot be copied."""
    for kind, title in (
        ("containers", "the container"),
        ("initContainers", "the init container"),
    ):
        for container in uncopied_containers(pod, kind):
            name = container.at("name").text() or "?"
            why = f"write it under podTemplate.spec.{kind}"
            if has_credential(container.value):
                why = f"it contains a credential: create a Secret with it, and {why}"
            else:
                why = (
                    f"it has a name, a volume or NPUs of the program: {why} with others"
                )
            yield dropped(f"{title} {name}", why, container)


def _probes(pod: Pod) -> Iterator[Note]:
    for name, why in _PROBES.items():
        probe = pod.container.at(name)
        fields = set(probe.mapping())
        if name == "startupProbe":
            fields -= _PROBE_TIMES
        if fields:
            yield replaced(name, why, probe)


def _deadline_and_rollout(pod: Pod) -> Iterator[Note]:
    deadline = pod.owner.at("spec", "progressDeadlineSeconds")
    if deadline.value not in (None, _DEFAULT_DEADLINE):
        yield replaced("progressDeadlineSeconds", "it follows from startup", deadline)
    rolling_update = pod.owner.at("spec", "strategy", "rollingUpdate")
    for value in rolling_update.mapping().values():
        if isinstance(value, str) and value != _DEFAULT_PERCENT:
            yield dropped(
                "strategy in percent",
                "rollout takes whole numbers of pods",
                rolling_update,
            )
            return


def _security_contexts(pod: Pod) -> Iterator[Note]:
    """Permissions that the pods of this program do not have."""
    for context in (
        pod.spec.at("securityContext"),
        pod.container.at("securityContext"),
    ):
        for key in context.mapping():
            field = context.at(key)
            if not _is_kept(key, field):
                name = f"securityContext.{key}"
                yield dropped(name, reason_of(name), field)


def _is_kept(key: str, field: Object) -> bool:
    """Whether a key of the stack file stands for a field of a securityContext, or every pod has it."""
    if key == "capabilities":
        added = set(field.at("add").value or ())
        return added <= {"DAC_OVERRIDE"}
    if key == "supplementalGroups":
        return len(field.items()) == 1
    if key == "seccompProfile":
        return field.at("type").text() in ("RuntimeDefault", "Unconfined")
    if key == "allowPrivilegeEscalation":
        return field.value is False
    return key in ("runAsUser", "runAsNonRoot", "readOnlyRootFilesystem")


def _scheduler(pod: Pod) -> Iterator[Note]:
    scheduler = pod.spec.at("schedulerName")
    if scheduler.text() != "volcano":
        why = f"instead of {scheduler.text() or 'the default scheduler'}, as in the manual"
        yield assumed("schedulerName volcano", why, scheduler)


def _ports(pod: Pod) -> Iterator[Note]:
    """Ports of the node, and ports after the first one."""
    ports = pod.container.at("ports").items()
    for port in ports[:1]:
        for key in port.mapping():
            if key in ("hostPort", "hostIP"):
                yield dropped(key, reason_of(key), port)
    if is_ours(pod):
        return
    for port in ports[1:]:
        number = port.at("containerPort").text()
        yield dropped(f"the port {number}", "a service has one port", port)


def _labels_and_annotations(pod: Pod) -> Iterator[Note]:
    """Labels and annotations that no program wrote, each once. Their values may be credentials."""
    noted: set[str] = set()
    for metadata in (pod.owner.at("metadata"), pod.template.at("metadata")):
        for kind in ("label", "annotation"):
            group = metadata.at(f"{kind}s")
            for name, value in group.mapping().items():
                what = f"the {kind} {name}"
                is_manuals = (what, value) == ("the label app", "infers")
                if what in noted or is_manuals or SYSTEM_NAME.fullmatch(name):
                    continue
                noted.add(what)
                yield from _name_note(pod, kind, name, group.at(name))


def _name_note(
    pod: Pod,
    kind: str,
    name: str,
    entry: Object,
) -> Iterator[Note]:
    """A note about a label or an annotation that is not copied."""
    what = f"the {kind} {name}"
    of_pod = pod.template.at("metadata", f"{kind}s").mapping()
    if name in of_pod and is_patched_name(f"{kind}s", name, of_pod[name]):
        return
    if (kind, name) == ("label", "app"):
        why = "the pods have the manual's label, app: infers; write selectors of others for it"
        yield replaced(what, why, entry)
    elif name in of_pod and is_owned_name(f"{kind}s", name):
        why = f"the program or a controller writes {kind}s with this name or prefix: write another name"
        yield dropped(what, why, entry)
    elif name in of_pod:
        why = f"it looks like a credential or is no text: write it under podTemplate.metadata.{kind}s"
        yield dropped(what, why, entry)
    else:
        yield dropped(what, REASON_OF_LABELS.format(kind=kind), entry)
