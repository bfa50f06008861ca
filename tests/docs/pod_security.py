"""The controls of the Pod Security Standards (pod-security-admission v0.34.1, policy), for pods as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Pod = dict[str, Any]
"""A template of pods: `metadata` and `spec`."""

BASELINE_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
RESTRICTED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
PROFILES = {"RuntimeDefault", "Localhost"}


def containers(pod: Pod) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def contexts(pod: Pod) -> list[dict[str, Any]]:
    """The security contexts of the pod and of its containers."""
    return [pod["spec"].get("securityContext", {}), *(one.get("securityContext", {}) for one in containers(pod))]


def host_process(pod: Pod) -> bool:
    return not any(one.get("windowsOptions", {}).get("hostProcess") for one in contexts(pod))


def host_namespaces(pod: Pod) -> bool:
    return not any(pod["spec"].get(field) for field in ("hostPID", "hostIPC", "hostNetwork"))


def privileged(pod: Pod) -> bool:
    return not any(one.get("privileged") for one in contexts(pod))


def added(pod: Pod) -> set[str]:
    return {name for one in contexts(pod) for name in one.get("capabilities", {}).get("add", ())}


def baseline_capabilities(pod: Pod) -> bool:
    return added(pod) <= BASELINE_CAPABILITIES


def restricted_capabilities(pod: Pod) -> bool:
    dropped = [one.get("securityContext", {}).get("capabilities", {}).get("drop", ()) for one in containers(pod)]
    return added(pod) <= {"NET_BIND_SERVICE"} and all("ALL" in names for names in dropped)


def host_path(pod: Pod) -> bool:
    return not any("hostPath" in volume for volume in pod["spec"].get("volumes", ()))


def host_ports(pod: Pod) -> bool:
    return not any(port.get("hostPort") for one in containers(pod) for port in one.get("ports", ()))


def requests(pod: Pod) -> Iterator[dict[str, Any]]:
    """The requests of probes and hooks."""
    for one in containers(pod):
        senders = [one.get(name, {}) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
        senders += one.get("lifecycle", {}).values()
        for sender in senders:
            yield sender.get("httpGet", {})
            yield sender.get("tcpSocket", {})


def probe_hosts(pod: Pod) -> bool:
    return not any(request.get("host") for request in requests(pod))


def app_armor(pod: Pod) -> bool:
    types = {one["appArmorProfile"]["type"] for one in contexts(pod) if "appArmorProfile" in one}
    names = pod["metadata"].get("annotations", {})
    return types <= PROFILES and not any("apparmor" in name for name in names)


def se_linux(pod: Pod) -> bool:
    options = [one.get("seLinuxOptions", {}) for one in contexts(pod)]
    fine = all(one.get("type", "") in SELINUX_TYPES for one in options)
    return fine and not any(one.get("user") or one.get("role") for one in options)


def proc_mount(pod: Pod) -> bool:
    return all(one.get("procMount", "Default") == "Default" for one in contexts(pod))


def baseline_seccomp(pod: Pod) -> bool:
    return {one["seccompProfile"]["type"] for one in contexts(pod) if "seccompProfile" in one} <= PROFILES


def restricted_seccomp(pod: Pod) -> bool:
    of_pod, *of_containers = contexts(pod)
    return baseline_seccomp(pod) and (
        "seccompProfile" in of_pod or all("seccompProfile" in one for one in of_containers)
    )


def sysctls(pod: Pod) -> bool:
    return not pod["spec"].get("securityContext", {}).get("sysctls")


def volume_types(pod: Pod) -> bool:
    return all(RESTRICTED_VOLUMES & volume.keys() for volume in pod["spec"].get("volumes", ()))


def privilege_escalation(pod: Pod) -> bool:
    return all(one.get("securityContext", {}).get("allowPrivilegeEscalation") is False for one in containers(pod))


def non_root(pod: Pod) -> bool:
    of_pod, *of_containers = contexts(pod)
    return all(one.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is True for one in of_containers)


def non_root_user(pod: Pod) -> bool:
    return not any(one.get("runAsUser") == 0 for one in contexts(pod))


Control = Callable[[Pod], bool]

BASELINE: dict[str, Control] = {
    "HostProcess": host_process,
    "Host Namespaces": host_namespaces,
    "Privileged Containers": privileged,
    "Capabilities": baseline_capabilities,
    "HostPath Volumes": host_path,
    "Host Ports": host_ports,
    "Host Probes / Lifecycle Hooks": probe_hosts,
    "AppArmor": app_armor,
    "SELinux": se_linux,
    "/proc Mount Type": proc_mount,
    "Seccomp": baseline_seccomp,
    "Sysctls": sysctls,
}
RESTRICTED: dict[str, Control] = {
    **BASELINE,
    "Capabilities": restricted_capabilities,
    "Seccomp": restricted_seccomp,
    "Volume Types": volume_types,
    "Privilege Escalation": privilege_escalation,
    "Running as Non-root": non_root,
    "Running as Non-root user": non_root_user,
}

ADMISSION = {
    "hostPath volumes": "HostPath Volumes",
    "restricted volume types": "Volume Types",
    "unrestricted capabilities": "Capabilities",
    "runAsNonRoot != true": "Running as Non-root",
    "runAsUser=0": "Running as Non-root user",
    "allowPrivilegeEscalation != false": "Privilege Escalation",
    "seccompProfile": "Seccomp",
}
"""How Pod Security admission begins what it says of a control. With `restricted`, it says nothing of HostPath Volumes,
because Volume Types includes them."""


def violated(pod: Pod, controls: dict[str, Control]) -> set[str]:
    return {name for name, allows in controls.items() if not allows(pod)}


def failed_controls(pods: list[Pod], controls: dict[str, Control]) -> set[str]:
    """The controls that at least one pod violates."""
    return set().union(*(violated(pod, controls) for pod in pods))


def table(page: str, first: str) -> list[list[str]]:
    """The rows of the table of a page whose first column has a title, without its head."""
    lines = page.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |")) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows
