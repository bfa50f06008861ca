"""The key `podTemplate` of a service: the parts of a pod that the stack file has no other key for."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterator
from typing import Any

from convert.keys.group import is_on_host_network
from convert.keys.pod import is_ours
from convert.minimal import Values
from convert.objects import Object
from convert.pods import Pod
from models.credentials import is_credential, named_texts
from models.kubernetes.schema import known_minors, pod_schema
from models.manifests.pod import affinity_to_other_services
from models.manifests.pod_fields import (
    OWNED_ANNOTATIONS,
    OWNED_ITEMS,
    OWNED_LABELS,
    OWNED_POD_FIELDS,
)

CONVERTED_FIELDS = frozenset({"nodeSelector", "serviceAccount", *OWNED_ITEMS})
"""Fields of a pod's spec that other parts of a conversion read."""

POD_DEFAULTS: Values = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "automountServiceAccountToken": False,
    "serviceAccountName": "default",
    "preemptionPolicy": "PreemptLowerPriority",
    "shareProcessNamespace": False,
}
"""Values that Kubernetes fills in, or that this program writes as well."""

SYSTEM_NAME = re.compile(
    r"app\.kubernetes\.io/(?:name|instance|component|version|managed-by)"
    r"|pod-template-hash|controller-revision-hash|helm\.sh/chart"
    r"|(?!kubectl\.kubernetes\.io/default-)(?:[\w.-]*\.)?(?:kubectl\.kubernetes|deployment\.kubernetes|pulumi|volcano|scheduling\.k8s)\.\w+/.*"
    r"|ascend-vllm/kv-transfer(?:-revision)?"
    r"|(?:meta\.helm\.sh|argocd\.argoproj\.io)/.*"
)
"""Labels and annotations that programs write, including this one, or that have their own keys."""

_METADATA = {"labels": OWNED_LABELS, "annotations": OWNED_ANNOTATIONS}


def pod_patch(pod: Pod) -> Values:
    """The patch of a pod; empty if the other keys say everything.

    It contains no credential: a part with one is left out.
    """
    patch: Values = {}
    metadata = _metadata(pod)
    if metadata:
        patch["metadata"] = metadata
    spec = _spec(pod)
    if spec:
        patch["spec"] = spec
    return patch


def is_patched(pod: Pod, field: str) -> bool:
    """Whether a field of the pod's spec is copied."""
    value = pod.spec.at(field).value
    is_filled_in = value in (POD_DEFAULTS.get(field), None, [], {})
    if is_filled_in and not (_is_rendered(pod) and value is not None):
        return False
    if field in CONVERTED_FIELDS or field in OWNED_POD_FIELDS:
        return False
    if is_network_of_group(pod, field):
        return False
    if field == "affinity" and is_ours(pod) and value == affinity_to_other_services():
        return False
    newest = known_minors()[-1]
    is_known = field in pod_schema(newest).fields("PodSpec")
    return is_known and not has_credential(value)


def is_network_of_group(pod: Pod, field: str) -> bool:
    """Whether a field puts the pods of a group into the network of their nodes, as `cluster.hostNetwork` does."""
    if pod.group is None or not is_on_host_network(pod):
        return False
    is_dns = field == "dnsPolicy"
    return field == "hostNetwork" or (
        is_dns and pod.spec.at(field).value == "ClusterFirstWithHostNet"
    )


def _is_rendered(pod: Pod) -> bool:
    """Whether this program printed the pod, and no API server has filled in defaults."""
    return is_ours(pod) and pod.owner.at("metadata", "uid").value is None


def is_patched_name(kind: str, name: str, value: Any) -> bool:
    """Whether a label or an annotation of the pod is copied.

    Args:
        kind: `labels` or `annotations`.
        name: The name.
        value: The value.
    """
    if SYSTEM_NAME.fullmatch(name) or not isinstance(value, str):
        return False
    return not _is_owned(name, _METADATA[kind]) and not is_credential(name, value)


def is_owned_name(kind: str, name: str) -> bool:
    """Whether the program or a controller writes the label or the annotation, so that podTemplate cannot have it."""
    return _is_owned(name, _METADATA[kind])


def copied_containers(pod: Pod, kind: str) -> list[Object]:
    """The containers without a server, or the init containers, that are copied.

    Args:
        pod: The pod.
        kind: `containers` or `initContainers`.
    """
    containers = []
    for container in _further_containers(pod, kind):
        name = container.at("name").text()
        is_free = bool(name) and not _is_owned(name, OWNED_ITEMS[kind])
        if is_free and _can_be_copied(pod, container):
            containers.append(container)
    return containers


def uncopied_containers(pod: Pod, kind: str) -> list[Object]:
    """The containers of this kind that no key stands for, and that are not copied."""
    copied = [container.path for container in copied_containers(pod, kind)]
    return [
        container
        for container in _further_containers(pod, kind)
        if container.path not in copied and not _is_of_program(pod, container)
    ]


def _is_of_program(pod: Pod, container: Object) -> bool:
    """Whether the program has written a container."""
    names = {*OWNED_ITEMS["containers"]}
    return is_ours(pod) and container.at("name").text() in names


def has_credential(value: Any) -> bool:
    """Whether a value contains a text that looks like a credential."""
    return any(is_credential(item.name, item.text) for item in named_texts(value))


def _metadata(pod: Pod) -> Values:
    metadata: Values = {}
    for kind in _METADATA:
        names = pod.template.at("metadata", kind).mapping()
        kept = {
            name: value
            for name, value in names.items()
            if is_patched_name(kind, name, value)
        }
        if kept:
            metadata[kind] = kept
    return metadata


def _spec(pod: Pod) -> Values:
    spec: Values = {}
    for field, value in pod.spec.mapping().items():
        if is_patched(pod, field):
            spec[field] = copy.deepcopy(value)
    mounted: set[str] = set()
    for kind in ("initContainers", "containers"):
        containers = copied_containers(pod, kind)
        if containers:
            spec[kind] = [copy.deepcopy(container.value) for container in containers]
        for container in containers:
            mounted.update(_mounted_volumes(container))
    volumes = []
    for volume in pod.spec.at("volumes").items():
        name = volume.at("name").text()
        is_free = not _is_owned(name, OWNED_ITEMS["volumes"])
        if name in mounted or (is_ours(pod) and is_free):
            volumes.append(copy.deepcopy(volume.value))
    if volumes:
        spec["volumes"] = volumes
    return spec


def _further_containers(pod: Pod, kind: str) -> Iterator[Object]:
    """The containers of a pod that no key stands for."""
    containers = pod.spec.at(kind).items()
    if kind == "containers":
        for container in containers:
            if container.at("name").text() not in pod.servers:
                yield container
        return
    for start, container in zip(pod.prepared, containers, strict=True):
        if not start.mind_speed and not start.conversion:
            yield container


def _can_be_copied(pod: Pod, container: Object) -> bool:
    """Whether a container shares no volume with the server that the program writes, has no NPUs and no credential."""
    if has_credential(container.value):
        return False
    for part in ("limits", "requests"):
        amounts = container.at("resources", part).mapping()
        if pod.npu and pod.npu in amounts:
            return False
    volumes = _mounted_volumes(container)
    return not any(_is_owned(name, OWNED_ITEMS["volumes"]) for name in volumes)


def _mounted_volumes(container: Object) -> list[str]:
    mounts = container.at("volumeMounts").items()
    return [mount.at("name").text() for mount in mounts]


def _is_owned(name: str, owned: Collection[str]) -> bool:
    """Whether the program writes a part of this name itself. A name of the table that ends in - or / is a prefix."""
    for entry in owned:
        is_prefix = entry[-1] in "-/"
        if name == entry or (is_prefix and name.startswith(entry)):
            return True
    return False
