"""Rules on the security context of containers, and on the namespaces of the node that a pod uses."""

from __future__ import annotations

from collections.abc import Iterator

from models.finding import Path
from models.kubernetes import formats
from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import Problem, missing, refused, remove, write

_LONGEST_PROFILE = 4095
_SPEC: Path = ("spec",)


def security_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """The parts of a security context that contradict each other, or the rest of the pod."""
    yield from _proc_mount(node, pod)
    yield from _host_process(node)
    yield from _privilege_escalation(node)


def _proc_mount(node: Node, pod: Pod) -> Iterator[Problem]:
    if node.value.get("procMount") == "Unmasked" and pod.host_users:
        path = node.at("procMount")
        words = "needs hostUsers: false"
        yield refused(path, "Unmasked", words, source=8083, edits=remove(path))


def _host_process(node: Node) -> Iterator[Problem]:
    """All containers of a pod are HostProcess containers of Windows, or none."""
    if node.mapping("windowsOptions").get("hostProcess"):
        path = node.at("windowsOptions", "hostProcess")
        words = "must not be true, because the other containers have settings of Linux"
        yield refused(path, None, words, source=8270, edits=remove(path))


def _privilege_escalation(node: Node) -> Iterator[Problem]:
    """A container with all rights cannot be kept from gaining more."""
    if node.value.get("allowPrivilegeEscalation", True):
        return
    path = node.at("allowPrivilegeEscalation")
    added = node.mapping("capabilities").get("add", ())
    if node.value.get("privileged"):
        words = "must not be false for a privileged container"
        yield refused(
            path,
            None,
            words,
            source=8090,
            edits=remove(path),
            others=[node.at("privileged")],
        )
    if "CAP_SYS_ADMIN" in added:
        words = "must not be false with the capability CAP_SYS_ADMIN"
        yield refused(
            path,
            None,
            words,
            source=8096,
            edits=remove(path),
            others=[node.at("capabilities", "add")],
        )


def seccomp_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """Only a profile of the node has a path."""
    yield from _profile(node, source=5133)
    profile = node.text("localhostProfile")
    words = formats.relative_path(profile)
    if words:
        path = node.at("localhostProfile")
        edits = write(path, "profiles/default.json")
        yield refused(path, profile, words, source=5135, edits=edits)


def app_armor_problems(node: Node, _pod: Pod) -> Iterator[Problem]:
    """Only a profile of the node has a name."""
    yield from _profile(node, source=5195)
    profile = node.text("localhostProfile")
    path = node.at("localhostProfile")
    is_local = node.text("type") == "Localhost"
    if not is_local or "localhostProfile" not in node.value:
        return
    if not profile.strip():
        yield missing(path, "default", source=5201)
    elif profile != profile.strip():
        words = "must not begin or end with a space"
        edits = write(path, profile.strip())
        yield refused(path, profile, words, source=5199, edits=edits)
    elif len(profile.encode()) > _LONGEST_PROFILE:
        words = f"must be at most {_LONGEST_PROFILE} characters"
        yield refused(path, None, words, source=5206, edits=remove(path))


def _profile(node: Node, *, source: int) -> Iterator[Problem]:
    path = node.at("localhostProfile")
    is_local = node.text("type") == "Localhost"
    has_profile = "localhostProfile" in node.value
    if is_local and not has_profile:
        yield missing(path, "default.json", source=source)
    elif has_profile and not is_local:
        words = "needs type: Localhost"
        profile = node.text("localhostProfile")
        yield refused(path, profile, words, source=source, edits=remove(path))


def node_namespace_problems(pod: Pod) -> Iterator[Problem]:
    """Namespaces of the node that contradict other fields of the pod."""
    spec = pod.spec
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        path = (*_SPEC, "shareProcessNamespace")
        words = "must not be true together with hostPID"
        yield refused(
            path,
            None,
            words,
            source=5430,
            edits=remove(path),
            others=[(*_SPEC, "hostPID")],
        )
    if not pod.host_users:
        yield from _without_users_of_the_node(pod)


def _without_users_of_the_node(pod: Pod) -> Iterator[Problem]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(key):
            path: Path = (*_SPEC, key)
            words = "must not be true together with hostUsers: false"
            yield refused(
                path,
                None,
                words,
                source=3846,
                edits=remove(path),
                others=[(*_SPEC, "hostUsers")],
            )
    for part in ("containers", "initContainers"):
        for index, container in enumerate(pod.spec.get(part, ())):
            if not container.get("volumeDevices"):
                continue
            path = (*_SPEC, part, str(index), "volumeDevices")
            words = "must not be set together with hostUsers: false"
            yield refused(path, None, words, source=3859, edits=remove(path))
