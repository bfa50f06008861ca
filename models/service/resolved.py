"""A stack with every default filled in: what its objects are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.catalog.platforms import Platform
from models.engines.model_server import ModelServer
from models.finding import Finding, Path, Span
from models.secret_reference import NamespaceSecret
from models.service.model import ResolvedModel
from models.service.secrets import MadeSecret
from models.stack_file.checksums import Checksums
from models.stack_file.keys.cluster import (
    DEFAULT_KUBERNETES,
    NamespaceConfig,
    Pool,
    minor_of,
)
from models.stack_file.keys.comparison import Compare
from models.stack_file.keys.environment import PathAddition, PodField
from models.stack_file.keys.exposure import Expose, Network
from models.stack_file.keys.kv_transfer import KvRouter, KvTransfer
from models.stack_file.keys.locked import StackLock
from models.stack_file.keys.monitoring import Monitoring
from models.stack_file.keys.operation import (
    DisruptionBudget,
    Queue,
    ResolvedResources,
    ResolvedRollingUpdate,
    ResolvedRollout,
)
from models.stack_file.keys.pod_template import PodTemplate
from models.stack_file.keys.pull_secret import NamespacePullSecret
from models.stack_file.keys.update import Update
from models.stack_file.parse import LoadedStack

POD_INTERFACE = "eth0"
"""The interface of a pod with its own network. Container runtimes use this name (containerd, internal/cri)."""

SETTLE = 5
"""Seconds after which no node sends new requests to a pod that ends."""

KV_READERS = 30
"""Seconds that a server for prefill keeps its KV cache after its last request, for servers that have yet to read it."""


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
    interface: str = POD_INTERFACE
    """Network interface over which the pods of a group connect."""
    host_network: bool = False
    """Whether the pods of groups use the network of their node."""
    is_interface_set: bool = False
    """Whether the stack file names the interface."""
    kubernetes: int = minor_of(DEFAULT_KUBERNETES)
    """The minor release of Kubernetes: 34 for 1.34."""


@dataclass(frozen=True, kw_only=True)
class ResolvedService(ModelServer):
    """A service with nothing left open: all that its objects are made of."""

    cluster: Cluster
    model: ResolvedModel
    replicas: int
    """Pods, or groups of pods if a server has several nodes."""
    startup: int
    """Longest time from the start of a container until it answers, in seconds."""
    drain: int
    """Longest wait for running requests when a pod ends, in seconds."""
    rollout: ResolvedRollout
    run_as_user: int
    read_only_root_filesystem: bool
    resources: ResolvedResources
    min_member: int
    queue: str | None
    priority_class: str | None
    preflight: bool
    """Whether an init container compares the node and the weights with the service."""
    smoke: bool
    compare: Compare
    """When `ascend-vllm compare` promotes another server in place of the service."""
    update: Update
    """How `ascend-vllm upgrade` replaces the launch."""
    answered_by: str | None
    """Another service whose pods answer the requests to this one; None if its own pods do."""
    expose: Expose
    network: Network | None
    disruption_budget: DisruptionBudget | None
    monitoring: Monitoring | None
    pod_template: PodTemplate | None
    pull_secrets: Sequence[NamespacePullSecret]
    accept: Mapping[str, str]
    router: KvRouter = "none"
    """The router that sends requests to the pair of the service; `none` without a pair."""
    locked_digest: str | None = None
    """The digest that the lock file adds to the image."""
    locked_driver: str | None = None
    """The oldest driver of a node that the lock file names."""
    checksums: Checksums | None = None
    """The checksums that the weights are fetched or verified by."""
    priority: int = 1
    """Weight of a second in which the service does not answer, when `plan` orders the steps of an update."""
    external: bool = False
    """Whether an autoscaler sets the number of pods; `replicas` is then the number for plans."""
    secret_env: Mapping[str, NamespaceSecret] = field(default_factory=dict)
    """Further variables whose values are in Secrets."""
    field_env: Mapping[str, PodField] = field(default_factory=dict)
    """Further variables whose values are fields of the pod."""
    path_env: Mapping[str, PathAddition] = field(default_factory=dict)
    """Variables of the image to which the launch script adds paths."""
    room: int | None = None
    """Pods, or groups, more than `replicas` that are sure to find their NPUs in an update; None without pools."""
    missing_facts: Sequence[str] = ()
    """The keys that are missing for complete facts."""
    answering: ResolvedService | None = None
    """The service of `answered_by`; None if the stack does not have it."""

    @property
    def configured_env(
        self,
    ) -> dict[str, str | NamespaceSecret | PodField | PathAddition]:
        """Every variable under `env` with its value or where it comes from, by name."""
        variables: dict[str, str | NamespaceSecret | PodField | PathAddition] = {}
        for kind in (self.env, self.secret_env, self.field_env, self.path_env):
            variables.update(kind)
        return {name: variables[name] for name in sorted(variables)}

    @property
    def surge(self) -> int:
        """Additional pods during an update; 0 when old pods are deleted first."""
        return (
            self.rollout.max_surge
            if isinstance(self.rollout, ResolvedRollingUpdate)
            else 0
        )

    @property
    def is_rollout_set(self) -> bool:
        """Whether the stack file sets how the service is updated."""
        return any(key.partition(".")[0] == "rollout" for key in self.configured)

    @property
    def pods(self) -> int:
        """Pods of all replicas."""
        return self.replicas * self.nodes

    @property
    def workload(self) -> str:
        """Name of the object that creates the pods."""
        return self.name if self.group is None else group_workload(self.name)

    @property
    def in_queue(self) -> str:
        """Volcano's queue that the pods wait in."""
        return self.queue or "default"

    @property
    def keeps_kv_cache(self) -> bool:
        """Whether other servers read the KV cache of a request after its answer."""
        return self.kv_transfer is not None and self.kv_transfer.role == "prefill"

    @property
    def endpoint(self) -> str:
        """Address of the service inside the cluster."""
        return f"{'https' if self.tls else 'http'}://{self.name}.{self.cluster.namespace.name}.svc:{self.server.port}"


@dataclass(frozen=True)
class ResolvedStack:
    """A stack with every default filled in, and the findings of this step."""

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
    accept: Mapping[str, str] = field(default_factory=dict)
    """The reasons for waived warnings about the stack as a whole, by rule."""
    kv_transfer: KvTransfer | None = None
    """Two services as one, as the stack file has them; None without such a pair."""
    lock: StackLock | None = None
    """The lock of the stack; None if the lock file has no entry for it."""
    loaded: LoadedStack | None = None
    """The stack as its files have it; None if a program made the services."""

    @property
    def pair(self) -> list[ResolvedService]:
        """The services for prefill and for decode, if the stack has such a pair; else none."""
        paired = [service for service in self.services if service.kv_transfer]
        return sorted(paired, key=_prefill_first)

    def service(self, name: str) -> ResolvedService | None:
        """The service of this name, or None."""
        return next(
            (service for service in self.services if service.name == name), None
        )


def group_workload(service: str) -> str:
    """Name of the object that creates the groups of a service."""
    return f"{service}-group"


def _prefill_first(service: ResolvedService) -> bool:
    return service.kv_transfer is not None and service.kv_transfer.role == "decode"
