"""From the configuration to what will run: every default filled in, each with its origin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from models.catalog.facts import ModelFacts
from models.catalog.known import KnownModel, find_model
from models.catalog.sizes import all_parameters
from models.engines.engine_args import ResolvedEngine
from models.engines.features import PtaGraph
from models.engines.group import ResolvedGroup
from models.engines.release import Release
from models.engines.releases import is_plugin_release, release_of_service
from models.engines.server import ResolvedServer, Server
from models.secret_reference import NamespaceSecret, StackSecret
from models.service.configured import configured_keys
from models.service.engine import resolve_engine
from models.service.facts import resolve_facts
from models.service.feature_defaults import (
    resolve_graph,
    resolve_lora,
    resolve_precision,
)
from models.service.group import resolve_group
from models.service.kv_transfer import with_kv_transfer
from models.service.model import ResolvedModel, resolve_model
from models.service.origins import origins
from models.service.platform import cluster_of_service, resolve_platform
from models.service.resolved import (
    POD_INTERFACE,
    Cluster,
    ResolvedService,
    ResolvedStack,
)
from models.service.resources import resolve_resources
from models.service.rollout import Demand, Plan, plan_rollouts
from models.service.secrets import made_secrets, named, named_pull_secret
from models.stack_file.checksums import Checksums
from models.stack_file.keys.cluster import ClusterConfig, minor_of
from models.stack_file.keys.environment import PathAddition, PodField
from models.stack_file.keys.locked import LOCK_FILE, StackLock
from models.stack_file.keys.operation import ResolvedResources
from models.stack_file.keys.pull_secret import NamespacePullSecret
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.parse import LoadedStack

V = TypeVar("V")

_COMPILE = 1500
"""Seconds to compile PTA graphs."""

_UNKNOWN_STARTUP = 1800
"""Seconds to start a model of unknown size. The systems that load large models allow 10 to 30 minutes."""


@dataclass(frozen=True)
class _Size:
    """The part of a service that decides which NPUs it needs, and for how long it starts."""

    name: str
    config: ServiceConfig
    release: Release
    model: ResolvedModel
    checksums: Checksums | None
    known: KnownModel | None
    facts: ModelFacts | None
    missing_facts: tuple[str, ...]
    engine: ResolvedEngine
    npus: int
    replicas: int
    startup: int
    because: dict[str, str]
    """Reasons for defaults that follow from other values, by key."""

    @property
    def external(self) -> bool:
        """Whether an autoscaler sets the replicas."""
        return self.config.replicas is None


def resolve(stack: LoadedStack) -> ResolvedStack:
    """Fill in every default of a stack. This is pure and refuses nothing: the rules do."""
    cluster = resolve_cluster(stack.cluster)
    sizes = [
        _resolve_size(name, config, stack)
        for name, config in sorted(stack.services.items())
    ]
    plans = plan_rollouts(
        [_demand(size, cluster) for size in sizes], cluster.pools, cluster.queues
    )
    services = [
        _resolve_service(size, plans[size.name], cluster, stack) for size in sizes
    ]
    services = with_kv_transfer(services, stack.kv_transfer)
    services = _with_answering(services)
    return ResolvedStack(
        name=stack.name,
        file=stack.file,
        cluster=cluster,
        services=tuple(services),
        broken=stack.broken,
        spans=stack.spans,
        findings=stack.findings,
        secrets=made_secrets(stack.services.values(), stack.secrets),
        accept=stack.accept,
        kv_transfer=stack.kv_transfer,
        lock=stack.lock,
        loaded=stack,
    )


def _with_answering(services: Sequence[ResolvedService]) -> list[ResolvedService]:
    """The services of a stack, each with the service whose pods answer in its place."""
    named = {service.name: service for service in services}
    found = []
    for service in services:
        answering = named.get(service.answered_by or "")
        found.append(replace(service, answering=answering))
    return found


def resolve_cluster(config: ClusterConfig) -> Cluster:
    """The cluster with its platform."""
    return Cluster(
        context=config.context,
        namespace=config.namespace,
        platform=resolve_platform(config.platform),
        pools=config.pools,
        seccomp=config.seccomp,
        interface=config.interface or POD_INTERFACE,
        host_network=config.host_network,
        is_interface_set=config.interface is not None,
        kubernetes=minor_of(config.kubernetes),
        queues=config.queues,
    )


def _resolve_size(name: str, config: ServiceConfig, stack: LoadedStack) -> _Size:
    because: dict[str, str] = {}
    checksums = stack.checksums.get(config.model.verify or "")
    model = resolve_model(config.model, checksums, stack.secrets, because)
    known = find_model(model.name)
    config_json = stack.config_jsons.get(config.model.config_json or "")
    published = config_json or (known.facts if known else None)
    release = release_of_service(config.engine.version, config.image)
    if is_plugin_release(release) and "version" not in config.engine.model_fields_set:
        because["engine.version"] = "the image's tag"
    rope_scaling = release.rope_scaling(config.engine.extra_args)
    facts, missing_facts = resolve_facts(
        published, config.model.facts, rope_scaling=rope_scaling
    )
    npus_of_server = config.npus and config.npus * config.nodes
    engine, reasons = resolve_engine(config.engine, npus_of_server, release, facts)
    because |= reasons
    npus = config.npus
    if npus is None:
        npus = math.ceil(engine.npus_used / config.nodes)
        because["npus"] = "as many as the engine uses"
    return _Size(
        name=name,
        config=config,
        release=release,
        model=model,
        checksums=checksums,
        known=known,
        facts=facts,
        missing_facts=missing_facts,
        engine=engine,
        npus=npus,
        replicas=1 if config.replicas is None else config.replicas,
        startup=_resolve_startup(config, facts, because),
        because=because,
    )


def _resolve_startup(
    config: ServiceConfig, facts: ModelFacts | None, because: dict[str, str]
) -> int:
    if config.startup is not None:
        return config.startup
    because["startup"] = (
        "the size of the weights" if facts else "default for weights of unknown size"
    )
    return usual_startup(facts) + _compile_time(config)


def usual_startup(facts: ModelFacts | None) -> int:
    """Seconds until a server answers, in whole minutes: ten minutes, and its weights at 200 MiB a second."""
    if facts is None:
        return _UNKNOWN_STARTUP
    reading = 2 * all_parameters(facts) / (200 * 2**20)
    return 60 * math.ceil((600 + reading) / 60)


def _compile_time(config: ServiceConfig) -> int:
    """Seconds that a start takes to compile graphs."""
    graph = config.graph
    if not isinstance(graph, PtaGraph) or not graph.warm_up:
        return 0
    return _COMPILE if graph.iteration_timeout is None else graph.iteration_timeout


def _demand(size: _Size, cluster: Cluster) -> Demand:
    return Demand(
        service=size.name,
        replicas=size.replicas,
        nodes=size.config.nodes,
        npus=size.npus,
        min_member=size.config.min_member,
        queue=size.config.queue or "default",
        startup=size.startup,
        rollout=size.config.rollout,
        external=size.external,
        fixed_ports=size.config.nodes > 1 and cluster.host_network,
    )


def _resolve_service(
    size: _Size, plan: Plan, cluster: Cluster, stack: LoadedStack
) -> ResolvedService:
    config = size.config
    service = ResolvedService(
        name=size.name,
        release=size.release,
        cluster=cluster_of_service(cluster, stack.cluster.platform, size.release),
        image=config.image,
        model=size.model,
        npus=size.npus,
        nodes=config.nodes,
        group=_resolve_group(size),
        replicas=size.replicas,
        visible_devices=_resolve_devices(config, size.npus, size.because),
        engine=size.engine,
        server=_resolve_server(config.server, stack.secrets),
        graph=resolve_graph(config, size.known, size.because),
        precision=resolve_precision(config, size.known, size.model.name, size.because),
        mind_speed=config.mind_speed,
        prefix_caching=_resolve_prefix_caching(size),
        quantization=config.quantization,
        lora=resolve_lora(config.lora, size.because),
        speculative=config.speculative,
        multimodal=config.multimodal,
        startup=size.startup,
        drain=_resolve_drain(size),
        rollout=plan.rollout,
        run_as_user=config.run_as_user,
        read_only_root_filesystem=config.read_only_root_filesystem,
        resources=_resolve_resources(size, cluster),
        min_member=config.min_member,
        queue=config.queue,
        priority_class=config.priority_class,
        priority=config.priority,
        preflight=config.preflight,
        smoke=config.smoke,
        compare=config.compare,
        update=config.update,
        answered_by=config.answered_by,
        expose=config.expose,
        network=config.network,
        disruption_budget=config.disruption_budget,
        monitoring=config.monitoring,
        pod_template=config.pod_template,
        env=_variables_of(str, config),
        secret_env=_secret_env(config, stack.secrets),
        field_env=_variables_of(PodField, config),
        path_env=_variables_of(PathAddition, config),
        pull_secrets=_pull_secrets(config, stack.secrets),
        accept=config.accept,
        configured=configured_keys(config),
        known=size.known,
        facts=size.facts,
        missing_facts=size.missing_facts,
        checksums=size.checksums,
        external=size.external,
        room=plan.room,
    )
    return _with_origins(service, stack, {**size.because, **plan.reasons})


def _with_origins(
    service: ResolvedService, stack: LoadedStack, because: dict[str, str]
) -> ResolvedService:
    """The service as locked, with the origin of each value."""
    service = _with_lock(service, stack.lock, because)
    return replace(service, origins=origins(service, because, stack.spans))


def _resolve_group(size: _Size) -> ResolvedGroup | None:
    return resolve_group(
        size.config.group,
        size.engine,
        nodes=size.config.nodes,
        npus=size.npus,
        because=size.because,
    )


def _with_lock(
    service: ResolvedService, lock: StackLock | None, because: dict[str, str]
) -> ResolvedService:
    """The service with the digest and the driver of the lock file, whose entry for another image says nothing."""
    locked = lock.services.get(service.name) if lock else None
    if locked is None or locked.image != service.image:
        return service
    service = replace(service, locked_driver=locked.driver)
    if locked.digest is None or "@" in service.image:
        return service
    because["image"] = f"the stack file, and the digest of {LOCK_FILE}"
    image = f"{service.image}@{locked.digest}"
    return replace(service, image=image, locked_digest=locked.digest)


def _resolve_prefix_caching(size: _Size) -> bool:
    if size.config.prefix_caching is None:
        return size.release.defaults.prefix_caching
    return size.config.prefix_caching


def _secret_env(
    config: ServiceConfig, ciphertexts: Mapping[str, str]
) -> dict[str, NamespaceSecret]:
    """The variables whose values are in Secrets."""
    return {
        name: named(reference, ciphertexts)
        for name, reference in config.env.items()
        if isinstance(reference, NamespaceSecret | StackSecret)
    }


def _pull_secrets(
    config: ServiceConfig, ciphertexts: Mapping[str, str]
) -> list[NamespacePullSecret]:
    return [
        named_pull_secret(reference, ciphertexts) for reference in config.pull_secrets
    ]


def _variables_of(kind: type[V], config: ServiceConfig) -> dict[str, V]:
    """The variables whose values are of one kind."""
    return {
        name: value for name, value in config.env.items() if isinstance(value, kind)
    }


def _resolve_devices(
    config: ServiceConfig, npus: int, because: dict[str, str]
) -> list[int]:
    if config.visible_devices is not None:
        return config.visible_devices
    because["visibleDevices"] = "one index for each of npus"
    return list(range(npus))


def _resolve_server(server: Server, ciphertexts: Mapping[str, str]) -> ResolvedServer:
    api_key: NamespaceSecret | None = None
    if server.api_key:
        api_key = named(server.api_key, ciphertexts)
    return ResolvedServer.model_construct(
        server.model_fields_set,
        kind=server.kind,
        host=server.host,
        port=server.port,
        chat_template=server.chat_template,
        api_key=api_key,
        reasoning_parser=server.reasoning_parser,
        tool_call_parser=server.tool_call_parser,
        extra_args=server.extra_args,
    )


def _resolve_drain(size: _Size) -> int:
    if size.config.drain is not None:
        return size.config.drain
    kind = size.config.server.kind
    size.because["drain"] = f"default for {kind}"
    return size.release.default_drain(kind)


def _resolve_resources(size: _Size, cluster: Cluster) -> ResolvedResources:
    return resolve_resources(
        size.config.resources,
        size.engine,
        size.release,
        npus=size.npus,
        cluster=cluster,
        because=size.because,
    )
