"""The questions that every engine release answers. Nothing outside `models/engines` asks which version it is."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from models.catalog.facts import ModelFacts
from models.catalog.platforms import NodeMount
from models.engines.code_places import (
    CodePlaces,
    PinnedMemory,
    RemovedFlag,
    SwapSpace,
)
from models.engines.engine_args import EngineArgs, Version
from models.engines.flags import Flag, Limit, plain_name
from models.engines.group import MemberFlags, ResolvedGroup
from models.engines.kv_transfer import KvConnector
from models.engines.log_lines import KnownError, StartPhase
from models.engines.memory import MemoryUse
from models.engines.metrics import Metrics
from models.engines.model_server import ModelServer
from models.engines.pairing import Pairing
from models.engines.requests import Kind, RequestFields
from models.engines.rules import RequestRule, ServiceRule
from models.engines.variable_values import VariableValues


@dataclass(frozen=True)
class Exclusion:
    """Two features that a release cannot run together."""

    rule: str
    """Id of the rule that reports the pair."""
    one: str
    """The feature that a finding points at first."""
    other: str
    why: str


NameKind = Literal["key", "variable", "metric"]
"""The kind of a name that a release reads or reports: a key of `additionalConfig`, a variable or a metric."""


@dataclass(frozen=True)
class UnreadName:
    """A name of an earlier release that a release does not read or report."""

    kind: NameKind
    read_in: Sequence[str]
    """The releases that read it."""
    replacement: str | None
    """What replaces it: a name, several names, or an expression of metrics; None if nothing does."""


@dataclass(frozen=True)
class AbsentKey:
    """A key of the stack file that a release has no setting for."""

    why: str
    """The reason: where the setting went, or since which release it exists, with the source."""
    instead: str = ""
    """The edit that replaces the key, such as `remove mindSpeed`; empty if the key is removed."""
    moved_to: str = ""
    """The key that takes its value, such as `engine.extraArgs.kvCacheDtype`; empty if no key does."""
    moved_with: str = ""
    """A further edit that the moved value needs, such as `write server.extraArgs.enableAutoToolChoice: true`."""
    moved_values: Sequence[Any] | None = None
    """The values that can be moved; another one is removed. None: all values."""
    without: Any = None
    """The value with which the key says nothing that the release does not do, such as `false`."""


@dataclass(frozen=True)
class AcceptedValues:
    """The values of a key that a release accepts; another release accepts others."""

    values: Sequence[Any]
    why: str
    """The effect of another value, with the source."""
    edit: str = ""
    """The edit that replaces another value; empty if the key is removed."""


@dataclass(frozen=True)
class RequiredFile:
    """A file next to the weights without which a release does not start."""

    name: str
    where: str
    """File and line that read it."""


@dataclass(frozen=True)
class EngineDefaults:
    """Defaults of a release that the program has to know, because rules and the memory fit compute with them."""

    block_size: Literal[32, 64, 128]
    """Tokens in one block of the KV cache."""
    gpu_memory_utilization: float
    """Share of each NPU's memory, from 0 to 1."""
    prefix_caching: bool


@dataclass(frozen=True)
class ModelSupport:
    """The kinds of models that a release supports, each as `model_type` in a model's config.json."""

    architectures: frozenset[str]
    """Kinds that the release can load."""
    without_lora: frozenset[str]
    """Kinds that have no support for LoRA adapters."""
    without_pipeline: frozenset[str]
    """Kinds whose layers cannot be divided into stages."""
    remote_code: frozenset[str]
    """Kinds whose configuration or tokenizer is Python code in the directory of the weights."""


class Release(ABC):
    """An engine release: a version of vLLM for Ascend NPUs, with its plugin.

    A family of releases implements this class once (`ascend_vllm/`); `releases.py` lists the known releases.
    """

    # Flags and keys

    version: Version
    """The version, such as `0.6.3`. Used in messages and in the labels of objects."""

    flags: Mapping[str, Flag]
    """All flags of the engine and of its servers, by name. Used by the rules on flags and by `convert`."""

    limits: Sequence[Limit]
    """Limits on the values of flags. Used by the rule `flag-limit`."""

    owned_flags: Mapping[str, str]
    """Flags that a key of the stack file sets, with that key.

    Used by the rules on flags, by messages about unknown keys, and by `diff` and `convert` to explain a value."""

    owned_variables: Mapping[str, str]
    """Environment variables that a key of the stack file sets, with that key.

    Used by the rules on `env`, and by `diff` to explain a value."""

    variable_values: Mapping[str, VariableValues]
    """The values of environment variables that the engine does not read from any text.

    Used by the rules `variable-value` and `switch-word`."""

    removed_flags: Mapping[str, RemovedFlag]
    """Flags of other releases that this one does not have, by plain name. Used by the rule `unknown-flag`."""

    read_names: Mapping[NameKind, frozenset[str]]
    """The names that the release reads or reports, by kind; a kind is missing if they are not known.

    Used by `diff` between two releases."""

    unread_names: Mapping[str, UnreadName]
    """Names of earlier releases that this one does not read or report. Used by `diff` between two releases."""

    code_places: CodePlaces
    """Files and lines of the engine. Used by the reasons of findings."""

    def flag(self, text: str) -> Flag | None:
        """The flag of this name, or None. The name may begin with `--`; case, `-` and `_` do not count."""
        return self._by_plain_name.get(plain_name(text))

    @cached_property
    def _by_plain_name(self) -> dict[str, Flag]:
        return {plain_name(name): flag for name, flag in self.flags.items()}

    # Models and features

    model_support: ModelSupport
    """The kinds of models that the release supports. Used by the rules on architectures."""

    exclusions: Sequence[Exclusion]
    """Pairs of features that cannot be used together. The rules have one rule for each pair."""

    rules: Sequence[ServiceRule]
    """Rules about services that hold for this release. The registry lists them with the rules of every release."""

    absent_keys: Mapping[str, AbsentKey]
    """Keys of the stack file that the release has no setting for. Used by the rule `key-of-another-release`."""

    accepted_values: Mapping[str, AcceptedValues]
    """Keys of the stack file of which the release accepts only some values. Used by the rule
    `value-of-another-release`."""

    quantization_files: Mapping[str, RequiredFile]
    """The file that a method of quantization needs next to the weights. Used by the rule `quantization-file`."""

    quantized_weights: Mapping[str, str]
    """The methods of quantization that need quantized weights, with the file and line that end the start; empty if no
    file is known. Used by the rule `unquantized-weights`."""

    dequantized_models: Mapping[str, str]
    """The type of model whose quantized weights the release loads as bf16, by method. Used by the preflight."""

    defaults: EngineDefaults
    """The defaults of the engine. Used by resolve."""

    effective_defaults: Mapping[str, Any]
    """Defaults that the engine chooses for flags without one, by flag. Used by `diff` between two releases."""

    field_defaults: Mapping[str, Any]
    """Defaults of the fields of JSON flags, by flag and field, such as `eplb-config use_async`. Used by `migrate`."""

    @abstractmethod
    def default_batched_tokens(self, engine: EngineArgs) -> tuple[int, str]:
        """The default of `maxNumBatchedTokens` in tokens, and the reason in words. Used by resolve."""

    # Launch

    init_files: Sequence[str]
    """Files of the image that each script sources first; empty if the platform has one. Used by the launch."""

    modules: Mapping[str, str]
    """The Python module of each kind of server. Used by `convert` and `diff` to recognise a server's command."""

    graph_neutral_flags: frozenset[str]
    """Flags that do not change compiled graphs. Used by the key of the graph cache."""

    graph_neutral_variables: frozenset[str]
    """Variables that do not change compiled graphs. Used by the key of the graph cache."""

    @abstractmethod
    def variables_of_keys(self, server: ModelServer) -> Mapping[str, str]:
        """The variables that keys of the stack file set for this service, with the keys.

        A variable of a feature is among them while the feature is on. Used by the rule `variable-with-key`.
        """

    @abstractmethod
    def argv(self, server: ModelServer, chat_template: str | None) -> tuple[str, ...]:
        """The command that starts the server, as a list of words. Used by the launch.

        Args:
            server: The server.
            chat_template: Path of the chat template in the container, if the service has one.
        """

    kv_connectors: frozenset[KvConnector]
    """The connectors by which a server of this release exchanges KV cache. Used by the rule `kv-transfer-release`."""

    @abstractmethod
    def member_flags(self, server: ModelServer, group: ResolvedGroup) -> MemberFlags:
        """The flags by which the pods of one server find each other. Used by the launch of a group.

        Args:
            server: The server.
            group: Its group.
        """

    flags_of_groups: Sequence[str]
    """Flags that follow from `nodes`. Used by the rule `flag-of-group`."""

    @abstractmethod
    def environment(self, server: ModelServer) -> dict[str, str]:
        """The variables that follow from the keys of the stack file, without those under `env`. Used by the launch."""

    @abstractmethod
    def library_lines(self, tag: str, /) -> str:
        """Lines of the launch script for the libraries of the image with this tag; may be empty. Used by the launch."""

    @abstractmethod
    def listens_on(self, server: ModelServer, /) -> str | None:
        """The key of the address or file that the server listens on; None if it listens on every address anyway.

        Used by the rule `server-address`.
        """

    # Images

    image_tags: re.Pattern[str]
    """A pattern that is found in the tags of the release's images. Used where the stack file sets no version."""

    pairing: Pairing
    """CANN, PyTorch, Python and driver that belong to the release. Used by `lock` and by the rules on locks."""

    image_users: frozenset[int]
    """Numbers of the users that the images have a name for. Used by the rule `user-without-name`."""

    @abstractmethod
    def image_soc(self, tag: str, /) -> str | None:
        """The type of NPU that the image with this tag is built for, such as `a3`; None if that is not known.

        Used by the rule `image-soc`.
        """

    @abstractmethod
    def npu_types(self, tag: str, /) -> Sequence[str]:
        """The types of NPU that the image with this tag can run on. Used by the rule `does-not-fit`."""

    @abstractmethod
    def image_for(self, tag: str, soc: str, /) -> str | None:
        """The tag of the same image for another type of NPU, or None if there is none. Used by the rule `image-soc`."""

    @abstractmethod
    def own_tag(self, tag: str, /) -> str | None:
        """The release's tag with the suffixes of another tag, such as `v0.23.0-a3` for `main-a3`; None if not known.

        Used by the rules on tags.
        """

    # The node

    node_mounts: Mapping[str, NodeMount]
    """Paths of the node that the images need, by their key under `cluster.platform`. Of a path that the platform has,
    only the place in the container is that of the release. Used by resolve."""

    # Memory

    swap_space: SwapSpace
    """The memory of the node that the engine reserves. Used by the rule `swap-space`."""

    pinned_memory: PinnedMemory
    """The memory of the pod that the engine reserves at start. Used by the rule `memory-below-pinned`."""

    @abstractmethod
    def pinned_bytes(self, extra_args: Mapping[str, Any], npus: int, /) -> int:
        """How many bytes of the pod's memory the engine reserves at start. Used by resolve and the rule.

        Args:
            extra_args: The flags under `extraArgs`.
            npus: The NPUs that the engine uses.
        """

    has_published_lengths: bool
    """Whether the lengths that Huawei publishes were measured with it. Used by the rule `length-above-published`."""

    @abstractmethod
    def rope_scaling(self, extra_args: Mapping[str, Any], /) -> Any:
        """The scaling of positions that flags under `extraArgs` set, or None. Used by the facts of the model."""

    @abstractmethod
    def memory_use(self, server: ModelServer, facts: ModelFacts) -> MemoryUse:
        """The memory that weights and KV cache take on each NPU. Used by the fit of a service."""

    # Health, metrics and drain

    health_path: str
    """Path that answers 200 while the engine works. Used by the probes, the smoke test and `request`."""

    metrics: Metrics
    """The metrics that the server reports. Used by the PodMonitor and the alerts."""

    metric_names: Mapping[str, str]
    """Names of metrics by their use, such as `kv_cache_usage`. Used by `diff` between two releases."""

    @abstractmethod
    def default_drain(self, server_kind: str) -> int:
        """Seconds that a pod waits for its requests if the stack file does not set `drain`. Used by resolve."""

    @abstractmethod
    def counts_requests(self, server: ModelServer) -> bool:
        """Whether the drain can read how many requests are unfinished. If not, it waits for the whole time."""

    @abstractmethod
    def shutdown_seconds(self, server: ModelServer) -> int:
        """Seconds after SIGTERM in which the server itself still answers its requests; 0 if it drops them.

        Used by the grace period of the pod.
        """

    # Requests

    request_fields: Mapping[Kind, RequestFields]
    """The fields that the server accepts, by the kind of request. Used by `request`."""

    request_sources: Mapping[str, str]
    """The line of vLLM that refuses a request, by the id of a rule that every release has. Used by `request`."""

    request_limits: Mapping[str, str]
    """The limits on fields of requests in words. Used by `diff` between two releases."""

    request_rules: Sequence[RequestRule]
    """Rules on requests that hold for this release. Used by `request`, before it sends anything."""

    @abstractmethod
    def single_answer_key(self, server: ModelServer, /) -> str | None:
        """The key because of which a request can have only one answer, or None. Used by the smoke test."""

    # Log lines

    known_errors: Sequence[KnownError]
    """Errors in the log of a failed start, the most specific first. Used by the diagnosis of `status` and `up`."""

    start_phases: Sequence[StartPhase]
    """Log lines for the phases of a start, the last phase first. Used by the diagnosis of `status` and `up`."""
