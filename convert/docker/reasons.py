"""What becomes of each option of a container that no key of the stack file stands for, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Reason:
    """What becomes of an option of Docker or of a key of Compose."""

    kind: Literal["replaced", "dropped"]
    why: str


def reason_of(option: str) -> Reason | None:
    """What becomes of an option.

    Args:
        option: The name of an option of `docker run` without dashes, or a key of a Compose service.

    Returns:
        None for an option that concerns only the terminal or the name of the container.
    """
    name = option.replace("_", "-")
    name = _OTHER_NAMES.get(name, name)
    if name in _SILENT or name.startswith("x-"):
        return None
    for words, reason in _REASONS.items():
        if name in words.split():
            return reason
    return _UNKNOWN


_UNKNOWN = Reason(
    "dropped", "convert does not know it: write what it does into the stack file"
)

_SILENT = frozenset(
    {
        "attach",
        "cidfile",
        "detach",
        "detach-keys",
        "disable-content-trust",
        "help",
        "interactive",
        "name",
        "quiet",
        "replace",
        "rm",
        "rmi",
        "sig-proxy",
        "stdin-open",
        "tty",
    }
)
"""Options about the terminal of `docker run` and the name of the container."""

_OTHER_NAMES = {
    "cgroup": "cgroupns",
    "cpuset": "cpuset-cpus",
    "device-cgroup-rules": "device-cgroup-rule",
    "dns-opt": "dns-option",
    "external-links": "link",
    "extra-hosts": "add-host",
    "links": "link",
    "mem-reservation": "memory-reservation",
    "mem-swappiness": "memory-swappiness",
    "memswap-limit": "memory-swap",
    "net": "network",
    "network-mode": "network",
    "networks": "network",
    "pull-policy": "pull",
    "stop-grace-period": "stop-timeout",
    "sysctls": "sysctl",
    "ulimits": "ulimit",
    "userns-mode": "userns",
    "working-dir": "workdir",
    "annotations": "annotation",
}
"""Names of the same option in a Compose file."""


def _replaced(why: str) -> Reason:
    return Reason("replaced", why)


def _dropped(why: str) -> Reason:
    return Reason("dropped", why)


_PODS = "podTemplate.spec"
_REASONS = {
    "network publish publish-all expose ip ip6 mac-address link-local-ip network-alias domainname hostname uts": (
        _replaced(
            "each pod has its own address and name, and a Service in front of the pods; cluster.hostNetwork: true "
            "puts pods into the network of their nodes"
        )
    ),
    "privileged device-cgroup-rule": _replaced(
        "the device plugin gives the NPUs to a pod, which needs no further rights"
    ),
    "cap-add security-opt": _replaced(
        "pods have the rights to serve a model and no others: see docs/security.md"
    ),
    "cap-drop": _replaced("pods have no capability but DAC_OVERRIDE"),
    "group-add": _replaced("pods have the group of the devices: see docs/security.md"),
    "ipc": _replaced("the processes of a pod share /dev/shm: see resources.shm"),
    "pid cgroupns cgroup-parent userns isolation": _replaced(
        "Kubernetes gives each pod its own namespaces and cgroup"
    ),
    "restart": _replaced("Kubernetes starts a server again that has ended"),
    "runtime gpus": _replaced(
        "npus sets the NPUs of a pod, and the device plugin of the node gives them to it"
    ),
    "healthcheck health-cmd health-interval health-retries health-timeout health-start-period health-start-interval "
    "no-healthcheck": _replaced(
        "the program writes its own probes, which ask the server for /health; startup sets how long a start may take"
    ),
    "log-driver log-opt logging": _replaced("kubectl logs shows the output of a pod"),
    "stop-timeout stop-signal": _replaced(
        "drain sets how long a pod finishes running requests after SIGTERM"
    ),
    "platform pull": _replaced(
        "the node pulls the image for its own processor if it does not have it"
    ),
    "init": _replaced(
        "the server is the first process of its container and gets SIGTERM itself"
    ),
    "memory-swap memory-swappiness kernel-memory oom-kill-disable oom-score-adj": _replaced(
        "pods have no swap: resources.memory is request and limit, and Kubernetes sets the order in which pods end"
    ),
    "memory-reservation": _replaced("resources.memory is both request and limit"),
    "cpu-shares cpu-period cpu-quota cpu-count cpu-percent cpu-rt-period cpu-rt-runtime": _replaced(
        "resources.cpu sets the CPUs of a pod"
    ),
    "profiles": _replaced("pulumi up deploys each service of a stack"),
    "cpuset-cpus cpuset-mems": _dropped(
        "Kubernetes chooses the CPUs of a pod: resources.cpu sets their number, and "
        "engine.additionalConfig.enableCpuBinding binds the processes of the server"
    ),
    "ulimit": _dropped(
        "Kubernetes has no such limits: those of the container runtime on the node count, such as LimitMEMLOCK"
    ),
    "pids-limit": _dropped("the kubelet sets it for all pods of a node: podPidsLimit"),
    "add-host": _dropped(
        f"the value has no address: write {_PODS}.hostAliases with the address"
    ),
    "dns dns-search dns-option": _dropped(
        f"pods ask the DNS of the cluster: write {_PODS}.dnsConfig for another one"
    ),
    "sysctl": _dropped(
        "the program controls securityContext: set it on the node, if the server needs it"
    ),
    "workdir": _dropped(
        "the server starts in the working directory of the image: write absolute paths"
    ),
    "tmpfs storage-opt": _dropped(
        "the server has no further volumes: prepare its directories in the image"
    ),
    "volumes-from volume-driver": _dropped(
        "a pod has its own volumes: write model.source for the directory, claim or bucket of the weights"
    ),
    "depends-on": _dropped(
        "the services of a stack start at the same time: a server has to wait itself for one that it needs"
    ),
    "link": _dropped(
        "other servers have the names of their Services: write NAME.NAMESPACE for their addresses"
    ),
    "build": _dropped(
        "the program builds no image: build and push it, and write its name under image"
    ),
    "extends include": _dropped(
        "convert reads no other Compose file: docker compose config | ascend-vllm convert -"
    ),
    "secrets secret": _dropped(
        "create a Secret with it, and write env: {NAME: {secret: NAME, key: KEY}}"
    ),
    "configs": _dropped(
        "the server gets no further files: put them into the image, or write server.chatTemplate.inline for a template"
    ),
    "annotation": _dropped(
        "it is read by the container runtime: write podTemplate.metadata.annotations if pods need it"
    ),
    "label-file": _dropped(
        "convert does not read it: write podTemplate.metadata.labels"
    ),
    "post-start pre-stop": _dropped(
        "the server has no commands of its own: drain sets what happens before a pod ends"
    ),
    "blkio-config blkio-weight blkio-weight-device device-read-bps device-read-iops device-write-bps "
    "device-write-iops": _dropped("Kubernetes limits no disks"),
    "credential-spec use-api-socket": _dropped(
        "it is a right of Docker that pods do not have"
    ),
    "develop provider models": _dropped(
        "only Docker reads it: write a service for each server"
    ),
    "pod systemd tz umask requires authfile tls-verify env-host http-proxy": _dropped(
        "it is an option of Podman, without a part of a pod: write env or podTemplate for what the server needs"
    ),
    "mount": _dropped(
        "the server has no further volumes: model.source is the directory, claim or bucket of the weights"
    ),
    "user": _dropped(
        "security.runAsUser is a number, and only the image knows that of the name"
    ),
    "deploy.placement": _dropped(
        "Kubernetes chooses the nodes: cluster.pools names those of a stack"
    ),
    "deploy.restart-policy": _replaced(
        "Kubernetes starts a server again that has ended"
    ),
    "deploy.update-config deploy.rollback-config": _replaced(
        "rollout sets how pods are replaced"
    ),
    "deploy.endpoint-mode deploy.mode": _replaced(
        "a Service in front of the pods spreads the requests; replicas sets their number"
    ),
    "deploy.labels": _dropped("write podTemplate.metadata.labels"),
    "deploy.resources.reservations.devices deploy.resources.reservations.generic-resources": _replaced(
        "npus sets the NPUs of a pod, and the device plugin of the node gives them to it"
    ),
    "deploy.resources.limits.pids": _dropped(
        "the kubelet sets it for all pods of a node: podPidsLimit"
    ),
}
"""What becomes of options, by their names."""
