"""The shape of the stack file: what may be asked for, and under which key."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from models.beside.keys import DisruptionBudget, Expose, Monitoring, Network, PodTemplate, Replicas
from models.beside.pull_secrets import PullSecret
from models.catalog.platforms import PLATFORMS
from models.catalog.refusals import MODELS
from models.engine import EngineArgs
from models.features import Graph, Lora, MindSpeed, Multimodal, Precision, Speculative
from models.operation import Queue, Resources, Rollout
from models.server import SecretKey, Server
from models.sources import Model
from models.typed import (
    OWN_DIRECTORY,
    SYSTEM,
    AbsolutePath,
    DnsLabel,
    Duration,
    EnvironmentName,
    ImageName,
    LabelKey,
    LabelValue,
    Line,
    NamespaceName,
    ObjectName,
    Quantity,
    ResourceName,
    Text,
    Typed,
)

LONGEST = 24 * 3600
"""Longest time that a pod may take to start or to end, in seconds."""


class HostMount(Typed):
    """A path of the node and where the container sees it. A scalar is shorthand for the node's path."""

    host_path: AbsolutePath
    """Path on the node."""

    mount_path: AbsolutePath | None = None
    """Path in the container; when left out, the platform's."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"hostPath": value} if isinstance(value, str) else value


class PlatformConfig(Typed):
    """How the cluster offers its NPUs. A scalar is shorthand for the kind: `platform: cce`.

    Every further key corrects what the kind brings.
    """

    kind: Literal["cce", "mindcluster"] = "cce"
    """`cce` is Huawei Cloud's Lite k8s Cluster, the manual's; `mindcluster` is the open stack."""

    resource: ResourceName | None = Field(default=None, examples=["huawei.com/ascend-1980"])
    """Name of the NPUs as a Kubernetes resource."""

    node_selector: dict[LabelKey, LabelValue] | None = Field(
        default=None, examples=[{"accelerator/huawei-npu": "ascend-1980"}]
    )
    """Labels of the nodes that have these NPUs."""

    group: int | None = Field(default=None, ge=0, examples=[1000])
    """Number of the nodes' group HwHiAiUser, whose members may use the NPUs; 1000 where its installer made it."""

    npu_counts: list[Annotated[int, Field(ge=1)]] | None = Field(default=None, min_length=1, examples=[[1, 2, 4, 8]])
    """How many NPUs a pod may ask the device plugin for."""

    init_file: AbsolutePath | None = Field(default=None, examples=["/home/ma-user/.bashrc"])
    """File of the image that the launch script sources first."""

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

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _each_path_once(self) -> PlatformConfig:
        given = {name: getattr(self, name) for name in PLATFORMS[self.kind].mounts}
        paths = [
            (mount and mount.mount_path) or PLATFORMS[self.kind].mounts[name].mount_path
            for name, mount in given.items()
        ]
        seen = [str(PurePosixPath(path)) for path in paths]
        if twice := sorted({path for path in seen if seen.count(path) > 1}):
            raise ValueError(f"two mounts are seen under {twice[0]} in the container; Kubernetes refuses the pod")
        if hidden := [path for path in seen if PurePosixPath(path).is_relative_to(OWN_DIRECTORY) or path in SYSTEM]:
            raise ValueError(f"{hidden[0]} of the container is not free: the system or the launch script lies there")
        return self


class NamespaceConfig(Typed):
    """The namespace of all services of the stack. A scalar is shorthand for its name."""

    name: NamespaceName = Field(examples=["inference"])
    """Name of the namespace."""

    create: bool = True
    """Make the namespace, and delete it with the stack; false when somebody else owns it."""

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _not_the_clusters_own(self) -> NamespaceConfig:
        if self.create and (self.name == "default" or self.name.startswith("kube-")):
            raise ValueError(f"every cluster has it already; write {{name: {self.name}, create: false}}")
        return self


class Pool(Typed):
    """Nodes of one kind."""

    nodes: int = Field(ge=1, examples=[2])
    """Number of nodes."""

    npus_per_node: int = Field(ge=1, le=64, examples=[8])
    """NPUs of each node."""

    npu_memory: Quantity = Field(examples=["64Gi"])
    """Memory of each NPU."""

    node_memory: Quantity | None = Field(default=None, examples=["1536Gi"])
    """Memory of each node; the engine's swap space is judged by it."""


class ClusterConfig(Typed):
    """Where the stack runs."""

    context: Line = Field(examples=["prod-guiyang"])
    """Context of the kubeconfig; the stack never goes to whatever context is current."""

    namespace: NamespaceConfig = Field(default=NamespaceConfig(name="inference"), examples=["inference"])
    """Namespace of the services: a name, or `{name: …, create: false}`."""

    platform: PlatformConfig = Field(default=PlatformConfig(), examples=["cce"])
    """`cce`, `mindcluster`, or a mapping with `kind` and what differs."""

    seccomp: Literal["RuntimeDefault", "Unconfined"] = "RuntimeDefault"
    """Profile of the system calls that containers may use. Under `RuntimeDefault` container runtimes of before autumn
    2021 refuse clone3 (containerd 5982, moby 42681), and Python says "can't start new thread": there `Unconfined`."""

    pools: dict[DnsLabel, Pool] = Field(
        default={}, examples=[{"snt9b": {"nodes": 2, "npusPerNode": 8, "npuMemory": "64Gi"}}]
    )
    """The cluster's NPU nodes by kind; what other stacks run on them has to be left out."""

    queues: dict[DnsLabel, Queue] = Field(default={}, examples=[{"inference": {"npus": 16, "create": True}}])
    """Volcano's queues that services of the stack may name."""

    @model_validator(mode="after")
    def _no_queue_of_volcanos_own(self) -> ClusterConfig:
        if own := [name for name, queue in self.queues.items() if queue.create and name in ("default", "root")]:
            raise ValueError(f"queue {own[0]} is Volcano's own; it is there already, and the stack would delete it")
        return self


def device_indices(value: Any) -> Any:
    """The manual's text form `0,1,2,3` is shorthand for a list."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    if isinstance(value, str) and all(part.strip().isdecimal() for part in value.split(",")):
        return [int(part) for part in value.split(",")]
    return value


VisibleDevices = Annotated[
    list[Annotated[int, Field(ge=0)]],
    BeforeValidator(device_indices),
    WithJsonSchema(
        {
            "type": ["array", "string", "integer"],
            "items": {"type": "integer", "minimum": 0},
            "pattern": r"^\s*\d+\s*(,\s*\d+\s*)*$",
            "minimum": 0,
        }
    ),
]


EnvironmentValue = Annotated[
    Annotated[Text, Tag("[text]")] | Annotated[SecretKey, Tag("[secret]")],
    Discriminator(lambda value: "[secret]" if isinstance(value, dict | SecretKey) else "[text]"),
]
"""The value of a variable: a text, or where a Secret has it."""


class ServiceConfig(Typed):
    """A model service: one entry of the stack file, one Deployment and one Service in the cluster."""

    image: ImageName = Field(examples=["registry.example.com/ascend-vllm:6.3.912"])
    """Image with Ascend-vLLM."""

    model: Model = Field(examples=[*MODELS])
    """The weights: their path, or `{name: …, source: …}`."""

    npus: int | None = Field(default=None, ge=1, le=64, examples=[1])
    """NPUs of each pod; when left out, what the engine uses."""

    replicas: Replicas = Field(default=1, ge=0, le=10_000)
    """Pods of the service; `external` leaves their number to an autoscaler, and plans with one."""

    visible_devices: VisibleDevices | None = Field(default=None, examples=[[0, 1]])
    """Indices of the NPUs inside the container (`ASCEND_RT_VISIBLE_DEVICES`); when left out, 0 to npus - 1."""

    engine: EngineArgs = Field(examples=[{"maxModelLen": 4096}])
    """vLLM's release and arguments."""

    server: Server = Field(default=Server(), examples=["openai"])
    """The HTTP front: `openai`, `api_server`, or a mapping."""

    graph: Graph = Field(default=Graph(), examples=["eager"])
    """Graph mode: `eager`, `cann`, or a mapping for `pta`."""

    precision: Precision = Precision()
    """Attention of high precision, where it does not follow from the model."""

    mind_speed: MindSpeed = Field(default=MindSpeed(), examples=["install"])
    """Where a MoE model has MindSpeed from: `image`, `install`, or a mapping."""

    prefix_caching: bool = False
    """Keep the KV cache of common beginnings of prompts (`--enable-prefix-caching`)."""

    quantization: Literal["awq", "smoothquant"] | None = None
    """How the weights of `model.source` are quantized."""

    lora: Lora | None = None
    """LoRA adapters."""

    speculative: Speculative | None = None
    """Speculative decoding."""

    multimodal: Multimodal | None = Field(default=None, examples=[True])
    """Set for models that read pictures: `true`, or a mapping with what differs."""

    startup: Duration | None = Field(default=None, ge=1, le=LONGEST, examples=["25m"])
    """Longest time from the start of a container until it answers; when left out, by the size of the weights and the
    graph mode. Probes, the Deployment's deadline and Pulumi's timeout follow from it."""

    drain: Duration | None = Field(default=None, le=LONGEST, examples=["5m"])
    """Longest wait for running requests when a pod ends; when left out, 5 minutes, and 1 minute for `api_server`, which
    does not say what it runs."""

    rollout: Rollout = Field(default=Rollout(), examples=["recreate"])
    """How pods are replaced: `rollingUpdate`, `recreate`, or a mapping."""

    run_as_user: int = Field(default=0, ge=0, le=2**31 - 1, examples=[1000])
    """User of the containers; the manual's images start as root. Another one is put into the group of the NPUs."""

    resources: Resources = Resources()
    """CPUs, memory and `/dev/shm` of each pod."""

    min_member: int = Field(default=1, ge=1, le=10_000, examples=[2])
    """Pods that start together or not at all (Volcano's `group-min-member`)."""

    queue: DnsLabel | None = Field(default=None, examples=["inference"])
    """Volcano's queue that the pods wait in; when left out, Volcano's `default`."""

    priority_class: ObjectName | None = Field(default=None, examples=["production"])
    """PriorityClass of the pods, which exists in the cluster."""

    smoke: bool = False
    """Have a Job ask the service after each update of its pods whether it answers correctly; the update fails with it.
    `ascend-vllm smoke` asks from outside, and more."""

    expose: Expose = Field(default=Expose(), examples=["LoadBalancer"])
    """How the Service is reached: `ClusterIP`, `NodePort`, `LoadBalancer`, or a mapping."""

    network: Network | None = Field(default=None, examples=[{"admit": ["gateway"], "monitoring": "monitoring"}])
    """Who may ask the service, and what its pods may connect to; when left out, everybody and everything."""

    disruption_budget: DisruptionBudget | None = Field(default=None, examples=[{"maxUnavailable": 1}])
    """How many pods may be evicted at a time."""

    monitoring: Monitoring | None = Field(default=None, examples=[True])
    """Metrics and alerts for the Prometheus operator: `true`, or a mapping."""

    pod_template: PodTemplate | None = Field(default=None, examples=[{"spec": {"dnsPolicy": "Default"}}])
    """A merge patch on the template of the pods, for what this file has no word for."""

    env: dict[EnvironmentName, EnvironmentValue] = Field(default={}, examples=[{"HCCL_OP_EXPANSION_MODE": "AIV"}])
    """Further environment variables: texts, and credentials as `{secret: …, key: …}` or `{config: …}`. One that a key
    of this file owns is refused."""

    pull_secrets: list[PullSecret] = Field(default=[], examples=[["registry"]])
    """Credentials of the image's registry: names of Secrets that exist in the namespace, or `{config: …}`."""

    accept: dict[Line, Line] = Field(default={}, examples=[{"idle-npus": "cards reserved for the second adapter"}])
    """Warnings that are waived, each with its reason; they stay visible."""


class StackConfig(Typed):
    """The configuration of one stack, under the project's prefix `ascend-vllm:`."""

    cluster: ClusterConfig
    """The cluster of the stack."""

    base: Text = Field(default="", examples=["services.yaml"])
    """File beside this one with the services that environments share; this file overrides it by name and field
    (RFC 7386: null removes)."""

    services: dict[DnsLabel, ServiceConfig]
    """The model services by name."""
