"""containerd on a real node: its configuration, its start, and images that come from files."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.real import needs

COMPONENT = "containerd"
SOCKET = "/run/containerd/containerd.sock"
PAUSE = "localhost/pause:1"
"""Image of the process that holds a pod's namespaces."""

PODS = "10.88.0.0/16"
ADDRESS = "10.88.0.1"
"""Of the node, as kubelet and pods see it."""

# Without CAP_SYS_RESOURCE, as in a container, runc could not lower the score of its processes.
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
    """Write the configuration of containerd and of the pods' network below the node's root."""
    plugins = needs.plugin_directory() or needs.PLUGINS[0]
    for file, text in {
        "etc/containerd/config.toml": _CONFIGURATION % plugins,
        "etc/cni/net.d/10-pods.conflist": json.dumps(_NETWORK, indent=2),
    }.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text, encoding="utf-8")


def command() -> list[str]:
    """How containerd is started on the node."""
    return [needs.program("containerd"), "--config", "/etc/containerd/config.toml"]


def ctr(*arguments: str) -> list[str]:
    """A call of containerd's own client, for what the kubelet uses."""
    return [
        needs.program("ctr"),
        "--address",
        SOCKET,
        "--namespace",
        "k8s.io",
        *arguments,
    ]
