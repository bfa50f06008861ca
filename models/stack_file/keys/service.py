"""A service of the stack file."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from models.engines.engine_args import EngineArgs
from models.engines.features import (
    CannGraph,
    Graph,
    Lora,
    MindSpeed,
    MindSpeedOfImage,
    Multimodal,
    Precision,
    Quantization,
    Speculative,
)
from models.engines.group import Group
from models.engines.server import Server
from models.record import (
    BASH_VARIABLES,
    DnsLabel,
    Duration,
    EnvironmentName,
    ImageName,
    Line,
    ObjectName,
    Record,
)
from models.stack_file.keys.comparison import Compare
from models.stack_file.keys.environment import EnvironmentValue
from models.stack_file.keys.exposure import Expose, Network
from models.stack_file.keys.model import MODELS, Model
from models.stack_file.keys.monitoring import Monitoring
from models.stack_file.keys.operation import (
    DisruptionBudget,
    PlannedRollout,
    Replicas,
    Resources,
)
from models.stack_file.keys.pod_template import PodTemplate
from models.stack_file.keys.pull_secret import PullSecret
from models.stack_file.keys.update import Update, UpdateInPlace

LONGEST = 24 * 3600
"""Longest time that a pod may take to start or to end, in seconds."""


_INDICES = r"[ ]*[0-9]+[ ]*(,[ ]*[0-9]+[ ]*)*"


_LONGEST_INDEX = 100
"""Characters of an index with the spaces around it. Python does not read numbers with more than 4300 digits."""


def device_indices(value: Any) -> Any:
    """The manual's text form `0,1,2,3` is shorthand for a list."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    if isinstance(value, str) and re.fullmatch(_INDICES, value, re.ASCII):
        parts = value.split(",")
        if all(len(part) <= _LONGEST_INDEX for part in parts):
            return [int(part) for part in parts]
    return value


VisibleDevices = Annotated[
    list[Annotated[int, Field(ge=0)]],
    BeforeValidator(device_indices),
    WithJsonSchema(
        {
            "type": ["array", "string", "integer"],
            "items": {"type": "integer", "minimum": 0},
            "pattern": f"^{_INDICES}$",
            "minimum": 0,
        }
    ),
]


class ServiceConfig(Record):
    """A model service: one entry of the stack file. In the cluster it is a Service and a Deployment; with `nodes`
    above 1, a LeaderWorkerSet."""

    image: ImageName = Field(examples=["registry.example.com/ascend-vllm:6.3.912"])
    """Image with vLLM for Ascend NPUs. Its tag names the release, if `engine.version` does not."""

    model: Model = Field(examples=[*MODELS])
    """The weights: their path, or `{name: …, source: …}`."""

    npus: int | None = Field(default=None, ge=1, le=64, examples=[1])
    """NPUs of each pod; when left out, as many as the engine uses."""

    replicas: Replicas = Field(default=1, ge=0, le=10_000)
    """Pods of the service, or groups with `nodes` above 1; `external` leaves their number to an autoscaler, and plans
    with one."""

    nodes: int = Field(default=1, ge=1, le=64, examples=[2])
    """Nodes of one server. With more than one, each replica is a group of so many pods, each with `npus` NPUs of its
    node: a LeaderWorkerSet. Not in 0.6.3."""

    group: Group | None = Field(default=None, examples=[{"launch": "nnodes"}])
    """How the pods of a group start together, where it does not follow from the parallel sizes."""

    visible_devices: VisibleDevices | None = Field(default=None, examples=[[0, 1]])
    """Indices of the NPUs inside the container (`ASCEND_RT_VISIBLE_DEVICES`); when left out, 0 to npus - 1."""

    engine: EngineArgs = Field(examples=[{"maxModelLen": 4096}])
    """vLLM's release and arguments."""

    server: Server = Field(default=Server(), examples=["openai"])
    """The HTTP front: `openai`, `api_server`, or a mapping."""

    graph: Graph = Field(default=CannGraph(), examples=["eager"])
    """Graph mode: `eager`, `cann`, `pta`, or a mapping."""

    precision: Precision = Precision()
    """Attention of high precision, where it does not follow from the model."""

    mind_speed: MindSpeed = Field(default=MindSpeedOfImage(), examples=["install"])
    """Where MindSpeed for a MoE model comes from: `image`, `install`, or a mapping."""

    prefix_caching: bool | None = None
    """Keep the KV cache of common beginnings of prompts (`--enable-prefix-caching`). Default: false in 0.6.3, true in
    later releases."""

    quantization: Quantization | None = None
    """How the weights of `model.source` are quantized. 0.6.3 accepts `awq` and `smoothquant`, later releases do not."""

    lora: Lora | None = None
    """LoRA adapters."""

    speculative: Speculative | None = Field(
        default=None, examples=[{"kind": "ngram", "tokens": 5, "promptLookupMax": 4}]
    )
    """Speculative decoding."""

    multimodal: Multimodal | None = Field(default=None, examples=[True])
    """Set for models that read pictures: `true`, or a mapping with the differences."""

    startup: Duration | None = Field(default=None, ge=1, le=LONGEST, examples=["25m"])
    """Longest time from the start of a container until it answers; when left out, by the size of the weights and the
    graph mode. Probes, the Deployment's deadline and Pulumi's timeout follow from it."""

    drain: Duration | None = Field(default=None, le=LONGEST, examples=["5m"])
    """Longest wait for running requests when a pod ends; when left out, 5 minutes, and 1 minute for `api_server`, which
    does not report its requests."""

    rollout: PlannedRollout = Field(default=None, examples=["recreate"])
    """How pods are replaced: `rollingUpdate`, `recreate`, or a mapping. Default: with an additional pod if its
    NPUs are sure to be free in the pools, otherwise delete first."""

    run_as_user: int = Field(default=0, ge=0, le=2**31 - 1, examples=[1000])
    """User of the containers; the manual's images start as root. Another one is put into the group of the NPUs."""

    read_only_root_filesystem: bool = False
    """Keep the containers from writing to their image. They can write to `/tmp`, a volume of the pod, which is also
    their home and working directory. For images that write nowhere else, such as those of vllm-ascend."""

    resources: Resources = Resources()
    """CPUs, memory and `/dev/shm` of each pod."""

    min_member: int = Field(default=1, ge=1, le=10_000, examples=[2])
    """Pods that start together or not at all (Volcano's `group-min-member`)."""

    queue: DnsLabel | None = Field(default=None, examples=["inference"])
    """Volcano's queue that the pods wait in; when left out, Volcano's `default`."""

    priority_class: ObjectName | None = Field(default=None, examples=["production"])
    """PriorityClass of the pods, which exists in the cluster."""

    priority: int = Field(default=1, ge=0, le=1000, examples=[10])
    """Weight of a second in which the service does not answer, when `plan` orders the steps of an update. 10 counts ten
    times as much as 1, and 0 does not count. It changes no pod."""

    preflight: bool = True
    """Have an init container compare the driver of the node, the type of its NPUs and the weights with the
    service. A pod that cannot work ends within seconds, with a reason that `up` and `status` show."""

    smoke: bool = False
    """Have a Job ask the service after each update of its pods whether it answers correctly; the update fails with it.
    `ascend-vllm smoke` asks from outside, and more."""

    compare: Compare = Field(default=Compare(), examples=[{"maxSlowdown": 0.05}])
    """When `ascend-vllm compare` promotes another server in place of the service."""

    update: Update = Field(
        default=UpdateInPlace(), examples=["compare", {"kind": "compare", "rounds": 0}]
    )
    """How `ascend-vllm upgrade` replaces the launch: `inPlace`, `compare`, or a mapping."""

    answered_by: DnsLabel | None = Field(default=None, examples=["qwen-next"])
    """Another service of the stack whose pods answer the requests to this one. The Service keeps its name and address,
    and selects the pods of the other service; its own pods get no new requests."""

    expose: Expose = Field(default=Expose(), examples=["LoadBalancer"])
    """How the Service is reached: `ClusterIP`, `NodePort`, `LoadBalancer`, or a mapping."""

    network: Network | None = Field(
        default=None, examples=[{"admit": ["gateway"], "monitoring": "monitoring"}]
    )
    """Clients of the service, and targets of its pods. When left out, all are allowed."""

    disruption_budget: DisruptionBudget | None = Field(
        default=None, examples=[{"maxUnavailable": 1}]
    )
    """How many pods may be evicted at a time."""

    monitoring: Monitoring | None = Field(default=None, examples=[True])
    """Metrics and alerts for the Prometheus operator: `true`, or a mapping."""

    pod_template: PodTemplate | None = Field(
        default=None, examples=[{"spec": {"dnsPolicy": "Default"}}]
    )
    """A merge patch on the template of the pods, for fields that this file has no key for."""

    env: dict[EnvironmentName, EnvironmentValue] = Field(
        default={},
        examples=[{"HCCL_OP_EXPANSION_MODE": "AIV"}],
        json_schema_extra={
            "propertyNames": {"not": {"enum": [*sorted(BASH_VARIABLES)]}}
        },
    )
    """Further environment variables: texts, credentials as `{secret: …, key: …}` or `{config: …}`, fields of the pod as
    `{field: status.podIP}`, and paths added to a variable of the image as `{prepend: /opt/lib}`. A variable that
    another key sets is refused."""

    pull_secrets: list[PullSecret] = Field(default=[], examples=[["registry"]])
    """Credentials of the image's registry: names of Secrets that exist in the namespace, or `{config: …}`."""

    accept: dict[Line, Line] = Field(
        default={}, examples=[{"idle-npus": "cards reserved for the second adapter"}]
    )
    """Warnings that are waived, each with its reason; they stay visible."""


SHORTHANDS = {
    ("model", "source"),
    ("to", "path"),
    ("server", "kind"),
    ("graph", "kind"),
    ("rollout", "kind"),
    ("update", "kind"),
    ("mindSpeed", "kind"),
    ("chatTemplate", "path"),
    ("expose", "type"),
}
"""Keys for which a scalar may stand for the whole record."""
