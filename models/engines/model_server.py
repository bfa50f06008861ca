"""The part of a service that an engine release reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from models.catalog.facts import ModelFacts
from models.catalog.known import KnownModel
from models.engines.engine_args import ResolvedEngine
from models.engines.features import (
    MindSpeed,
    Multimodal,
    Precision,
    Quantization,
    ResolvedGraph,
    ResolvedLora,
    ResolvedPtaGraph,
    Speculative,
)
from models.engines.group import ResolvedGroup
from models.engines.kv_transfer import KvTransferEnd
from models.engines.server import ResolvedServer

if TYPE_CHECKING:
    from models.engines.release import Release


@dataclass(frozen=True)
class Origin:
    """A value and its source: a place in a file, `default`, or the settings from which it is derived."""

    value: Any
    source: str


class Weights(Protocol):
    """The model's weights."""

    @property
    def name(self) -> str:
        """Name of the model, such as `Qwen2-7B-Instruct`."""

    @property
    def path(self) -> str:
        """Their directory in the container."""


@dataclass(frozen=True, kw_only=True)
class ModelServer:
    """A model server: the model, the engine's arguments and the features, with every default filled in.

    A resolved service is one. An engine release reads nothing else of a service.
    """

    name: str
    """Name of the service."""
    release: Release
    """The engine release, which says what the rest means."""
    image: str
    """The image that the pods run, with the digest of the lock file if that has one."""
    model: Weights
    npus: int
    """NPUs of the pod."""
    visible_devices: Sequence[int]
    """Indices of the NPUs inside the container."""
    engine: ResolvedEngine
    server: ResolvedServer
    graph: ResolvedGraph
    precision: Precision
    mind_speed: MindSpeed
    prefix_caching: bool
    quantization: Quantization | None
    lora: ResolvedLora | None
    speculative: Speculative | None
    multimodal: Multimodal | None
    env: Mapping[str, str]
    """Further variables that the launch script sets; they do not contain secrets."""
    known: KnownModel | None
    """The model in the catalogue, or None if it is not there."""
    facts: ModelFacts | None
    """The model's architecture, or None if neither the catalogue nor the stack file has it."""

    kv_transfer: KvTransferEnd | None = None
    """The facts about the server with which it exchanges KV cache; None without such a pair."""

    nodes: int = 1
    """Pods of one server, each on a separate node."""
    group: ResolvedGroup | None = None
    """How the pods of one server start together; None if it is a single pod."""

    configured: frozenset[str] = field(default=frozenset(), compare=False)
    """The keys that the configuration sets, such as `engine.maxNumSeqs` and `prefixCaching`."""
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False)
    """Every value and where it comes from, by its key."""

    def further(self, flag: str) -> Any:
        """The value of a flag under `extraArgs`, or None if it is not set."""
        return extra_argument(
            {**self.engine.extra_args, **self.server.extra_args}, flag, self.release
        )

    @property
    def npus_of_server(self) -> int:
        """NPUs of all pods of one server."""
        return self.nodes * self.npus

    @property
    def local_copies(self) -> int:
        """Copies of the engine on each node."""
        return max(self.engine.data_parallel_size // self.nodes, 1)

    @property
    def model_names(self) -> list[str]:
        """The names that requests may use as `model`: the default first, LoRA adapters last."""
        names = self.engine.served_model_name or [self.model.path]
        if self.lora is None:
            return names
        return [*names, *self.lora.adapters]

    @property
    def pta_graph(self) -> ResolvedPtaGraph | None:
        """The PTA graphs of the service; None in another graph mode."""
        return self.graph if isinstance(self.graph, ResolvedPtaGraph) else None

    @property
    def tls(self) -> bool:
        """Whether the server accepts only encrypted connections."""
        return self.further("ssl-certfile") is not None


def extra_argument(extra_args: Mapping[str, Any], flag: str, release: Release) -> Any:
    """The value of a flag among `extraArgs`, in any spelling of its name; None if it is not set."""
    for name, value in extra_args.items():
        found = release.flag(name)
        if found and found.name == flag:
            return value
    return None
