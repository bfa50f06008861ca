"""From pods to the keys of their cluster: platform, namespace and queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from convert.manifest import Object
from convert.note import Note, assumed, dropped
from convert.pod_keys import is_ours
from convert.pods import Mount, Pod
from convert.scope import PLACEHOLDER
from models.catalog.platforms import PLATFORMS, NodeMount, Platform
from models.manifests.pod import QUEUE_NAME

Values = dict[str, Any]

_FIELDS = {
    "driver": ("ascend-driver", "driver"),
    "add_ons": ("ascend-add-ons", "add-ons"),
    "hccn_conf": ("hccn", "hccn.conf"),
    "localtime": ("localtime", "localtime"),
    "npu_smi": ("npu-smi", "npu-smi"),
}
"""The manual's name of each volume, and the last part of its path."""

_KEYS = {
    "driver": "driver",
    "add_ons": "addOns",
    "hccn_conf": "hccnConf",
    "localtime": "localtime",
    "npu_smi": "npuSmi",
}


def cluster_values(
    pods: Sequence[Pod], objects: Sequence[Object], context: str, namespace: str, notes: list[Note]
) -> Values:
    """The keys of the cluster that all pods share.

    Args:
        pods: The pods; what the first one says counts.
        objects: All objects of the file.
        context: The kubeconfig's context, if it is given.
        namespace: The namespace, if it is given beside the file.
        notes: What is assumed and dropped is added here.
    """
    platform: Values = {}
    for pod in pods:
        own = _platform(pod)
        if others := [key for key, value in own.items() if platform.setdefault(key, value) != value]:
            what = f"{', '.join(others)} of {pod.owner.at('metadata', 'name').text()}"
            why = "a stack has one platform, the first pod's"
            notes.append(dropped(what, why, pod.owner.file, pod.container.line))
    _note_sources(pods[0], notes)
    values: Values = {"context": context} if context else {}
    values["namespace"] = _namespace(pods, objects, namespace, notes)
    values["platform"] = platform
    profile = pods[0].spec.at("securityContext", "seccompProfile", "type").text()
    if profile in ("RuntimeDefault", "Unconfined"):
        values["seccomp"] = profile
    if queues := dict(_queues(pods, objects)):
        values["queues"] = queues
    return values


def platform_mounts(pod: Pod, platform: Platform) -> dict[str, Mount]:
    """The mounts of a pod that are the platform's, by field."""
    found = {}
    for field, (volume, last) in _FIELDS.items():
        known = platform.mounts[field]
        ranked = [
            [one for one in pod.mounts if one.volume.at("name").text() == volume and one.host_path],
            [one for one in pod.mounts if one.path == known.mount_path],
            [one for one in pod.mounts if PurePosixPath(one.path).name == last and one.host_path],
        ]
        mount = next((one for ones in ranked for one in ones), None)
        if mount:
            found[field] = mount
    return found


def _platform(pod: Pod) -> Values:
    kind = next((name for name, known in PLATFORMS.items() if known.resource == pod.npu), "cce")
    known = PLATFORMS[kind]
    values: Values = {"kind": kind}
    if pod.npu and pod.npu != known.resource:
        values["resource"] = pod.npu
    selector = pod.spec.at("nodeSelector")
    if selector.value is not None or is_ours(pod):
        values["nodeSelector"] = {str(key): str(value) for key, value in selector.mapping().items()}
    groups = pod.spec.at("securityContext", "supplementalGroups").items()
    if len(groups) == 1 and isinstance(groups[0].value, int):
        values["group"] = groups[0].value
    if sources := _sources(pod):
        values["initFile"] = sources[0][0]
    for field, mount in platform_mounts(pod, known).items():
        values[_KEYS[field]] = _mount(mount, known.mounts[field])
    return values


def _sources(pod: Pod) -> list[tuple[str, str, int]]:
    known = [PLATFORMS[kind].init_file for kind in PLATFORMS]
    usual = [source for source in pod.start.sources if source[0] in known]
    return [*usual, *(source for source in pod.start.sources if source not in usual)]


def _note_sources(pod: Pod, notes: list[Note]) -> None:
    for path, file, line in _sources(pod)[1:]:
        notes.append(dropped(f"source {path}", "the launch script sources one file, platform.initFile", file, line))


def _mount(mount: Mount, known: NodeMount) -> Values:
    values: Values = {"hostPath": mount.host_path}
    return values if mount.path == known.mount_path else {**values, "mountPath": mount.path}


def _namespace(pods: Sequence[Pod], objects: Sequence[Object], given: str, notes: list[Note]) -> Values:
    names = [name for pod in pods if (name := pod.owner.at("metadata", "namespace").text())]
    made = [one.at("metadata", "name").text() for one in objects if one.kind == "Namespace"]
    for pod in pods:
        own = pod.owner.at("metadata", "namespace")
        if own.text() and names[0] != own.text():
            why = f"a stack has one, {given or names[0]}; write a stack for each"
            notes.append(dropped(f"the namespace {own.text()}", why, own.file, own.line))
    name = given or (names[0] if names else "")
    if not name:
        why = "config.yaml names none; --namespace NAME says another one that exists"
        notes.append(assumed("namespace inference, made with the stack", why))
        return {"name": "inference"}
    return {"name": name} if name in made else {"name": name, "create": False}


def _queues(pods: Sequence[Pod], objects: Sequence[Object]) -> Iterator[tuple[str, Values]]:
    """The queues that are made in the file, and those that pods wait in."""
    made = {one.at("metadata", "name").text(): one for one in objects if one.kind == "Queue"}
    for name, queue in made.items():
        spec = queue.at("spec")
        capability = spec.at("capability").mapping()
        npus = next((int(count) for key, count in capability.items() if "/" in key and str(count).isdecimal()), None)
        weight = spec.at("weight").value
        values: Values = {"create": True, "npus": npus, "weight": weight}
        yield name, {key: value for key, value in values.items() if value is not None}
    waited = [pod.template.at("metadata", "annotations").mapping().get(QUEUE_NAME) for pod in pods]
    for name in dict.fromkeys(str(name) for name in waited if name):
        if name not in made and name != "default" and not PLACEHOLDER.search(name):
            yield name, {}
