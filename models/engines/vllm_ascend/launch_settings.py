"""The settings of a launch under the names of vLLM and of its plugin, each with its place in the stack file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.argv import compilation_config
from models.engines.vllm_ascend.json_names import camel_case, own_name, plugin_names
from models.engines.vllm_ascend.kv_transfer import kv_transfer_config
from models.engines.vllm_ascend.records import AdditionalKey, PluginTable
from models.engines.vllm_ascend.tables import flag_table
from models.finding import Mark, at

_ADDITIONAL = "engine.additionalConfig"
_COMPILATION = "engine.compilationConfig"
_WHOLE_NUMBER = re.compile(r"-?\d+")

_WITHOUT_GRAPHS = (1, 2, "STOCK_TORCH_COMPILE", "DYNAMO_TRACE_ONCE")
"""Compilation modes of vLLM that the plugin replaces by one without graphs. Lower case is the same."""

SPARSE_MODELS = ("deepseek_v32", "glm_moe_dsa")
"""Model types with sparse attention: their config.json has `index_topk`."""


@dataclass(frozen=True)
class Setting:
    """A setting that the stack file contains."""

    value: Any
    key: str
    """The path in the service: `engine.additionalConfig.enableFlashcomm1`, `env.ASCEND_LAUNCH_BLOCKING`."""
    mark: Mark

    @property
    def name(self) -> str:
        """The path without `engine.` or `env.`, as messages show it."""
        return self.key.removeprefix("engine.").removeprefix("env.")

    @property
    def removal(self) -> str:
        """The edit that removes the setting."""
        return f"remove {self.key}"

    @property
    def is_on(self) -> bool:
        """Whether the value turns the setting on: a switch that is true, or a number above zero."""
        return isinstance(self.value, int | float) and self.value > 0

    @property
    def number(self) -> float:
        """The value, or 0 if it is no number."""
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            return self.value
        return 0


@dataclass(frozen=True)
class LaunchSettings:
    """The settings of a server. A setting that the stack file does not contain is None."""

    server: ModelServer
    plugin: PluginTable

    def key(self, *path: str) -> Setting | None:
        """A key of `--additional-config`, such as `key("eplb_config", "dynamic_eplb")`."""
        return find_setting(_ADDITIONAL, self.server.engine.additional_config, path)

    def variable(self, name: str) -> Setting | None:
        """A variable under `env`; a text of digits is a number."""
        text = self.server.env.get(name)
        if text is None:
            return None
        value: Any = text
        if _WHOLE_NUMBER.fullmatch(text.strip()):
            value = int(text)
        return Setting(value, f"env.{name}", at("env", key=name))

    def key_or_variable(self, key: str, variable: str) -> Setting | None:
        """A key of `--additional-config` that this release reads, or the variable that does the same."""
        found = self.key(key) if key in self.plugin.additional_config else None
        return found or self.variable(variable)

    def flag(self, name: str) -> Setting | None:
        """A flag under `extraArgs`."""
        value = self.server.further(name)
        if value is None:
            return None
        key = extra_argument_key(self.server, name)
        return Setting(value, key, extra_argument_mark(self.server, name))

    def field(self, flag: str, name: str) -> Setting | None:
        """A field of a JSON flag: one under `extraArgs`, or `--compilation-config`."""
        if flag == "compilation-config":
            config = self.server.engine.compilation_config
            return find_setting(_COMPILATION, config, (name,))
        outer = self.flag(flag)
        if outer is None or not isinstance(outer.value, dict):
            return None
        if name not in outer.value:
            return None
        mark = at(".".join(outer.mark.path), key=name)
        return Setting(outer.value[name], f"{outer.key}.{name}", mark)

    @cached_property
    def additional_config(self) -> Mapping[str, Any]:
        """The value of `--additional-config`, with the plugin's own names."""
        release = self.server.release.version
        return plugin_names(release, self.server.engine.additional_config)

    @cached_property
    def kv_transfer(self) -> Mapping[str, Any]:
        """The value of `--kv-transfer-config`; empty if the server transfers no KV cache."""
        if self.server.kv_transfer:
            return kv_transfer_config(self.server.kv_transfer)
        value = self.server.further("kv-transfer-config")
        return value if isinstance(value, dict) else {}

    @property
    def kv_role(self) -> str | None:
        """`kv_producer`, `kv_consumer` or `kv_both`; None if the server transfers no KV cache."""
        role = self.kv_transfer.get("kv_role")
        return role if isinstance(role, str) else None

    @property
    def is_consumer(self) -> bool:
        """Whether the server reads KV cache of other servers (vllm/config/kv_transfer.py)."""
        return self.kv_role in ("kv_consumer", "kv_both")

    @property
    def is_producer(self) -> bool:
        """Whether the server writes KV cache for other servers (vllm/config/kv_transfer.py)."""
        return self.kv_role in ("kv_producer", "kv_both")

    @property
    def is_mla(self) -> bool | None:
        """Whether the model has multi-head latent attention; None if its architecture is not known."""
        facts = self.server.facts
        return None if facts is None else facts.kv_lora_rank is not None

    @property
    def has_indexer(self) -> bool | None:
        """Whether config.json has `index_topk`; None if the architecture is not known."""
        facts = self.server.facts
        if facts is None:
            return None
        return facts.index_topk is not None or facts.model_type in SPARSE_MODELS

    @property
    def is_sparse(self) -> bool | None:
        """Whether the model has the plugin's sparse attention; None if its architecture is not known.

        Models with compressed caches have an indexer, but another attention (vllm_ascend/utils.py).
        """
        facts = self.server.facts
        if facts is None:
            return None
        return self.has_indexer and not facts.compress_ratios

    @property
    def is_moe(self) -> bool | None:
        """Whether the model has experts; None if its architecture is not known."""
        facts = self.server.facts
        return None if facts is None else facts.moe

    def parallel_size(self, flag: str) -> int:
        """A size such as `--decode-context-parallel-size`; 1 if it is not set."""
        value = self.server.further(flag)
        return value if type(value) is int else 1

    @property
    def prefix_caching(self) -> bool:
        """Whether the server reuses the KV cache of equal prefixes."""
        return self.server.prefix_caching

    @property
    def chunked_prefill(self) -> bool:
        """Whether the server cuts long prompts into pieces."""
        value = self.server.engine.enable_chunked_prefill
        if value is not None:
            return value
        table = flag_table(self.server.release.version)
        default: bool = table.effective_defaults["enable-chunked-prefill"]
        return default

    @property
    def capture_sizes(self) -> Setting | None:
        """The batch sizes with a graph that the stack file lists, under `graph` or `engine.compilationConfig`."""
        sizes = getattr(self.server.graph, "capture_sizes", None)
        if sizes:
            return Setting(sizes, "graph.captureSizes", at("graph.captureSizes"))
        setting = self.field("compilation-config", "cudagraph_capture_sizes")
        if setting is None or not isinstance(setting.value, list):
            return None
        return setting

    @property
    def graph_mode(self) -> str | None:
        """The graph mode that the plugin gets from the stack file or from its default; None if it is not certain."""
        if self.server.graph.kind == "eager":
            return "NONE"
        config = compilation_config(self.server)
        if is_replaced_mode(config.get("mode")):
            return "NONE"
        if "cudagraph_mode" in config:
            return str(config["cudagraph_mode"]).upper()
        xlite = self.key("xlite_graph_config", "enabled")
        if "mode" in config or xlite or self.flag("optimization-level"):
            return None
        return self.plugin.graphs.default


def is_replaced_mode(mode: object) -> bool:
    """Whether the plugin replaces a compilation mode by one without graphs."""
    name = mode.upper() if isinstance(mode, str) else mode
    return name in _WITHOUT_GRAPHS


def find_setting(
    field: str, config: Mapping[str, Any], path: tuple[str, ...]
) -> Setting | None:
    """A key of a mapping of the stack file in any spelling; None if it is not there.

    Args:
        field: The field of the service that contains the mapping.
        config: The mapping, with the names of the stack file.
        path: The own names of the key and of those around it, the outermost first.
    """
    name, *inner = path
    key = _written_key(config, name)
    if key is None:
        return None
    place = f"{field}.{key}"
    value = config[key]
    if not inner:
        return Setting(value, place, at(field, key=key))
    if isinstance(value, dict):
        return find_setting(place, value, tuple(inner))
    return None


def _written_key(config: Mapping[str, Any], name: str) -> str | None:
    """The key of a mapping that stands for an own name; None if there is none."""
    if not config:
        return None
    for key in (name, camel_case(name)):
        if key in config:
            return key
    for key in config:
        if own_name(key, (name,)) == name:
            return key
    return None


def known_key(
    keys: Mapping[str, AdditionalKey], path: tuple[str, ...]
) -> AdditionalKey | None:
    """The entry of a key of `--additional-config`, or None if the plugin does not read it."""
    name, *inner = path
    entry = keys.get(name)
    if entry is None or not inner:
        return entry
    return known_key(entry.keys or {}, tuple(inner))
