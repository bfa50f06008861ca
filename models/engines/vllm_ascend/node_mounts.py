"""The paths of the node that the images of vllm-ascend need (vllm-ascend, docs/source/installation.md)."""

from __future__ import annotations

from models.catalog.platforms import NodeMount

NODE_MOUNTS = {
    "npu_smi": NodeMount(
        name="npu-smi",
        host_path="/usr/local/bin/npu-smi",
        mount_path="/usr/local/bin/npu-smi",
        type="File",
    ),
    "dcmi": NodeMount(
        name="ascend-dcmi",
        host_path="/usr/local/dcmi",
        mount_path="/usr/local/dcmi",
        type="Directory",
    ),
    "install_info": NodeMount(
        name="ascend-install-info",
        host_path="/etc/ascend_install.info",
        mount_path="/etc/ascend_install.info",
        type="File",
    ),
}
"""The paths by their key under `cluster.platform`. The directory of the driver is one of each platform."""
