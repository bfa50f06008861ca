"""The rules on experts: their load balancing (EPLB), their fused operators, and their share of each NPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.catalog.facts import ModelFacts
from models.engines.model_server import ModelServer
from models.engines.rules import facts_rule, rule
from models.engines.vllm_ascend.launch_settings import LaunchSettings, find_setting
from models.engines.vllm_ascend.refusals import Problem, refused
from models.finding import Finding, at, error
from models.words import counted

_COUNTS = (
    "num_redundant_experts",
    "expert_heat_collection_interval",
    "algorithm_execution_interval",
)


@rule("error")
def expert_settings(server: ModelServer) -> Iterator[Finding]:
    """The settings of experts are complete and fit together.

    vllm-ascend exits at start if dynamic load balancing lacks its variable, if the expert map is not a JSON file, if a
    count is below its least value, or if two ways of exchanging experts are on (vllm_ascend/ascend_config.py).
    """
    yield from refused(
        server, _counts, _expert_map, _dynamic_balancing, _placement, _exchange
    )


@facts_rule("error")
def group_experts(server: ModelServer, facts: ModelFacts) -> Iterator[Finding]:
    """The experts of a model can be divided over the NPUs of a server on several nodes.

    With expert parallelism, each NPU holds the same number of experts, redundant ones included. vllm-ascend rounds this
    number down.
    """
    engine = server.engine
    experts = facts.num_experts
    if server.group is None or not engine.enable_expert_parallel or not experts:
        return
    npus = engine.tensor_parallel_size * engine.data_parallel_size
    redundant = _redundant(server)
    if (experts + redundant) % npus == 0:
        return
    held = counted(experts, "expert")
    if redundant:
        held += f" and {redundant} redundant ones"
    yield error(
        f"{held} cannot be divided over {counted(npus, 'NPU')}",
        why="each NPU holds the same number of experts, which is rounded down"
        " (vllm_ascend/ops/fused_moe/fused_moe_0_23_0.py:235)",
        fix="remove engine.enableExpertParallel",
        marks=[
            at("engine.enableExpertParallel"),
            at("engine.tensorParallelSize", f"{npus} NPUs with all copies"),
        ],
    )


def _redundant(server: ModelServer) -> int:
    """Further copies of experts, which exist with dynamic load balancing only (vllm_ascend/eplb/core/eplb_utils.py)."""
    is_dynamic = _eplb(server, "dynamic_eplb")
    number = _eplb(server, "num_redundant_experts")
    if is_dynamic is not True or type(number) is not int:
        return 0
    return max(number, 0)


def _eplb(server: ModelServer, key: str) -> Any:
    config = server.engine.additional_config
    found = find_setting("engine.additionalConfig", config, ("eplb_config", key))
    return found.value if found else None


def _counts(settings: LaunchSettings) -> Iterator[Problem]:
    for name in _COUNTS:
        count = settings.key("eplb_config", name)
        if count and count.number < 0:
            yield Problem(
                "eplb-below-zero",
                f"{count.name} is {count.value}, below 0",
                f"write {count.key}: 0, or {count.removal}",
                [count.mark],
            )
    tokens = settings.key("mega_moe_max_tokens")
    if tokens and type(tokens.value) is int and tokens.value < 1:
        yield Problem(
            "mega-moe-below-one",
            f"{tokens.name} is {tokens.value}, below 1",
            tokens.removal,
            [tokens.mark],
        )


def _expert_map(settings: LaunchSettings) -> Iterator[Problem]:
    for name in ("expert_map_path", "expert_map_record_path"):
        path = settings.key("eplb_config", name)
        if path is None or not isinstance(path.value, str):
            continue
        if path.value.endswith(".json"):
            continue
        yield Problem(
            "eplb-map-name",
            f"{path.name} does not end in .json",
            f"write {path.key}: {path.value}.json, or {path.removal}",
            [path.mark],
        )


def _dynamic_balancing(settings: LaunchSettings) -> Iterator[Problem]:
    dynamic = settings.key("eplb_config", "dynamic_eplb")
    record = settings.key("eplb_config", "expert_map_record_path")
    if record and isinstance(record.value, str):
        dynamic = record
    if dynamic is None or not dynamic.value or _has_variable(settings.server):
        return
    yield Problem(
        "eplb-variables",
        f"{dynamic.name} needs the variable DYNAMIC_EPLB",
        f'write env.DYNAMIC_EPLB: "true", or {dynamic.removal}',
        [dynamic.mark],
    )


def _has_variable(server: ModelServer) -> bool:
    """Whether a variable allows dynamic load balancing (vllm_ascend/ascend_config.py)."""
    is_dynamic = server.env.get("DYNAMIC_EPLB", "").lower() in ("true", "1")
    return is_dynamic or server.env.get("EXPERT_MAP_RECORD") == "true"


def _placement(settings: LaunchSettings) -> Iterator[Problem]:
    placement = settings.key("mix_placement")
    if placement is None or not placement.value:
        return
    for name in ("enable_shared_expert_dp", "multistream_overlap_shared_expert"):
        other = settings.key(name)
        if other is None or not other.value or _has_no_effect(settings, name):
            continue
        yield Problem(
            "mix-placement-shared-experts",
            f"{placement.name} and {other.name} exclude each other",
            f"{placement.removal}, or {other.removal}",
            [placement.mark, other.mark],
        )


def _has_no_effect(settings: LaunchSettings, name: str) -> bool:
    """Whether the plugin turns a setting of shared experts off before it looks at the placement."""
    engine = settings.server.engine
    if name == "enable_shared_expert_dp":
        return not engine.enable_expert_parallel or engine.tensor_parallel_size == 1
    fused = settings.key_or_variable("enable_fused_mc2", "VLLM_ASCEND_ENABLE_FUSED_MC2")
    return fused is not None and fused.value == 1


def _exchange(settings: LaunchSettings) -> Iterator[Problem]:
    hierarchy = settings.key("enable_mc2_hierarchy_comm")
    fused = settings.key_or_variable("enable_fused_mc2", "VLLM_ASCEND_ENABLE_FUSED_MC2")
    if hierarchy is None or not hierarchy.value or fused is None or not fused.value:
        return
    yield Problem(
        "fused-mc2-hierarchy",
        f"{fused.name} and {hierarchy.name} exclude each other",
        f"{fused.removal}, or {hierarchy.removal}",
        [fused.mark, hierarchy.mark],
    )
