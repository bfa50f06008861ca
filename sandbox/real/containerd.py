"""containerd on a real node: its configuration, its start, and images from files."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.real import needs

COMPONENT = "containerd"
SOCKET = "/run/containerd/containerd.sock"
PAUSE = "localhost/pause:1"
"""Image of the container that holds the namespaces of a pod."""

PODS = "10.88.0.0/16"
ADDRESS = "10.88.0.1"
"""Address of the node for the kubelet and the pods."""

# Without CAP_SYS_RESOURCE, such as in a container, runc cannot lower the OOM score of its processes.
_CONFIGURATION = f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "%s"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""

_NETWORK = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "sandbox0",
            "isGateway": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": PODS, "gateway": ADDRESS}]],
                # To the addresses of Services; the node itself has no way out.
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
    ],
}


def configure(root: Path) -> None:
    """Write the configuration of containerd and of the pod network below the root of the node."""
    plugins = needs.plugin_directory() or needs.PLUGINS[0]
    for file, text in {
        "etc/containerd/config.toml": _CONFIGURATION % plugins,
        "etc/cni/net.d/10-pods.conflist": json.dumps(_NETWORK, indent=2),
    }.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text, encoding="utf-8")


def command() -> list[str]:
    """The command line that starts containerd on the node."""
    return [needs.program("containerd"), "--config", "/etc/containerd/config.toml"]


def ctr(*arguments: str) -> list[str]:
    """A command line of containerd's client, for the namespace of the kubelet."""
    return [
        needs.program("ctr"),
        "--address",
        SOCKET,
        "--namespace",
        "k8s.io",
        *arguments,
    ]
