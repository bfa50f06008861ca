"""The cluster of a stack: context, platform, namespace, pools of NPU nodes, and queues."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from models.catalog.platforms import PLATFORMS
from models.record import (
    OWN_DIRECTORY,
    SYSTEM,
    AbsolutePath,
    DnsLabel,
    LabelKey,
    LabelValue,
    Line,
    NamespaceName,
    Record,
    ResourceName,
    text_like,
)
from models.stack_file.keys.memory import Quantity
from models.stack_file.keys.operation import Queue

DEFAULT_KUBERNETES = "1.34"
"""The minor release of a cluster whose stack file names none: that of the sandbox."""

MinorRelease = Annotated[
    str,
    text_like(r"^1\.[0-9]{2,3}$", 'must be a minor release in quotes, such as "1.34"'),
]
"""A minor release of Kubernetes."""


def reaching(interface: str) -> str:
    """A network interface that reaches other pods: not the loopback."""
    if interface == "lo":
        raise ValueError("lo reaches no other pod")
    return interface


InterfaceName = Annotated[
    str,
    text_like(
        r"^[A-Za-z0-9][-A-Za-z0-9_.@]{0,14}$",
        "must be the name of a network interface, such as eth0",
    ),
    AfterValidator(reaching),
]
"""A network interface of Linux: at most 15 characters."""


def minor_of(release: str) -> int:
    """The number of a minor release: 34 for `1.34`."""
    return int(release.partition(".")[2])


class HostMount(Record):
    """A path on the node that is mounted into the container. A string is shorthand for `hostPath`."""

    shorthand = "hostPath"

    host_path: AbsolutePath
    """Path on the node."""

    mount_path: AbsolutePath | None = None
    """Path in the container. Default: the platform's path."""


class PlatformConfig(Record):
    """The platform that offers the NPUs. A string is shorthand for the kind: `platform: cce`.

    Every other key overrides a default of the kind.
    """

    shorthand = "kind"

    kind: Literal["cce", "mindcluster"] = "cce"
    """`cce` is the Lite k8s Cluster of Huawei Cloud, which the manual uses. `mindcluster` is the open-source
    MindCluster."""

    resource: ResourceName | None = Field(
        default=None, examples=["huawei.com/ascend-1980"]
    )
    """Kubernetes resource name of the NPUs."""

    node_selector: dict[LabelKey, LabelValue] | None = Field(
        default=None, examples=[{"accelerator/huawei-npu": "ascend-1980"}]
    )
    """Labels of the nodes that have these NPUs."""

    group: int | None = Field(default=None, ge=1, examples=[1000])
    """ID of the group HwHiAiUser on the nodes. Its members may use the NPUs. The driver's installer
    creates it as 1000."""

    npu_counts: list[Annotated[int, Field(ge=1)]] | None = Field(
        default=None, min_length=1, examples=[[1, 2, 4, 8]]
    )
    """Numbers of NPUs that the device plugin can allocate to one pod."""

    init_file: AbsolutePath | None = Field(
        default=None, examples=["/home/ma-user/.bashrc"]
    )
    """File in the image that each script sources first. Default: the files of the engine release."""

    driver: HostMount | None = None
    """Directory of the Ascend driver."""

    add_ons: HostMount | None = None
    """Directory of the driver's add-ons."""

    hccn_conf: HostMount | None = None
    """File with the addresses of the NPUs' network ports. Without it, a service starts but returns garbage."""

    localtime: HostMount | None = None
    """File with the node's time zone."""

    npu_smi: HostMount | None = None
    """Program `npu-smi`."""

    dcmi: HostMount | None = Field(default=None, examples=["/usr/local/dcmi"])
    """Directory of the device management library. Not in 0.6.3. Default: /usr/local/dcmi."""

    install_info: HostMount | None = Field(
        default=None, examples=["/etc/ascend_install.info"]
    )
    """File about the driver's installation. Not in 0.6.3. Default: /etc/ascend_install.info."""

    @model_validator(mode="after")
    def _each_path_once(self) -> PlatformConfig:
        mounts = {name: getattr(self, name) for name in PLATFORMS[self.kind].mounts}
        paths = [
            (mount and mount.mount_path) or PLATFORMS[self.kind].mounts[name].mount_path
            for name, mount in mounts.items()
        ]
        for mount in (self.dcmi, self.install_info):
            if mount:
                paths.append(mount.mount_path or mount.host_path)
        mount_paths = [str(PurePosixPath(path)) for path in paths]
        if twice := sorted(
            {path for path in mount_paths if mount_paths.count(path) > 1}
        ):
            raise ValueError(
                f"two mounts are under {twice[0]} in the container; Kubernetes refuses the pod"
            )
        if hidden := [
            path
            for path in mount_paths
            if PurePosixPath(path).is_relative_to(OWN_DIRECTORY) or path in SYSTEM
        ]:
            raise ValueError(
                f"{hidden[0]} of the container is not free: the system or the launch script lies there"
            )
        return self


class NamespaceConfig(Record):
    """The namespace of all services of the stack. A string is shorthand for the name."""

    shorthand = "name"

    name: NamespaceName = Field(examples=["inference"])
    """Name of the namespace."""

    create: bool = True
    """Create the namespace, and delete it with the stack. Write `false` for a namespace that somebody else owns."""

    @model_validator(mode="after")
    def _not_the_clusters_own(self) -> NamespaceConfig:
        if self.create and (self.name == "default" or self.name.startswith("kube-")):
            raise ValueError(
                f"every cluster has it already; write {{name: {self.name}, create: false}}"
            )
        return self


class Pool(Record):
    """A group of identical NPU nodes."""

    nodes: int = Field(ge=1, examples=[2])
    """Number of nodes."""

    npus_per_node: int = Field(ge=1, le=64, examples=[8])
    """NPUs of each node."""

    npu_memory: Quantity = Field(examples=["64Gi"])
    """Memory of each NPU."""

    node_memory: Quantity | None = Field(default=None, examples=["1536Gi"])
    """Memory of each node. The engine's swap space is checked against it."""

    soc: Literal["a2", "a3", "310p", "950dt"] | None = Field(
        default=None, examples=["a2"]
    )
    """Type of the NPUs. The suffix of the image's tag must name it: `v0.23.0-a3`. No suffix means `a2`."""


class ClusterConfig(Record):
    """The cluster that the stack is deployed to."""

    context: Line = Field(examples=["prod-guiyang"])
    """Context of the kubeconfig. The current context is never used."""

    namespace: NamespaceConfig = Field(
        default=NamespaceConfig(name="inference"), examples=["inference"]
    )
    """Namespace of the services: a name, or a mapping such as `{name: inference, create: false}`."""

    platform: PlatformConfig = Field(default=PlatformConfig(), examples=["cce"])
    """Platform: `cce`, `mindcluster`, or a mapping with `kind` and the values that differ."""

    kubernetes: MinorRelease = Field(default=DEFAULT_KUBERNETES, examples=["1.34"])
    """Minor release of the cluster, in quotes. `podTemplate` is checked against its fields. A release that is older or
    newer than all known ones is checked against the nearest one."""

    seccomp: Literal["RuntimeDefault", "Unconfined"] = "RuntimeDefault"
    """Seccomp profile of the containers. Container runtimes older than autumn 2021 need `Unconfined`: their
    `RuntimeDefault` refuses the system call clone3 (containerd 5982, moby 42681), and Python fails with "can't start
    new thread"."""

    pools: dict[DnsLabel, Pool] = Field(
        default={},
        examples=[{"snt9b": {"nodes": 2, "npusPerNode": 8, "npuMemory": "64Gi"}}],
    )
    """NPU nodes that this stack may use, by pool. Leave out the nodes that other stacks use."""

    interface: InterfaceName | None = Field(default=None, examples=["eth0"])
    """Network interface over which the pods of a group connect (`HCCL_SOCKET_IFNAME`, `GLOO_SOCKET_IFNAME`,
    `TP_SOCKET_IFNAME`). Default: eth0, the interface of a pod. With `hostNetwork`, name the interface of
    the nodes."""

    host_network: bool = False
    """Whether the pods of groups use the network of their node, as RoCE without a device plugin for networks needs.
    Other pods keep their own network."""

    queues: dict[DnsLabel, Queue] = Field(
        default={}, examples=[{"inference": {"npus": 16, "create": True}}]
    )
    """Volcano queues that services of the stack may use."""

    @model_validator(mode="after")
    def _no_queue_of_volcanos_own(self) -> ClusterConfig:
        for name, queue in self.queues.items():
            if queue.create and name in ("default", "root"):
                raise ValueError(
                    f"queue {name} belongs to Volcano; it exists already, and the stack would delete it"
                )
        return self
