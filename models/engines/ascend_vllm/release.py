"""A release of Ascend-vLLM: its answers to the questions of `Release`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from models.catalog.facts import ModelFacts
from models.catalog.platforms import NodeMount
from models.engines.ascend_vllm.absent_keys import ABSENT_KEYS, ACCEPTED_VALUES
from models.engines.ascend_vllm.argv import argv
from models.engines.ascend_vllm.drain import HEALTH_PATH, METRIC_NAMES, METRICS
from models.engines.ascend_vllm.environment import environment
from models.engines.ascend_vllm.graph_cache import NEUTRAL_FLAGS, NEUTRAL_VARIABLES
from models.engines.ascend_vllm.known_errors import KNOWN_ERRORS
from models.engines.ascend_vllm.memory import memory_use
from models.engines.ascend_vllm.owned_keys import (
    OWNED_FLAGS,
    OWNED_VARIABLES,
    variables_of_keys,
)
from models.engines.ascend_vllm.request_rules import REQUEST_RULES
from models.engines.ascend_vllm.requests import (
    REQUEST_FIELDS,
    REQUEST_LIMITS,
    REQUEST_SOURCES,
    single_answer_key,
)
from models.engines.ascend_vllm.rules import RULES
from models.engines.ascend_vllm.start_phases import START_PHASES
from models.engines.code_places import (
    CodePlaces,
    PinnedMemory,
    RemovedFlag,
    SwapSpace,
)
from models.engines.drain import counts_requests, default_drain
from models.engines.engine_args import EngineArgs, Version
from models.engines.flags import Limit, flag_from_json
from models.engines.group import MemberFlags, ResolvedGroup
from models.engines.kv_transfer import KvConnector
from models.engines.memory import GIB, MemoryUse
from models.engines.model_server import ModelServer, extra_argument
from models.engines.number_range import NumberRange
from models.engines.pairing import Pairing
from models.engines.release import (
    EngineDefaults,
    Exclusion,
    ModelSupport,
    NameKind,
    Release,
    RequiredFile,
    UnreadName,
)
from models.engines.variable_values import variable_values

_IMAGE_TAGS = {"0.6.3": re.compile(r"\b6\.3\.912\b|\bv?0\.6\.3\b")}
"""Tags by version; Ascend-vLLM 6.3.912 contains vLLM 0.6.3."""

_TABLES = Path(__file__).parent / "flags"


def _limit(entry: Mapping[str, Any]) -> Limit:
    """A limit of the table; `minimum` is the least number."""
    fields = dict(entry)
    if "minimum" in fields:
        fields["range"] = NumberRange(least=fields.pop("minimum"))
    return Limit(**fields)


class AscendVllm(Release):
    """A release of Ascend-vLLM, Huawei's closed build of vLLM for Ascend NPUs (the manual)."""

    owned_flags = OWNED_FLAGS
    kv_connectors: frozenset[KvConnector] = frozenset()
    flags_of_groups = ()
    absent_keys = ABSENT_KEYS
    accepted_values = ACCEPTED_VALUES
    quantization_files: Mapping[str, RequiredFile] = MappingProxyType({})
    dequantized_models: Mapping[str, str] = MappingProxyType({})
    quantized_weights: Mapping[str, str] = MappingProxyType(
        {
            "awq": "vllm/model_executor/model_loader/weight_utils.py:184",
            "smoothquant": "",
        }
    )
    defaults = EngineDefaults(
        block_size=128, gpu_memory_utilization=0.9, prefix_caching=False
    )
    init_files = ("/home/ma-user/.bashrc",)
    pairing = Pairing()
    removed_flags: Mapping[str, RemovedFlag] = {}
    code_places = CodePlaces(
        adapter_name="vllm/entrypoints/openai/cli_args.py:22",
        chat_template="vllm/entrypoints/chat_utils.py:308",
        kv_cache="vllm/worker/worker.py:486",
        listens="vllm/entrypoints/openai/api_server.py:544",
        no_metrics="vllm/entrypoints/openai/api_server.py:222",
        quantization_config="vllm/model_executor/model_loader/weight_utils.py:184",
        ranks="vllm/executor/multiproc_gpu_executor.py:134",
        statistics="vllm/engine/llm_engine.py, stat_loggers",
    )
    swap_space = SwapSpace(default=4, most=0.7, where="vllm/config.py:657")
    pinned_memory = PinnedMemory(
        flag="swap-space",
        words="swap space",
        off=0,
        where="vllm/worker/cache_engine.py:82",
    )
    has_published_lengths = True
    image_users = frozenset({0, 1000})
    node_mounts: Mapping[str, NodeMount] = {}
    owned_variables = OWNED_VARIABLES
    graph_neutral_flags = NEUTRAL_FLAGS
    graph_neutral_variables = NEUTRAL_VARIABLES
    health_path = HEALTH_PATH
    metrics = METRICS
    metric_names = METRIC_NAMES
    read_names: Mapping[NameKind, frozenset[str]] = {}
    unread_names: Mapping[str, UnreadName] = {}
    effective_defaults: Mapping[str, Any] = {
        "async-scheduling": False,
        "enable-chunked-prefill": False,
        "enable-prefix-caching": False,
        "max-num-batched-tokens": "maxModelLen, and 2048 at least",
    }
    field_defaults: Mapping[str, Any] = {}
    request_fields = REQUEST_FIELDS
    request_sources = REQUEST_SOURCES
    request_limits: Mapping[str, str] = REQUEST_LIMITS
    rules = RULES
    request_rules = REQUEST_RULES
    known_errors = KNOWN_ERRORS
    start_phases = START_PHASES

    def __init__(self, version: Version) -> None:
        table = json.loads(
            (_TABLES / f"vllm-{version}.json").read_text(encoding="utf-8")
        )
        flags = map(flag_from_json, table["flags"])
        self.version = version
        self.flags = {flag.name: flag for flag in flags}
        self.limits = tuple(map(_limit, table["limits"]))
        self.variable_values = variable_values(table["variable_values"])
        self.model_support = ModelSupport(
            architectures=frozenset(table["architectures"]),
            without_lora=frozenset(table["no_lora"]),
            without_pipeline=frozenset(table["no_pipeline_parallelism"]),
            remote_code=frozenset(table["remote_code"]),
        )
        self.exclusions = tuple(Exclusion(**entry) for entry in table["exclusions"])
        self.modules = table["modules"]
        self.image_tags = _IMAGE_TAGS[version]

    def variables_of_keys(self, server: ModelServer) -> Mapping[str, str]:
        """The variables of the manual; those of PTA graphs and of pictures while they are on."""
        return variables_of_keys(server)

    def default_batched_tokens(self, engine: EngineArgs) -> tuple[int, str]:
        """The whole longest request, and 2048 at least (vllm/config.py:972)."""
        tokens = max(engine.max_model_len, engine.max_num_seqs, 2048)
        return tokens, "the largest of maxModelLen, maxNumSeqs and 2048"

    def argv(self, server: ModelServer, chat_template: str | None) -> tuple[str, ...]:
        """The command of the manual, `python -m …api_server`, with its flags."""
        return argv(server, chat_template)

    def environment(self, server: ModelServer) -> dict[str, str]:
        """The variables of the manual's script."""
        return environment(server)

    def library_lines(self, _: str, /) -> str:
        """None: the image finds its libraries without help."""
        return ""

    def image_soc(self, _: str, /) -> str | None:
        """None: the tags of Ascend-vLLM do not name it."""
        return None

    def npu_types(self, _: str, /) -> Sequence[str]:
        """The types of NPU that Ascend-vLLM is published for: Snt9b and Snt9b23."""
        return ("a2", "a3")

    def image_for(self, _tag: str, _soc: str, /) -> str | None:
        """None: the tags of Ascend-vLLM do not name a type of NPU."""
        return None

    def own_tag(self, _: str, /) -> str | None:
        """None: Huawei's images have no common names."""
        return None

    def listens_on(self, server: ModelServer, /) -> str | None:
        """The host of the plain server; the OpenAI server ignores it."""
        return None if server.server.kind == "openai" else "host"

    def rope_scaling(self, extra_args: Mapping[str, Any], /) -> Any:
        """The value of `--rope-scaling`."""
        return extra_argument(extra_args, "rope-scaling", self)

    def pinned_bytes(self, extra_args: Mapping[str, Any], npus: int, /) -> int:
        """The swap space of each NPU."""
        configured = extra_argument(extra_args, self.pinned_memory.flag, self)
        each = self.swap_space.default
        if isinstance(configured, int | float):
            each = configured
        return int(each * GIB) * npus

    def memory_use(self, server: ModelServer, facts: ModelFacts) -> MemoryUse:
        """The memory of weights and KV cache; in 0.6.3, quantized layers and MLA."""
        return memory_use(server, facts)

    def member_flags(self, _: ModelServer, _group: ResolvedGroup) -> MemberFlags:
        """None: 0.6.3 refuses `nodes`."""
        return MemberFlags(leader=(), worker=())

    def default_drain(self, server_kind: str) -> int:
        """Five minutes; one minute for the plain server."""
        return default_drain(server_kind)

    def counts_requests(self, server: ModelServer) -> bool:
        """Whether the OpenAI server reports its requests, without TLS and with statistics."""
        return counts_requests(server)

    def shutdown_seconds(self, _: ModelServer) -> int:
        """0: vLLM 0.6.3 drops its requests on SIGTERM."""
        return 0

    def single_answer_key(self, server: ModelServer, /) -> str | None:
        """Multi-step scheduling or speculative decoding."""
        return single_answer_key(server)
