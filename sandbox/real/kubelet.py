"""kubelet, kube-proxy and CoreDNS on a real node: their configuration and their command lines."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox import kubectl
from sandbox.real import cgroups, containerd

COMPONENTS = ("kubelet", "kube-proxy", "coredns")

_DOMAIN = "cluster.local"

_COREFILE = f"""\
.:53 {{
    errors
    kubernetes {_DOMAIN} {{
        kubeconfig /etc/kubernetes/kubeconfig
    }}
}}
"""
"""Names outside of the cluster are refused immediately, because no traffic leaves the node."""

_NEVER = {
    "memory.available": "0%",
    "nodefs.available": "0%",
    "nodefs.inodesFree": "0%",
    "imagefs.available": "0%",
}
"""Eviction thresholds, so that a laptop with a nearly full disk runs pods, too."""


def configure(home: Path, root: Path, name: str) -> None:
    """Write the configurations below the root of the node."""
    directory = root / "etc/kubernetes"
    directory.mkdir(parents=True)
    (directory / "kubelet.json").write_text(
        json.dumps(_kubelet(home)), encoding="utf-8"
    )
    (directory / "kube-proxy.json").write_text(
        json.dumps(_proxy(name)), encoding="utf-8"
    )
    (directory / "Corefile").write_text(_COREFILE, encoding="utf-8")


def admit(home: Path, root: Path) -> None:
    """Write the kubeconfig of the sandbox to the node, after the start of the control plane."""
    target = root / "etc/kubernetes/kubeconfig"
    target.touch(0o600)
    # It contains the certificates, because their files are not on the node.
    target.write_text(
        kubectl.kubectl(home, "config", "view", "--raw", "--flatten"), encoding="utf-8"
    )


def commands(name: str) -> dict[str, list[str]]:
    """The command line of each component on the node, by name."""
    return {
        "kubelet": [
            "/usr/local/bin/kubelet", "--config=/etc/kubernetes/kubelet.json",
            "--kubeconfig=/etc/kubernetes/kubeconfig", f"--hostname-override={name}", f"--node-ip={containerd.ADDRESS}",
            "--root-dir=/var/lib/kubelet", "--cert-dir=/var/lib/kubelet/pki",
        ],
        "kube-proxy": ["/usr/local/bin/kube-proxy", "--config=/etc/kubernetes/kube-proxy.json"],
        "coredns": ["/usr/local/bin/coredns", "-conf=/etc/kubernetes/Corefile"],
    }  # fmt: skip


def _kubelet(home: Path) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{containerd.SOCKET}",
        # Whoever reaches it is in the node's own network.
        "authentication": {
            "anonymous": {"enabled": True},
            "webhook": {"enabled": False},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroups.name(home)}",
        "failSwapOn": False,
        "failCgroupV1": False,
        "evictionHard": _NEVER,
        "imageGCHighThresholdPercent": 100,
        "clusterDNS": [containerd.ADDRESS],
        "clusterDomain": _DOMAIN,
        "resolvConf": "/etc/resolv.conf",
    }


def _proxy(name: str) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": "/etc/kubernetes/kubeconfig"},
        "mode": "iptables",
        "hostnameOverride": name,
        "clusterCIDR": containerd.PODS,
        # A pod would answer another one past the node, and so from an address that nobody asked.
        "iptables": {"masqueradeAll": True},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        # The machine's own limits of connections stay as they are.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
