"""The cluster of a stack: platform, namespace, pools of NPU nodes, and queues."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, model_validator

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
    Quantity,
    Record,
    ResourceName,
)
from models.stack_file.operation import Queue


class HostMount(Record):
    """A path of the node and where the container sees it. A scalar is shorthand for the node's path."""

    shorthand = "hostPath"

    host_path: AbsolutePath
    """Path on the node."""

    mount_path: AbsolutePath | None = None
    """Path in the container; when left out, the platform's."""


class PlatformConfig(Record):
    """How the cluster offers its NPUs. A scalar is shorthand for the kind: `platform: cce`.

    Every further key corrects what the kind brings.
    """

    shorthand = "kind"

    kind: Literal["cce", "mindcluster"] = "cce"
    """`cce` is Huawei Cloud's Lite k8s Cluster, the manual's; `mindcluster` is the open stack."""

    resource: ResourceName | None = Field(
        default=None, examples=["huawei.com/ascend-1980"]
    )
    """Name of the NPUs as a Kubernetes resource."""

    node_selector: dict[LabelKey, LabelValue] | None = Field(
        default=None, examples=[{"accelerator/huawei-npu": "ascend-1980"}]
    )
    """Labels of the nodes that have these NPUs."""

    group: int | None = Field(default=None, ge=0, examples=[1000])
    """Number of the nodes' group HwHiAiUser, whose members may use the NPUs; 1000 where its installer made it."""

    npu_counts: list[Annotated[int, Field(ge=1)]] | None = Field(
        default=None, min_length=1, examples=[[1, 2, 4, 8]]
    )
    """How many NPUs a pod may ask the device plugin for."""

    init_file: AbsolutePath | None = Field(
        default=None, examples=["/home/ma-user/.bashrc"]
    )
    """File of the image that each script sources first. Default: the files of the engine release."""

    driver: HostMount | None = None
    """Directory of the Ascend driver."""

    add_ons: HostMount | None = None
    """Directory of the driver's add-ons."""

    hccn_conf: HostMount | None = None
    """File with the addresses of the NPUs' network ports; a service without it starts and answers garbage."""

    localtime: HostMount | None = None
    """File with the node's time zone."""

    npu_smi: HostMount | None = None
    """The npu-smi program."""

    @model_validator(mode="after")
    def _each_path_once(self) -> PlatformConfig:
        given = {name: getattr(self, name) for name in PLATFORMS[self.kind].mounts}
        paths = [
            (mount and mount.mount_path) or PLATFORMS[self.kind].mounts[name].mount_path
            for name, mount in given.items()
        ]
        seen = [str(PurePosixPath(path)) for path in paths]
        if twice := sorted({path for path in seen if seen.count(path) > 1}):
            raise ValueError(
                f"two mounts are seen under {twice[0]} in the container; Kubernetes refuses the pod"
            )
        if hidden := [
            path
            for path in seen
            if PurePosixPath(path).is_relative_to(OWN_DIRECTORY) or path in SYSTEM
        ]:
            raise ValueError(
                f"{hidden[0]} of the container is not free: the system or the launch script lies there"
            )
        return self


class NamespaceConfig(Record):
    """The namespace of all services of the stack. A scalar is shorthand for its name."""

    shorthand = "name"

    name: NamespaceName = Field(examples=["inference"])
    """Name of the namespace."""

    create: bool = True
    """Make the namespace, and delete it with the stack; false when somebody else owns it."""

    @model_validator(mode="after")
    def _not_the_clusters_own(self) -> NamespaceConfig:
        if self.create and (self.name == "default" or self.name.startswith("kube-")):
            raise ValueError(
                f"every cluster has it already; write {{name: {self.name}, create: false}}"
            )
        return self


class Pool(Record):
    """Nodes of one kind."""

    nodes: int = Field(ge=1, examples=[2])
    """Number of nodes."""

    npus_per_node: int = Field(ge=1, le=64, examples=[8])
    """NPUs of each node."""

    npu_memory: Quantity = Field(examples=["64Gi"])
    """Memory of each NPU."""

    node_memory: Quantity | None = Field(default=None, examples=["1536Gi"])
    """Memory of each node; the engine's swap space is judged by it."""


class ClusterConfig(Record):
    """Where the stack runs."""

    context: Line = Field(examples=["prod-guiyang"])
    """Context of the kubeconfig; the stack never goes to whatever context is current."""

    namespace: NamespaceConfig = Field(
        default=NamespaceConfig(name="inference"), examples=["inference"]
    )
    """Namespace of the services: a name, or `{name: …, create: false}`."""

    platform: PlatformConfig = Field(default=PlatformConfig(), examples=["cce"])
    """`cce`, `mindcluster`, or a mapping with `kind` and what differs."""

    seccomp: Literal["RuntimeDefault", "Unconfined"] = "RuntimeDefault"
    """Profile of the system calls that containers may use. Under `RuntimeDefault` container runtimes of before autumn
    2021 refuse clone3 (containerd 5982, moby 42681), and Python says "can't start new thread": there `Unconfined`."""

    pools: dict[DnsLabel, Pool] = Field(
        default={},
        examples=[{"snt9b": {"nodes": 2, "npusPerNode": 8, "npuMemory": "64Gi"}}],
    )
    """The cluster's NPU nodes by kind; what other stacks run on them has to be left out."""

    queues: dict[DnsLabel, Queue] = Field(
        default={}, examples=[{"inference": {"npus": 16, "create": True}}]
    )
    """Volcano's queues that services of the stack may name."""

    @model_validator(mode="after")
    def _no_queue_of_volcanos_own(self) -> ClusterConfig:
        if own := [
            name
            for name, queue in self.queues.items()
            if queue.create and name in ("default", "root")
        ]:
            raise ValueError(
                f"queue {own[0]} is Volcano's own; it is there already, and the stack would delete it"
            )
        return self
