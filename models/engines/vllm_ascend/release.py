"""A release of vllm-ascend: its answers to the questions of `Release`, from the tables of its parser and plugin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.catalog.facts import ModelFacts
from models.engines.code_places import SwapSpace
from models.engines.drain import counts_requests, default_drain
from models.engines.engine_args import EngineArgs, Version
from models.engines.flags import Flag
from models.engines.group import MemberFlags, ResolvedGroup
from models.engines.kv_transfer import KvConnector
from models.engines.memory import GIB, MemoryUse
from models.engines.metrics import Metrics
from models.engines.model_server import ModelServer, extra_argument
from models.engines.release import (
    EngineDefaults,
    ModelSupport,
    Release,
    RequiredFile,
)
from models.engines.variable_values import VariableValues
from models.engines.vllm_ascend.absent_keys import ABSENT_KEYS
from models.engines.vllm_ascend.accepted_values import accepted_values
from models.engines.vllm_ascend.argv import argv
from models.engines.vllm_ascend.code_places import code_places, pinned_memory
from models.engines.vllm_ascend.drain import HEALTH_PATH, shutdown_seconds
from models.engines.vllm_ascend.environment import (
    INIT_FILES,
    environment,
    library_lines,
)
from models.engines.vllm_ascend.field_defaults import field_defaults
from models.engines.vllm_ascend.group_flags import FLAGS_OF_GROUPS, member_flags
from models.engines.vllm_ascend.known_errors import KNOWN_ERRORS
from models.engines.vllm_ascend.kv_transfer import CONNECTORS
from models.engines.vllm_ascend.memory import memory_use
from models.engines.vllm_ascend.node_mounts import NODE_MOUNTS
from models.engines.vllm_ascend.owned_keys import (
    OWNED_FLAGS,
    OWNED_VARIABLES,
    variables_of_keys,
)
from models.engines.vllm_ascend.platforms import (
    image_soc,
    library_paths,
    npu_types,
    own_tag,
    pairing,
    tag_for,
)
from models.engines.vllm_ascend.read_names import read_names, unread_names
from models.engines.vllm_ascend.removed_flags import removed_flags
from models.engines.vllm_ascend.request_limits import (
    limits_in_words,
    request_limits,
)
from models.engines.vllm_ascend.request_rules import REQUEST_RULES
from models.engines.vllm_ascend.requests import request_fields
from models.engines.vllm_ascend.rules import RULES
from models.engines.vllm_ascend.rules.quantized_weights import LOADED_AS_BF16
from models.engines.vllm_ascend.start_phases import START_PHASES
from models.engines.vllm_ascend.tables import FlagTable, flag_table, plugin_table

_CANDIDATE = r"[-_+](rc|alpha|beta|pre|post)[.\d]*\b"
"""What follows the number in a tag of another build: a candidate or a later patch."""

_DESCRIPTION = "quantization-description"
"""The refusal of weights without the description of their quantized layers."""


def _with_our_servers(flag: Flag) -> Flag:
    """A flag with the kinds of servers of the stack file. The kind `openai` is started by `vllm serve`."""
    servers = tuple(server for server in flag.servers if server == "api_server")
    if "serve" in flag.servers:
        servers = ("openai", *servers)
    return replace(flag, servers=servers)


def _kv_connectors(version: Version) -> frozenset[KvConnector]:
    """The connectors of the plugin; nothing is known of an unknown plugin."""
    plugin = plugin_table(version)
    if plugin is None:
        return frozenset()
    known = [key for key, name in CONNECTORS.items() if name in plugin.kv_connectors]
    return frozenset(known)


def _effective_defaults(version: Version, table: FlagTable) -> dict[str, Any]:
    """The defaults that vLLM and the plugin choose."""
    defaults = dict(table.effective_defaults)
    plugin = plugin_table(version)
    if plugin:
        defaults["cudagraph_mode"] = plugin.graphs.default
    return defaults


def _quantization_files(version: Version) -> dict[str, RequiredFile]:
    """The description of the quantized layers, which msModelSlim writes; nothing is known of an unknown plugin."""
    plugin = plugin_table(version)
    if plugin is None or _DESCRIPTION not in plugin.refusals:
        return {}
    where = plugin.refusals[_DESCRIPTION].where
    return {"ascend": RequiredFile("quant_model_description.json", where)}


def _variable_values(
    version: Version, table: FlagTable
) -> Mapping[str, VariableValues]:
    """The values of the variables that vLLM declares, all of which it reads, and of those that the plugin reads."""
    plugin = plugin_table(version)
    if plugin is None:
        return table.variable_values
    values = {}
    for name, of_plugin in plugin.variable_values.items():
        declared = plugin.variables.get(name)
        if declared and declared.read:
            values[name] = of_plugin
    return {**values, **table.variable_values}


class VllmAscend(Release):
    """A release of vllm-ascend, the open plugin of vLLM for Ascend NPUs."""

    owned_variables = OWNED_VARIABLES
    flags_of_groups = FLAGS_OF_GROUPS
    absent_keys = ABSENT_KEYS
    init_files = INIT_FILES
    health_path = HEALTH_PATH
    swap_space = SwapSpace(default=0, most=1, where="")
    has_published_lengths = False
    image_users = frozenset({0})
    node_mounts = NODE_MOUNTS
    dequantized_models = LOADED_AS_BF16
    exclusions = ()
    rules = RULES
    request_rules = REQUEST_RULES
    known_errors = KNOWN_ERRORS
    start_phases = START_PHASES
    graph_neutral_flags = frozenset[str]()
    graph_neutral_variables = frozenset[str]()

    def __init__(self, version: Version) -> None:
        table = flag_table(version)
        metrics = table.server.metric_names
        self.version = version
        self.limits = table.limits
        self.code_places = code_places(version)
        self.pinned_memory = pinned_memory(version)
        self.removed_flags = removed_flags(version)
        self.variable_values = _variable_values(version, table)
        self.flags = {
            name: _with_our_servers(flag) for name, flag in table.flags.items()
        }
        self.owned_flags = {
            flag: key for flag, key in OWNED_FLAGS.items() if flag in table.flags
        }
        self.kv_connectors = _kv_connectors(version)
        self.accepted_values = accepted_values(version)
        self.quantization_files = _quantization_files(version)
        self.quantized_weights = {
            "compressed-tensors": self.code_places.quantization_config,
            **{name: file.where for name, file in self.quantization_files.items()},
        }
        self.defaults = EngineDefaults(
            block_size=128,
            gpu_memory_utilization=table.flags["gpu-memory-utilization"].default,
            prefix_caching=table.effective_defaults["enable-prefix-caching"],
        )
        self.effective_defaults = _effective_defaults(version, table)
        self.field_defaults = field_defaults(table)
        self.metric_names = metrics
        self.read_names = read_names(version)
        self.unread_names = unread_names(version)
        self.default_tokens: int = table.effective_defaults["max-num-batched-tokens"]
        self.model_support = ModelSupport(
            architectures=frozenset(),
            without_lora=frozenset(),
            without_pipeline=frozenset(),
            remote_code=frozenset(),
        )
        self.modules = {
            kind: module for kind, module in table.modules.items() if kind != "serve"
        }
        self.metrics = Metrics(
            path=table.server.metrics_path,
            kv_cache_usage=metrics["kv_cache_usage"],
            waiting_requests=metrics["waiting"],
            unfinished_requests=(metrics["running"], metrics["waiting"]),
        )
        self.request_fields = request_fields(version, table.server)
        self.request_sources = request_limits(version).sources
        self.request_limits = limits_in_words(version)
        self.pairing = pairing(version)
        number = re.escape(version)
        self.image_tags = re.compile(
            rf"(?<![\w.])(vllm[-_]?)?v?{number}(?![\w.])(?!{_CANDIDATE})",
            re.IGNORECASE,
        )

    def default_batched_tokens(self, engine: EngineArgs) -> tuple[int, str]:
        """2048, and the whole longest request without chunked prefill (vllm/engine/arg_utils.py).

        NPUs of any size have the default of small GPUs: the plugin does not report their memory to vLLM
        (vllm_ascend/platform.py, get_device_total_memory). Unlike 0.6.3, vLLM does not raise it to `maxNumSeqs`.
        """
        tokens = self.default_tokens
        mode = extra_argument(engine.extra_args, "performance-mode", self)
        if mode == "throughput":
            tokens *= 2
        if engine.enable_chunked_prefill is False:
            tokens = max(tokens, engine.max_model_len)
            return tokens, "the longest request, without chunked prefill"
        return tokens, f"the default of vLLM {self.version}"

    def variables_of_keys(self, server: ModelServer) -> Mapping[str, str]:
        """The NPUs and the API key; those of pictures when the stack file sets them."""
        return variables_of_keys(server)

    def argv(self, server: ModelServer, chat_template: str | None) -> tuple[str, ...]:
        """The command `vllm serve MODEL`, with the flags that the stack file sets."""
        return argv(server, chat_template)

    def environment(self, server: ModelServer) -> dict[str, str]:
        """The NPUs of the container, and the variables of pictures."""
        return environment(server)

    def library_lines(self, tag: str, /) -> str:
        """The preload of jemalloc, and the directories that the image searches for libraries."""
        return library_lines(library_paths(self.version, tag))

    def image_soc(self, tag: str, /) -> str | None:
        """The type of NPU by the suffix of the tag: none is A2."""
        return image_soc(tag)

    def npu_types(self, tag: str, /) -> Sequence[str]:
        """The type by the suffix of the tag; for another tag all types that the release has images for."""
        return npu_types(self.version, tag)

    def image_for(self, tag: str, soc: str, /) -> str | None:
        """The tag with the suffix of another type of NPU."""
        return tag_for(tag, soc)

    def own_tag(self, tag: str, /) -> str | None:
        """The release tag for the same type of NPU and the same distribution."""
        return own_tag(self.version, tag)

    def listens_on(self, server: ModelServer, /) -> str | None:
        """The socket of `--uds`, else the host."""
        return "uds" if server.further("uds") else "host"

    def rope_scaling(self, extra_args: Mapping[str, Any], /) -> Any:
        """The field `rope_parameters` of `--hf-overrides`, which replaces `--rope-scaling`."""
        overrides = extra_argument(extra_args, "hf-overrides", self)
        if not isinstance(overrides, dict):
            return None
        return overrides.get("rope_parameters")

    def pinned_bytes(self, extra_args: Mapping[str, Any], _: int, /) -> int:
        """The blocks of the KV cache that are moved to the node; by default none."""
        size = extra_argument(extra_args, self.pinned_memory.flag, self)
        backend = extra_argument(extra_args, "kv-offloading-backend", self)
        if not isinstance(size, int | float) or backend not in (None, "native"):
            return 0
        return int(size * GIB)

    def memory_use(self, server: ModelServer, facts: ModelFacts) -> MemoryUse:
        """The memory of weights and KV cache, with quantized weights and caches, and MLA."""
        return memory_use(server, facts)

    def member_flags(self, server: ModelServer, group: ResolvedGroup) -> MemberFlags:
        """Those of data parallelism, or `--nnodes` and `--node-rank`."""
        return member_flags(server, group)

    def default_drain(self, server_kind: str) -> int:
        """Five minutes; one minute for the plain server."""
        return default_drain(server_kind)

    def counts_requests(self, server: ModelServer) -> bool:
        """Whether the OpenAI server reports its requests, without TLS and with statistics."""
        return counts_requests(server)

    def shutdown_seconds(self, server: ModelServer) -> int:
        """The value of `--shutdown-timeout`, if the release answers its requests with it."""
        return shutdown_seconds(server)

    def single_answer_key(self, _: ModelServer) -> str | None:
        """None: the V1 engine can return several answers with every setting."""
        return None
