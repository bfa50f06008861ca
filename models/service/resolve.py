"""From the configuration to what will run: every default filled in, each with its origin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from models.catalog.facts import Facts, ModelFacts
from models.catalog.known import find_model
from models.catalog.platforms import PLATFORMS, NodeMount, Platform
from models.engines.ascend_vllm.engine_args import EngineArgs, ResolvedEngine
from models.engines.ascend_vllm.features import PtaGraph
from models.finding import Path, Span
from models.secret_reference import SecretKey
from models.service.facts import resolve_facts
from models.service.feature_defaults import resolve_features, resolve_graph, resolve_precision
from models.service.resolved import GIB, Cluster, Origin, ResolvedService, ResolvedStack, extra_argument
from models.service.rollout import Demand, Plan, plan_rollouts
from models.service.secrets import made_secrets, with_names
from models.service.sizes import all_parameters
from models.stack_file.checksums import WeightFiles
from models.stack_file.cluster import HostMount, PlatformConfig
from models.stack_file.operation import Rollout
from models.stack_file.parse import LoadedStack
from models.stack_file.service import SHORTHANDS, ServiceConfig
from models.stack_file.source import BucketSource, ClaimSource, HostPathSource
from models.stack_file.storage import ClaimTarget
from models.words import counted

_COMPILE = 1500


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
    scaling = extra_argument(config.engine.extra_args, "rope-scaling", config.engine.version)
    facts, missing = resolve_facts(own, config.model.facts, rope_scaling=scaling)
    engine, followed = resolve_engine(config.engine, config.npus, facts)
    because |= followed
    external = config.replicas is None
    found: dict[str, Any] = {"engine": engine, "model": whole, "replicas": 1 if external else config.replicas}
    found |= resolve_features(config, because)
    found["graph"] = resolve_graph(config, known, because)
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
        found["startup"] = usual_startup(facts) + _compile_time(config)
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


def _compile_time(config: ServiceConfig) -> int:
    """Seconds that a start takes to compile graphs."""
    graph = config.graph
    if not isinstance(graph, PtaGraph) or not graph.warm_up:
        return 0
    return _COMPILE if graph.iteration_timeout is None else graph.iteration_timeout


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


def _corrected(mount: NodeMount, given: HostMount | None) -> NodeMount:
    if given is None:
        return mount
    return replace(mount, host_path=given.host_path, mount_path=given.mount_path or mount.mount_path)


def _fields(record: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every field below a record with its value, in the stack file's names."""
    for name, info in type(record).model_fields.items():
        value, key = getattr(record, name), f"{prefix}{info.alias or name}"
        if isinstance(value, HostPathSource):
            yield key, value.path
        elif isinstance(value, BaseModel) and not isinstance(value, SecretKey):
            yield from _fields(value, f"{key}.")
        elif value is not None or not isinstance(record, ClaimSource | BucketSource | ClaimTarget):
            yield key, value


def _place(spans: Mapping[Path, Span], path: Path) -> str:
    while path not in spans and path[-2:] in SHORTHANDS:
        path = path[:-1]
    span = spans.get(path)
    return f"{span.file}:{span.line}" if span else "default"
