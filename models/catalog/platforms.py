"""Platforms as data: how a cluster offers its NPUs, and what a node keeps for the containers that use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class NodeMount:
    """A path of the node that the container needs, always mounted read-only.

    The type is what the kubelet checks before the container starts: a missing file fails the pod instead of becoming
    an empty directory.
    """

    name: str
    host_path: str
    mount_path: str
    type: Literal["File", "Directory"]


@dataclass(frozen=True)
class Platform:
    """A way in which clusters offer Ascend NPUs."""

    kind: str
    resource: str
    """Name of the NPUs as a Kubernetes resource."""
    node_selector: Mapping[str, str]
    """Labels of the nodes that have them."""
    init_file: str | None
    """File of the image that each script sources first, instead of those of the engine release."""
    group: int
    """The group HwHiAiUser of the nodes, which the NPUs belong to."""
    npu_counts: tuple[int, ...]
    """How many NPUs a pod may ask the device plugin for."""
    mounts: Mapping[str, NodeMount]
    """Paths of the node, by their fields in the stack file."""


def _mounts(npu_smi: str) -> dict[str, NodeMount]:
    mounts: dict[str, tuple[str, str, Literal["File", "Directory"]]] = {
        "driver": ("ascend-driver", "/usr/local/Ascend/driver", "Directory"),
        "add_ons": ("ascend-add-ons", "/usr/local/Ascend/add-ons", "Directory"),
        "hccn_conf": ("hccn", "/etc/hccn.conf", "File"),
        "localtime": ("localtime", "/etc/localtime", "File"),
        "npu_smi": ("npu-smi", npu_smi, "File"),
    }
    return {
        field: NodeMount(name, path, path, kind)
        for field, (name, path, kind) in mounts.items()
    }


PLATFORMS = {
    # The manual, Step 2: Huawei Cloud Lite k8s Cluster with Snt9b nodes.
    "cce": Platform(
        kind="cce",
        resource="huawei.com/ascend-1980",
        node_selector={"accelerator/huawei-npu": "ascend-1980"},
        init_file=None,
        group=1000,
        # Huawei's plugin (UCS, ucs_01_0024: 1, 2, 4 or 8 to a container) and the largest of a Lite Cluster node.
        npu_counts=(1, 2, 4, 8, 16),
        mounts=_mounts("/usr/local/sbin/npu-smi"),
    ),
    # MindCluster: resource and label of its device plugin for Atlas 800 A2 nodes (component/ascend-for-volcano/common/
    # util/constants.go), npu-smi where the Ascend Docker Runtime keeps it (component/ascend-docker-runtime/build/
    # scripts/base.list).
    "mindcluster": Platform(
        kind="mindcluster",
        resource="huawei.com/Ascend910",
        node_selector={"accelerator-type": "module-910b-8"},
        init_file=None,
        group=1000,
        # Any number of an A2 node's; Box16 nodes give even ones above eight (docs, mindie_motor_best_practice, 291).
        npu_counts=(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16),
        mounts=_mounts("/usr/local/bin/npu-smi"),
    ),
}
"""The platforms by the kind that the stack file names."""
