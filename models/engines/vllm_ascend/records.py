"""The facts of a release as records: its flags, its server, its plugin, and the settings that it does not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from models.engines.flags import Flag, Limit
from models.engines.json_fields import JsonConfigs
from models.engines.model_types import ModelTypes
from models.engines.variable_values import VariableValues


@dataclass(frozen=True)
class ServerPath:
    """A path that the server answers."""

    methods: tuple[str, ...]
    where: str
    only_with: str | None = None
    """The variable without which the server does not have the path."""


@dataclass(frozen=True)
class Metric:
    """A metric that the server reports."""

    kind: Literal["gauge", "counter", "histogram"]
    where: str


@dataclass(frozen=True)
class ServerTable:
    """The answers of the HTTP server of a release. Source: the release's vLLM."""

    port: int
    health_path: str
    shutdown_flag: str
    """The flag for the seconds that the server may finish requests after SIGTERM."""
    metrics_path: str
    metric_names: Mapping[str, str]
    """Names of metrics by their use, such as `kv_cache_usage`."""
    metrics: Mapping[str, Metric]
    """All metrics. A histogram is reported with `_bucket`, `_sum` and `_count`."""
    unknown_fields_where: str
    """File and line because of which the server ignores unknown fields of a request."""
    request_fields: Mapping[str, frozenset[str]]
    """The fields of a request, for `chat` and `complete`."""
    request_types: Mapping[str, Mapping[str, str]]
    """The types of those fields that have a type of Python, such as `int | None`."""
    paths: Mapping[str, ServerPath]
    tool_call_parsers: tuple[str, ...]
    reasoning_parsers: tuple[str, ...]
    lora_ranks: tuple[int, ...]
    """The accepted values of `--max-lora-rank`."""


@dataclass(frozen=True)
class FlagTable:
    """The command line of vLLM in a release. Source: the release's own parser."""

    release: str
    source: str
    entry: Mapping[str, str]
    """The command of each kind of server."""
    modules: Mapping[str, str]
    deprecated_modules: frozenset[str]
    effective_defaults: Mapping[str, Any]
    """Defaults that the engine chooses for flags without a default."""
    flags: Mapping[str, Flag]
    limits: tuple[Limit, ...]
    """The ranges of numbers that the engine checks after its parser."""
    json_configs: JsonConfigs
    """The fields of JSON flags."""
    attention_backends: tuple[str, ...]
    """The names of attention backends."""
    looked_up_names: Mapping[str, tuple[str, ...]]
    """The names that vLLM looks up for a flag whose parser accepts any text, by the flag."""
    kv_connectors: tuple[str, ...]
    """The connectors of the KV cache that vLLM has itself, without those of the plugin."""
    model_types: ModelTypes
    """The types of models that vLLM and the plugin load."""
    variables: frozenset[str]
    """The variables that vLLM declares. It warns of other names that begin with VLLM_ (vllm/envs.py)."""
    variable_values: Mapping[str, VariableValues]
    """The values of variables that vLLM does not read from any text. It reads all at start (vllm/v1/engine/core.py)."""
    server: ServerTable


@dataclass(frozen=True)
class AdditionalKey:
    """A key of `--additional-config`."""

    type: Literal[
        "bool", "int", "float", "text", "mapping", "list of int", "list of text"
    ]
    default: Any
    choices: tuple[str | int, ...] = ()
    """The values that have a meaning; empty for any value of the type."""
    variable: str | None = None
    """The variable that the plugin reads if the key is not set."""
    meaning: str = ""
    read: tuple[str, ...] = ()
    """Files and lines that read the key."""
    unknown_key: Literal["ignored", "refused"] = "ignored"
    """The reaction of the plugin to an unknown key in the mapping."""
    keys: Mapping[str, AdditionalKey] | None = None
    """The keys of the mapping; None if it is not a mapping, or has any keys."""


@dataclass(frozen=True)
class PluginVariable:
    """An environment variable that the plugin reads."""

    default: str | None
    meaning: str
    read: tuple[str, ...]
    """Files and lines that read it. Empty if it is declared only: then it has no effect."""
    replaced_by: str | None = None
    """The key of `--additional-config` that replaces the variable, and that wins if both are set."""


@dataclass(frozen=True)
class Refusal:
    """A condition under which the plugin ends the start."""

    id: str
    """A name that is the same in all releases."""
    when: str
    where: str
    exception: str
    shown_by: str
    """Variables and flags with which the plugin's own code refused the start."""


@dataclass(frozen=True)
class Reset:
    """A value that the plugin replaces."""

    parameter: str
    """The parameter: `block_size`, `compilation_config.mode`, or the name of a variable."""
    when: str
    becomes: str
    logged: Literal["warning", "info", "nothing"]
    """The line that the plugin logs."""
    where: str
    run: bool
    """Whether the plugin's own code was run for this; if not, it was read."""


@dataclass(frozen=True)
class Graphs:
    """How the plugin captures graphs."""

    default: str
    modes: tuple[str, ...]
    """The accepted values of `cudagraph_mode`."""
    largest: str
    """The largest batch that is captured, in words."""
    sizes: str
    """The batch sizes that are captured, in words."""
    where: str
    needs: str | None = None
    """The driver and the CANN that the default mode needs."""


@dataclass(frozen=True)
class BlockSize:
    """The size of a block of the KV cache, in tokens."""

    default: int
    rule: str
    exceptions: tuple[str, ...]
    where: str


@dataclass(frozen=True)
class PluginTable:
    """The settings that the plugin of a release reads, refuses and resets. Source: its wheel, read and run."""

    release: str
    source: str
    unknown_key: Literal["ignored", "refused"]
    """The reaction of the plugin to an unknown key of `--additional-config`."""
    additional_config: Mapping[str, AdditionalKey]
    variables: Mapping[str, PluginVariable]
    variable_values: Mapping[str, VariableValues]
    """The values of variables that the plugin does not read from any text."""
    quantization_methods: tuple[str, ...]
    """The accepted values of `--quantization`; the engine refuses others after its parser accepted them."""
    quantization_where: str
    refusals: Mapping[str, Refusal]
    """By id."""
    resets: Mapping[str, Reset]
    """By parameter."""
    block_size: BlockSize
    graphs: Graphs
    speculative_methods: tuple[str, ...]
    speculative_where: str
    kv_connectors: tuple[str, ...]
    device_types: tuple[str, ...]
    """The device types that the plugin can be built for. A build runs on one of them only."""


@dataclass(frozen=True)
class DeadSetting:
    """A setting that some release reads and a later one does not. Source: a comparison of the releases."""

    name: str
    kind: Literal["flag", "variable", "key", "metric"]
    """`key` is a key of `--additional-config`."""
    read_in: tuple[str, ...]
    """Releases that read it; empty if no final release ever did."""
    first_dead: str
    """The first release that does not read it."""
    effect: Literal["refused", "warned", "ignored", "absent"]
    """The reaction of the release: it ends the start, warns, ignores it, or (for a metric) does not report it."""
    aborts_from: str | None
    """The first release that does not start with the setting, or None."""
    nearest: str | None
    """The setting that replaces it, or None."""
    nearest_by_release: Mapping[str, str]
    """Releases in which another setting is the nearest."""
    not_needed: str | None = None
    """Why no replacement is needed."""
    inferred: bool = False
    """Whether `aborts_from` was concluded from the plugin's repository, because its wheel is not published."""
    not_known_in: tuple[str, ...] = ()
    """Releases whose vLLM does not read the setting, and whose plugin is not known."""
    documented: bool = False
    """Whether pages of vllm-ascend itself still set it."""
    note: str | None = None

    def nearest_in(self, release: str) -> str | None:
        """The setting that replaces this one in a release, or None."""
        return self.nearest_by_release.get(release, self.nearest)

    def stops_start_of(self, release: str) -> bool:
        """Whether a release does not start with the setting."""
        return self.aborts_from is not None and not is_older(release, self.aborts_from)


def is_older(release: str, other: str) -> bool:
    """Whether a release comes before another one."""
    return _numbers(release) < _numbers(other)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))
