"""From the configuration to what will run: every default filled in, each with its origin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from models.beside.keys import DisruptionBudget, Expose, Monitoring, Network, PodTemplate
from models.beside.pull_secrets import PullSecret
from models.beside.secrets import MadeSecret, made_secrets, with_names
from models.beside.storage import Storage
from models.catalog.engines import find_flag
from models.catalog.facts import Facts, ModelFacts
from models.catalog.keys import SHORTHANDS
from models.catalog.known import KnownModel, find_model
from models.catalog.platforms import PLATFORMS, NodeMount, Platform
from models.catalog.weight_files import WeightFiles
from models.config import HostMount, NamespaceConfig, PlatformConfig, Pool, ServiceConfig
from models.engine import EngineArgs, ResolvedEngine
from models.facts import resolve_facts
from models.features import Graph, Lora, MindSpeed, Multimodal, Precision, Speculative
from models.finding import Finding, Path, Span
from models.operation import Queue, Resources, Rollout
from models.parse import LoadedStack
from models.rollout import Demand, Plan, plan_rollouts
from models.server import SecretKey, Server
from models.sizes import all_parameters
from models.sources import Model, Source
from models.usual_features import most_gears, resolve_features, resolve_precision
from models.words import counted

SETTLE = 5
"""Seconds after which no node sends new requests to a pod that ends."""

GIB = 2**30
_COMPILE = 1500


@dataclass(frozen=True)
class Cluster:
    """Where the stack runs."""

    context: str
    namespace: NamespaceConfig
    platform: Platform
    pools: Mapping[str, Pool]
    seccomp: str = "RuntimeDefault"
    queues: Mapping[str, Queue] = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()
    """Kinds of objects that the cluster does not know, which are left out."""


@dataclass(frozen=True)
class Origin:
    """A value, and where it comes from: a place in a file, `default`, or what it follows from."""

    value: Any
    source: str


@dataclass(frozen=True)
class ResolvedService:
    """A service with nothing left open: all that its objects are made of."""

    name: str
    cluster: Cluster
    image: str
    model: Model
    npus: int
    replicas: int
    visible_devices: Sequence[int]
    engine: ResolvedEngine
    server: Server
    graph: Graph
    precision: Precision
    mind_speed: MindSpeed
    prefix_caching: bool
    quantization: str | None
    lora: Lora | None
    speculative: Speculative | None
    multimodal: Multimodal | None
    startup: int
    """Longest time from the start of a container until it answers, in seconds."""
    drain: int
    """Longest wait for running requests when a pod ends, in seconds."""
    rollout: Rollout
    run_as_user: int
    resources: Resources
    min_member: int
    queue: str | None
    priority_class: str | None
    smoke: bool
    expose: Expose
    network: Network | None
    disruption_budget: DisruptionBudget | None
    monitoring: Monitoring | None
    pod_template: PodTemplate | None
    env: Mapping[str, str]
    """Further variables that the launch script sets; those from Secrets are in `secret_env`."""
    pull_secrets: Sequence[PullSecret]
    accept: Mapping[str, str]
    known: KnownModel | None
    """What the catalogue knows of the model."""
    facts: ModelFacts | None
    """The model's architecture, if the catalogue or the stack gives it."""
    weight_files: WeightFiles | None = None
    """The manifest that the weights are fetched or verified by."""
    external: bool = False
    """Whether an autoscaler sets `replicas`, which is what is planned with then."""
    secret_env: Mapping[str, SecretKey] = field(default_factory=dict)
    """Further variables whose values are in Secrets."""
    room: int | None = None
    """Pods more than `replicas` that are sure to find their NPUs in an update; None when no pools are given."""
    missing_facts: Sequence[str] = ()
    """What the stack would have to give for the facts to be whole."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)
    """Every value and where it comes from, by its field."""

    def further(self, flag: str) -> Any:
        """The value of a flag under `extraArgs`, or None when it is not given."""
        return _extra({**self.engine.extra_args, **self.server.extra_args}, flag, self.engine.version)

    @property
    def model_names(self) -> list[str]:
        """The names that requests may give as `model`, the usual one first, LoRA adapters last."""
        return [*(self.engine.served_model_name or [self.model.path]), *(self.lora.adapters if self.lora else ())]

    @property
    def longest_published(self) -> int:
        """The longest `maxModelLen` that is published for the model, on any number of NPUs; 0 when none is."""
        lines = self.known.published if self.known else ()
        return max((line.max_model_len or 0 for line in lines), default=0)

    @property
    def most_gears(self) -> int:
        """How many gears PTA graphs of this model may have (manual, Step 3, graph mode)."""
        return most_gears(self.known, self.quantization)

    @property
    def in_queue(self) -> str:
        """Volcano's queue that the pods wait in."""
        return self.queue or "default"

    @property
    def tls(self) -> bool:
        """Whether the server takes encrypted connections only."""
        return self.further("ssl-certfile") is not None

    @property
    def endpoint(self) -> str:
        """Address of the service inside the cluster."""
        return f"{'https' if self.tls else 'http'}://{self.name}.{self.cluster.namespace.name}.svc:{self.server.port}"


@dataclass(frozen=True)
class ResolvedStack:
    """A stack with nothing left open, and what was found on the way."""

    name: str
    file: str
    cluster: Cluster
    services: tuple[ResolvedService, ...]
    broken: tuple[str, ...]
    """Services whose shape was refused; they are not among `services`."""
    spans: Mapping[Path, Span]
    findings: tuple[Finding, ...]
    """Errors of shape; the rules add theirs in `check`."""
    secrets: tuple[MadeSecret, ...] = ()
    """The Secrets that the stack makes."""

    def service(self, name: str) -> ResolvedService | None:
        """The service of this name, or None."""
        return next((service for service in self.services if service.name == name), None)


def resolve(stack: LoadedStack) -> ResolvedStack:
    """Fill in every default of a stack; pure, and it refuses nothing: that is for the rules."""
    given = stack.cluster
    platform = resolve_platform(given.platform)
    cluster = Cluster(given.context, given.namespace, platform, given.pools, given.seccomp, given.queues)
    named = {name: with_names(config, stack.secrets) for name, config in sorted(stack.services.items())}
    services = with_rollouts(
        resolve_service(
            *(name, config, cluster, stack.spans, stack.config_jsons.get(config.model.config_json or "")),
            stack.weight_files.get(config.model.verify or ""),
        )
        for name, config in named.items()
    )
    secrets = made_secrets(named.values())
    return ResolvedStack(stack.name, stack.file, cluster, services, stack.broken, stack.spans, stack.findings, secrets)


def with_rollouts(services: Iterable[ResolvedService]) -> tuple[ResolvedService, ...]:
    """The services of one stack with their rollouts, which depend on what the others leave free."""
    alone = [*services]
    plans = plan_rollouts(map(demand, alone), alone[0].cluster.pools, alone[0].cluster.queues) if alone else {}
    return tuple(_with_rollout(service, plans[service.name]) for service in alone)


def demand(service: ResolvedService) -> Demand:
    """What a service asks of the pools."""
    return Demand(
        *(service.name, service.replicas, service.npus, service.min_member),
        *(service.in_queue, service.startup, service.rollout, service.external),
    )


def _with_rollout(service: ResolvedService, plan: Plan) -> ResolvedService:
    given = service.rollout.model_fields_set
    origins = {
        key: Origin(value, service.origins[key].source if name in given else plan.because)
        for name, (key, value) in zip(Rollout.model_fields, _fields(plan.rollout, "rollout."), strict=True)
    }
    return replace(service, rollout=plan.rollout, room=plan.room, origins={**service.origins, **origins})


def resolve_platform(config: PlatformConfig) -> Platform:
    """A platform of the catalogue with what the stack corrects."""
    known = PLATFORMS[config.kind]
    mounts = {field: _corrected(mount, getattr(config, field)) for field, mount in known.mounts.items()}
    return replace(
        known,
        resource=config.resource or known.resource,
        node_selector=known.node_selector if config.node_selector is None else config.node_selector,
        init_file=config.init_file or known.init_file,
        group=known.group if config.group is None else config.group,
        npu_counts=tuple(config.npu_counts or known.npu_counts),
        mounts=mounts,
    )


def resolve_service(
    name: str,
    config: ServiceConfig,
    cluster: Cluster,
    spans: Mapping[Path, Span] | None = None,
    config_json: Facts | None = None,
    weight_files: WeightFiles | None = None,
) -> ResolvedService:
    """A service with its defaults and what follows from its other values.

    Args:
        name: The service's name.
        config: What the stack gives.
        cluster: Where it runs.
        spans: The places of what is given.
        config_json: What the model's own config.json says, if the stack names one.
        weight_files: What the manifest of the weights says, if the stack names one.
    """
    whole, because = config.model.resolved(weight_files)
    known = find_model(model := whole.name)
    own = config_json or (known.facts if known else None)
    scaling = _extra(config.engine.extra_args, "rope-scaling", config.engine.version)
    facts, missing = resolve_facts(own, config.model.facts, rope_scaling=scaling)
    engine, followed = resolve_engine(config.engine, config.npus, facts)
    because |= followed
    external = config.replicas is None
    found: dict[str, Any] = {"engine": engine, "model": whole, "replicas": 1 if external else config.replicas}
    found |= resolve_features(config, known, because)
    found["precision"] = resolve_precision(config, known, model, because)
    found |= _resolve_operation(config, facts, engine, cluster, because)
    if config.npus is None:
        found["npus"] = engine.npus_used
        because["npus"] = "as many as the engine uses"
    if config.visible_devices is None:
        found["visible_devices"] = list(range(config.npus or engine.npus_used))
        because["visibleDevices"] = "one index for each of npus"
    resolved = config.model_copy(update=found)
    shown = resolved.model_copy(update={"replicas": "external"}) if external else resolved
    origins = {
        field: Origin(value, because.get(field) or _place(spans or {}, ("services", name, *field.split("."))))
        for field, value in _fields(shown)
    }
    about: dict[str, Any] = {"known": known, "facts": facts, "missing_facts": missing, "external": external}
    about |= {"weight_files": weight_files, "origins": origins}
    plain = {name: value for name, value in config.env.items() if isinstance(value, str)}
    secret = {name: value for name, value in config.env.items() if isinstance(value, SecretKey)}
    return ResolvedService(name, cluster, **about, **{**dict(resolved), "env": plain, "secret_env": secret})


def _resolve_operation(
    config: ServiceConfig,
    facts: ModelFacts | None,
    engine: ResolvedEngine,
    cluster: Cluster,
    because: dict[str, str],
) -> dict[str, Any]:
    """What a pod is given of time and of its node; why, goes into `because`."""
    npus, found = config.npus or engine.npus_used, dict[str, Any]()
    if config.startup is None:
        warm_up = (config.graph.iteration_timeout or _COMPILE) if config.graph.warm_up else 0
        found["startup"] = usual_startup(facts) + warm_up
        because["startup"] = "the size of the weights" if facts else "usual for weights of unknown size"
    if config.drain is None:
        found["drain"] = 300 if config.server.kind == "openai" else 60
        because["drain"] = f"usual for {config.server.kind}"
    many, ray = engine.npus_used > 1, engine.distributed_executor_backend == "ray"
    shares = (pool.node_memory * 9 // 10 // pool.npus_per_node for pool in cluster.pools.values() if pool.node_memory)
    each = min([60 * GIB, *shares]) // GIB * GIB
    usual = {"cpu": 11 * npus, "memory": each * npus, "shm": (32 if ray else 16 if many else 2) * GIB}
    filled = {field: value for field, value in usual.items() if getattr(config.resources, field) is None}
    because |= {f"resources.{field}": f"usual for {counted(npus, 'NPU')}" for field in filled}
    return {**found, "resources": config.resources.model_copy(update=filled)}


def usual_startup(facts: ModelFacts | None) -> int:
    """Seconds until a server answers, to whole minutes: ten minutes, and its weights at 200 MiB a second.

    The systems that load large models give 10 to 30 minutes; without facts of the model it is the latter.
    """
    if facts is None:
        return 1800
    reading = 2 * all_parameters(facts) / (200 * 2**20)
    return 60 * math.ceil((600 + reading) / 60)


def resolve_engine(
    config: EngineArgs, npus: int | None, facts: ModelFacts | None = None
) -> tuple[ResolvedEngine, dict[str, str]]:
    """The engine's arguments complete, and why each added value is what it is.

    Args:
        config: The arguments that the stack file gives.
        npus: NPUs of the pod, if given.
        facts: The model's architecture, if known.
    """
    because = {}
    tokens, split = config.max_num_batched_tokens, config.tensor_parallel_size
    if tokens is None:
        tokens = max(config.max_model_len, config.max_num_seqs, 2048)
        because["engine.maxNumBatchedTokens"] = "the largest of maxModelLen, maxNumSeqs and 2048"
    if split is None:
        most = max((npus or 1) // config.pipeline_parallel_size, 1)
        split = next(parts for parts in range(most, 0, -1) if facts is None or facts.splits(parts))
        whole = "all npus" if npus else "one NPU"
        because["engine.tensorParallelSize"] = whole if split == most else "as many npus as divide the model"
    complete = {**dict(config), "max_num_batched_tokens": tokens, "tensor_parallel_size": split}
    return ResolvedEngine.model_construct(config.model_fields_set, **complete), because


def _extra(given: Mapping[str, Any], flag: str, release: str) -> Any:
    flags = ((find_flag(name, release), value) for name, value in given.items())
    return next((value for found, value in flags if found and found.name == flag), None)


def _corrected(mount: NodeMount, given: HostMount | None) -> NodeMount:
    if given is None:
        return mount
    return replace(mount, host_path=given.host_path, mount_path=given.mount_path or mount.mount_path)


def _fields(record: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every field below a record with its value, in the stack file's names."""
    for name, info in type(record).model_fields.items():
        value, key = getattr(record, name), f"{prefix}{info.alias or name}"
        if isinstance(value, Source) and value.path:
            yield key, value.path
        elif isinstance(value, BaseModel) and not isinstance(value, SecretKey):
            yield from _fields(value, f"{key}.")
        elif value is not None or not isinstance(record, Storage):
            yield key, value


def _place(spans: Mapping[Path, Span], path: Path) -> str:
    while path not in spans and path[-2:] in SHORTHANDS:
        path = path[:-1]
    span = spans.get(path)
    return f"{span.file}:{span.line}" if span else "default"
