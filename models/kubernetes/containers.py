"""Rules on containers and init containers: ports, mounts, devices, probes, restarts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import (
    Problem,
    duplicate,
    not_a_choice,
    refused,
    remove,
    write,
    write_nearest,
)
from models.stack_file.errors.unknown_keys import nearest

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_NAMED_SIGNALS = """
ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP
TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX
"""
_SIGNALS = (
    *(f"SIG{name}" for name in _NAMED_SIGNALS.split()),
    *(f"SIGRTMIN+{number}" for number in range(1, 16)),
    *(f"SIGRTMAX-{number}" for number in range(1, 15)),
)
_RULES_SINCE = 35
"""The first minor release with ContainerRestartRules by default."""


def container_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """The problems of a container whose parts contradict each other."""
    yield from _port_names(node)
    yield from _mounts(node, pod)
    yield from _devices(node, pod)
    yield from _probes(node)
    yield from _sleeps(node, pod)
    yield from _stop_signal(node, pod)
    yield from _restarts(node, pod)
    yield from _image(node)
    yield from _resize_policies(node)
    if is_init_container(node):
        yield from _only_in_sidecars(node)


def is_init_container(node: Node) -> bool:
    """Whether a container is one of the init containers."""
    return "initContainers" in node.path


def _port_names(node: Node) -> Iterator[Problem]:
    """The names of the ports of one container are unique."""
    first: dict[str, int] = {}
    for index, port in enumerate(node.items("ports")):
        name = port.get("name", "")
        if not name:
            continue
        if name in first:
            path = node.at("ports", index, "name")
            other = node.at("ports", first[name], "name")
            yield duplicate(path, name, other, source=2659)
        first.setdefault(name, index)


def _mounts(node: Node, pod: Pod) -> Iterator[Problem]:
    """Each mount is of a volume of the pod, at a different path."""
    first: dict[str, int] = {}
    for index, mount in enumerate(node.items("volumeMounts")):
        mount_path = mount.get("mountPath", "")
        if mount_path and mount_path in first:
            path = node.at("volumeMounts", index, "mountPath")
            other = node.at("volumeMounts", first[mount_path], "mountPath")
            yield duplicate(path, mount_path, other, source=3046)
        first.setdefault(mount_path, index)
        mount_node = Node("VolumeMount", mount, node.at("volumeMounts", index))
        yield from _volume_exists(mount_node, pod, source=3040)
        yield from _sub_paths(mount_node)
        yield from _propagation(mount_node, node)
        yield from _recursively_read_only(mount_node)


def _volume_exists(item: Node, pod: Pod, *, source: int) -> Iterator[Problem]:
    name = item.text("name")
    if not name or name in pod.volumes:
        return
    path = item.at("name")
    words = "is not a volume of the pod"
    edits = write_nearest(path, name, [*pod.volumes])
    yield refused(path, name, words, source=source, edits=edits)


def _sub_paths(mount: Node) -> Iterator[Problem]:
    if mount.text("subPath") and mount.text("subPathExpr"):
        path = mount.at("subPathExpr")
        yield refused(
            path,
            None,
            "must not be set together with subPath",
            source=3064,
            edits=remove(path),
            others=[mount.at("subPath")],
        )


def _propagation(mount: Node, container: Node) -> Iterator[Problem]:
    is_privileged = container.mapping("securityContext").get("privileged", False)
    if mount.text("mountPropagation") == "Bidirectional" and not is_privileged:
        path = mount.at("mountPropagation")
        yield refused(
            path,
            "Bidirectional",
            "is only for privileged containers",
            source=1412,
            edits=write(path, "HostToContainer"),
        )


def _recursively_read_only(mount: Node) -> Iterator[Problem]:
    path = mount.at("recursiveReadOnly")
    value = mount.text("recursiveReadOnly")
    if value not in ("Enabled", "IfPossible"):
        return
    if not mount.value.get("readOnly"):
        edits = write(mount.at("readOnly"), value=True)
        yield refused(path, value, "needs readOnly: true", source=1428, edits=edits)
    propagation = mount.value.get("mountPropagation", "None")
    if propagation != "None":
        yield refused(
            path,
            value,
            f"must not be set together with mountPropagation {propagation}",
            source=1431,
            edits=remove(path),
            others=[mount.at("mountPropagation")],
        )


def _devices(node: Node, pod: Pod) -> Iterator[Problem]:
    """Each device is a volume with a claim, which is not mounted too."""
    names: dict[str, int] = {}
    paths: dict[str, int] = {}
    mounted = {mount.get("name"): mount for mount in node.items("volumeMounts")}
    mount_paths = {mount.get("mountPath") for mount in node.items("volumeMounts")}
    for index, device in enumerate(node.items("volumeDevices")):
        item = Node("VolumeDevice", device, node.at("volumeDevices", index))
        yield from _volume_exists(item, pod, source=3099)
        yield from _repeated_device(item, "name", names, index)
        yield from _repeated_device(item, "devicePath", paths, index)
        name, path = item.text("name"), item.text("devicePath")
        volume = pod.volumes.get(name)
        if volume and not {"persistentVolumeClaim", "ephemeral"} & volume.keys():
            words = "must be a volume with a persistentVolumeClaim or ephemeral"
            yield refused(
                item.at("name"), name, words, source=3096, edits=remove(item.path)
            )
        if name in mounted or path in mount_paths:
            words = "must not be in volumeMounts too"
            yield refused(
                item.at("name"), name, words, source=3114, edits=remove(item.path)
            )


def _repeated_device(
    item: Node, key: str, first: dict[str, int], index: int
) -> Iterator[Problem]:
    value = item.text(key)
    if value and value in first:
        other = (*item.path[:-1], str(first[value]), key)
        yield duplicate(item.at(key), value, other, source=3092)
    first.setdefault(value, index)


def _probes(node: Node) -> Iterator[Problem]:
    """Liveness and startup probes succeed by one answer; a readiness probe ends no container."""
    for key in ("livenessProbe", "startupProbe"):
        threshold = node.mapping(key).get("successThreshold", 1)
        if threshold > 1:
            path = node.at(key, "successThreshold")
            edits = write(path, 1)
            yield refused(path, threshold, "must be 1", source=3192, edits=edits)
    if "terminationGracePeriodSeconds" in node.mapping("readinessProbe"):
        path = node.at("readinessProbe", "terminationGracePeriodSeconds")
        words = "must not be set for a readinessProbe"
        yield refused(path, None, words, source=3205, edits=remove(path))


def _sleeps(node: Node, pod: Pod) -> Iterator[Problem]:
    """A hook sleeps no longer than a pod has to end."""
    for hook in ("postStart", "preStop"):
        sleep = node.mapping("lifecycle").get(hook, {}).get("sleep")
        if sleep is None:
            continue
        seconds = sleep.get("seconds", 0)
        if 0 <= seconds <= pod.grace_period:
            continue
        path = node.at("lifecycle", hook, "sleep", "seconds")
        words = (
            f"must be 0 to {pod.grace_period}, the terminationGracePeriodSeconds "
            "of the pod"
        )
        edits = write(path, min(5, pod.grace_period))
        yield refused(path, seconds, words, source=3305, edits=edits)


def _stop_signal(node: Node, pod: Pod) -> Iterator[Problem]:
    """A signal is one of Linux, and needs the operating system of the pod."""
    signal = node.mapping("lifecycle").get("stopSignal")
    if signal is None:
        return
    path = node.at("lifecycle", "stopSignal")
    if "os" not in pod.spec:
        words = "needs spec.os.name"
        yield refused(path, signal, words, source=3500, edits=remove(path))
    elif signal not in _SIGNALS:
        example = nearest(signal, dict.fromkeys(_SIGNALS)) or "SIGTERM"
        words = "is not a signal"
        edits = write(path, example)
        yield refused(path, signal, words, source=3507, edits=edits)


def _restarts(node: Node, pod: Pod) -> Iterator[Problem]:
    """Only an init container may have its own restart policy, `Always`, until restart rules are on by default."""
    policy = node.value.get("restartPolicy")
    path = node.at("restartPolicy")
    if policy is not None and pod.minor >= _RULES_SINCE:
        choices = ("Always", "OnFailure", "Never")
        if policy not in choices:
            yield not_a_choice(path, policy, choices, source=3606)
        return
    if policy is None:
        return
    if not is_init_container(node):
        words = "is only for init containers"
        yield refused(path, policy, words, source=3970, edits=remove(path))
    elif policy != "Always":
        edits = write(path, "Always")
        yield refused(path, policy, "must be Always", source=3264, edits=edits)


def _image(node: Node) -> Iterator[Problem]:
    image = node.text("image")
    if image != image.strip():
        path = node.at("image")
        words = "must not begin or end with a space"
        edits = write(path, image.strip() or "registry.example.com/sidecar:1.0")
        yield refused(path, image, words, source=4328, edits=edits)


def _resize_policies(node: Node) -> Iterator[Problem]:
    """Each resource has one policy."""
    first: dict[str, int] = {}
    for index, policy in enumerate(node.items("resizePolicy")):
        name = policy.get("resourceName", "")
        if name and name in first:
            path = node.at("resizePolicy", index, "resourceName")
            other = node.at("resizePolicy", first[name], "resourceName")
            yield duplicate(path, name, other, source=3558)
        first.setdefault(name, index)


def _only_in_sidecars(node: Node) -> Iterator[Problem]:
    """An init container has probes and hooks only if it runs next to the containers."""
    if node.value.get("restartPolicy") == "Always":
        return
    for key in ("lifecycle", *_PROBES):
        if key not in node.value:
            continue
        path = node.at(key)
        words = "is only for init containers with restartPolicy: Always"
        yield refused(path, None, words, source=3764, edits=remove(path))


def host_port_problems(pod: Pod) -> Iterator[Problem]:
    """Ports of the node are opened once. With the node's network, each container port is one.

    Init containers run one after the other, so that each of them is compared with itself only.
    """
    opened: dict[tuple[str, str, int], tuple[str, ...]] = {}
    for index, container in enumerate(pod.spec.get("containers", ())):
        path = ("spec", "containers", str(index))
        yield from _host_ports(pod, container, path, opened)
    for index, container in enumerate(pod.spec.get("initContainers", ())):
        path = ("spec", "initContainers", str(index))
        yield from _host_ports(pod, container, path, {})


def _host_ports(
    pod: Pod,
    container: Mapping[str, Any],
    path: tuple[str, ...],
    opened: dict[tuple[str, str, int], tuple[str, ...]],
) -> Iterator[Problem]:
    for number, port in enumerate(container.get("ports", ())):
        yield from _host_port(pod, port, (*path, "ports", str(number)), opened)


def _host_port(
    pod: Pod,
    port: Mapping[str, Any],
    path: tuple[str, ...],
    opened: dict[tuple[str, str, int], tuple[str, ...]],
) -> Iterator[Problem]:
    host_port = port.get("hostPort", 0)
    container_port = port.get("containerPort", 0)
    key = "hostPort"
    is_init = "initContainers" in path
    if pod.host_network and not is_init and host_port not in (0, container_port):
        words = f"must be containerPort {container_port}, because hostNetwork is true"
        edits = write((*path, key), container_port)
        yield refused((*path, key), host_port, words, source=4144, edits=edits)
        return
    if pod.host_network and not host_port:
        host_port = container_port
        key = "containerPort"
    if not host_port:
        return
    address = (port.get("protocol") or "TCP", port.get("hostIP", ""), host_port)
    if address in opened:
        yield duplicate((*path, key), str(host_port), opened[address], source=3359)
    opened.setdefault(address, (*path, key))
