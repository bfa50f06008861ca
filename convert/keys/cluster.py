"""The keys of the cluster that the pods determine: platform, namespace and queues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from convert.keys.group import is_on_host_network
from convert.keys.pod import is_ours, queue_of
from convert.minimal import Values
from convert.mounts import Mount
from convert.note import Notes
from convert.objects import Object
from convert.placeholder import PLACEHOLDER
from convert.pods import Pod
from convert.server_start import Setting, SourcedFile
from models.catalog.platforms import PLATFORMS, NodeMount, Platform
from models.engines.group import VARIABLES_OF_GROUPS

_INTERFACE_OF_PODS = "eth0"
_NPUS_OF_DEVICE_PLUGIN = "huawei.com/Ascend"
"""How the resources of MindCluster's device plugin and of HAMi begin: `huawei.com/Ascend910`."""


@dataclass(frozen=True)
class _NodeFile:
    """A file or directory of the node that the manual mounts (Step 2)."""

    key: str
    """The key of `cluster.platform`."""
    volume: str
    """The manual's name of the volume."""
    file_name: str


_NODE_FILES = {
    "driver": _NodeFile("driver", "ascend-driver", "driver"),
    "add_ons": _NodeFile("addOns", "ascend-add-ons", "add-ons"),
    "hccn_conf": _NodeFile("hccnConf", "hccn", "hccn.conf"),
    "localtime": _NodeFile("localtime", "localtime", "localtime"),
    "npu_smi": _NodeFile("npuSmi", "npu-smi", "npu-smi"),
    "dcmi": _NodeFile("dcmi", "ascend-dcmi", "dcmi"),
    "install_info": _NodeFile(
        "installInfo", "ascend-install-info", "ascend_install.info"
    ),
}
"""The node files by the name of their field in a platform. Not every release has the last two."""


def cluster_values(
    pods: Sequence[Pod],
    objects: Sequence[Object],
    *,
    context: str,
    namespace: str,
    notes: Notes,
) -> Values:
    """The keys of the cluster of some pods, defaults included.

    Args:
        pods: The pods. The first one decides where they contradict each other.
        objects: All objects of the file.
        context: The context of the kubeconfig; empty if unknown.
        namespace: The namespace of `--namespace`; empty without the option.
        notes: Gets a note for everything that is assumed or dropped.
    """
    values: Values = {}
    if context:
        values["context"] = context
    platform = _common_platform(pods, notes)
    _note_further_sources(pods[0], notes)
    values["namespace"] = _namespace(pods, objects, namespace, notes)
    values["platform"] = platform
    seccomp = pods[0].spec.at("securityContext", "seccompProfile", "type").text()
    if seccomp in ("RuntimeDefault", "Unconfined"):
        values["seccomp"] = seccomp
    values |= _network(pods, notes)
    queues = _queues(pods, objects)
    if queues:
        values["queues"] = queues
    return values


def _network(pods: Sequence[Pod], notes: Notes) -> Values:
    """The network of the pods of groups: that of their nodes, and its interface."""
    values: Values = {}
    for pod in pods:
        if pod.group is None:
            continue
        interface = _interface(pod)
        if is_on_host_network(pod):
            values["hostNetwork"] = True
        if interface is None or interface.text == _INTERFACE_OF_PODS:
            continue
        if is_on_host_network(pod) or is_ours(pod):
            values.setdefault("interface", interface.text)
        else:
            why = (
                f"a pod has {_INTERFACE_OF_PODS}; for the network of the nodes, write "
                f"cluster: {{hostNetwork: true, interface: {interface.text}}}"
            )
            notes.replace(f"the interface {interface.text}", why, interface.place)
    return values


def _interface(pod: Pod) -> Setting | None:
    """The interface over which the pods of a group connect; None if the files do not name it."""
    for name, key in VARIABLES_OF_GROUPS.items():
        setting = pod.start.environment.get(name)
        if key != "cluster.interface" or setting is None:
            continue
        if not PLACEHOLDER.search(setting.text):
            return setting
    return None


def platform_of(pod: Pod) -> Platform:
    """The platform whose NPUs a pod requests.

    NPUs that no platform has are those of MindCluster's or HAMi's device plugin if their name begins like that, else of
    CCE.
    """
    for platform in PLATFORMS.values():
        if platform.resource == pod.npu:
            return platform
    if pod.npu.startswith(_NPUS_OF_DEVICE_PLUGIN):
        return PLATFORMS["mindcluster"]
    return PLATFORMS["cce"]


def platform_mounts(pod: Pod) -> dict[str, Mount]:
    """The mounts of the node files that a pod needs for its NPUs, by the field of the platform."""
    mounts = {}
    for field, default in default_mounts(pod).items():
        mount = _find_mount(pod, _NODE_FILES[field], default)
        if mount:
            mounts[field] = mount
    return mounts


def default_mounts(pod: Pod) -> dict[str, NodeMount]:
    """The mounts of node files that the program writes for a pod, by the field of the platform."""
    of_platform = platform_of(pod).mounts
    of_release = pod.engine.release.node_mounts
    return {**of_platform, **of_release}


def _find_mount(
    pod: Pod,
    node_file: _NodeFile,
    default: NodeMount,
) -> Mount | None:
    """The mount of a node file: by the name of its volume, else by its path, else by the name of the file."""
    of_node = [mount for mount in pod.mounts if mount.host_path]
    by_volume = [mount for mount in of_node if mount.volume_name == node_file.volume]
    by_path = [mount for mount in pod.mounts if mount.path == default.mount_path]
    by_file_name = [
        mount for mount in of_node if _file_name(mount) == node_file.file_name
    ]
    candidates = [*by_volume, *by_path, *by_file_name]
    return candidates[0] if candidates else None


def _file_name(mount: Mount) -> str:
    return PurePosixPath(mount.path).name


def _common_platform(pods: Sequence[Pod], notes: Notes) -> Values:
    """The platform of the first pod, with the further mounts of other pods."""
    common = _platform(pods[0])
    nodes = _nodes(pods[0])
    for pod in pods[1:]:
        different = [key for key, value in _nodes(pod).items() if nodes[key] != value]
        for key, value in _platform(pod).items():
            if key not in nodes and common.setdefault(key, value) != value:
                different.append(key)
        if different:
            what = f"{', '.join(different)} of {pod.owner.name}"
            why = (
                f"a stack has one platform, here that of {pods[0].owner.name}: "
                f"convert {pod.owner.name} in a file alone, for another stack"
            )
            notes.drop(what, why, pod.container)
    return common


def _nodes(pod: Pod) -> Values:
    """The keys of a platform that choose the nodes of a pod, defaults included."""
    platform = platform_of(pod)
    values: Values = {
        "kind": platform.kind,
        "resource": platform.resource,
        "nodeSelector": dict(platform.node_selector),
    }
    configured = _platform(pod)
    return {key: configured.get(key, default) for key, default in values.items()}


def _platform(pod: Pod) -> Values:
    platform = platform_of(pod)
    values: Values = {"kind": platform.kind}
    if pod.npu and pod.npu != platform.resource:
        values["resource"] = pod.npu
    selector = pod.spec.at("nodeSelector")
    is_foreign = bool(pod.npu) and pod.npu != platform.resource
    if selector.value is not None or is_ours(pod) or is_foreign:
        values["nodeSelector"] = _texts(selector)
    groups = pod.spec.at("securityContext", "supplementalGroups").items()
    group = groups[0].value if len(groups) == 1 else None
    if isinstance(group, int):
        values["group"] = group
    sources = _sources(pod)
    if sources and sources[0].path not in pod.engine.release.init_files:
        values["initFile"] = sources[0].path
    for field, mount in platform_mounts(pod).items():
        key = _NODE_FILES[field].key
        values[key] = _node_mount(mount, default_mounts(pod)[field])
    return values


def _texts(labels: Object) -> dict[str, str]:
    texts = {}
    for name, value in labels.mapping().items():
        texts[str(name)] = str(value)
    return texts


def _node_mount(mount: Mount, default: NodeMount) -> Values:
    values: Values = {"hostPath": mount.host_path}
    if mount.path != default.mount_path:
        values["mountPath"] = mount.path
    return values


def _sources(pod: Pod) -> list[SourcedFile]:
    """The files that the script sources, those of the release first."""
    init_files = pod.engine.release.init_files
    known = [source for source in pod.start.sources if source.path in init_files]
    others = [source for source in pod.start.sources if source not in known]
    return [*known, *others]


def _note_further_sources(pod: Pod, notes: Notes) -> None:
    for source in _sources(pod)[1:]:
        if source.path in pod.engine.release.init_files:
            continue
        why = "the launch script sources one file, cluster.platform.initFile"
        notes.drop(f"source {source.path}", why, source.place)


def _namespace(
    pods: Sequence[Pod],
    objects: Sequence[Object],
    requested: str,
    notes: Notes,
) -> Values:
    """The namespace; the stack creates it only if the file has it as an object."""
    of_first_pod = next((pod.namespace for pod in pods if pod.namespace), "")
    name = requested or of_first_pod
    for pod in pods:
        if pod.namespace not in ("", of_first_pod):
            why = f"a stack has one namespace, here {name}: write a stack for each namespace"
            place = pod.owner.at("metadata", "namespace")
            notes.drop(f"the namespace {pod.namespace}", why, place)
    if not name:
        why = "config.yaml names no namespace; use --namespace NAME for a namespace that exists"
        notes.assume("namespace inference, created with the stack", why)
        return {"name": "inference"}
    created = [item.name for item in objects if item.kind == "Namespace"]
    if name in created:
        return {"name": name}
    return {"name": name, "create": False}


def _queues(
    pods: Sequence[Pod],
    objects: Sequence[Object],
) -> dict[str, Values]:
    """The queues of the file, and those in which pods wait."""
    queues: dict[str, Values] = {}
    for item in objects:
        if item.kind == "Queue":
            queues[item.name] = _queue(item)
    for pod in pods:
        name = queue_of(pod)
        if name in ("", "default") or PLACEHOLDER.search(name):
            continue
        queues.setdefault(name, {})
    return queues


def _queue(queue: Object) -> Values:
    values: Values = {"create": True}
    npus = _npu_capability(queue.at("spec", "capability").mapping())
    if npus is not None:
        values["npus"] = npus
    for key in ("weight", "priority"):
        value = queue.at("spec", key).value
        if value is not None:
            values[key] = value
    return values


def _npu_capability(capability: Mapping[str, object]) -> int | None:
    for resource, count in capability.items():
        if "/" in resource and str(count).isdecimal():
            return int(str(count))
    return None
