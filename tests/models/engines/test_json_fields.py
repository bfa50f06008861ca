"""The fields of JSON flags: unknown ones, and values of another type."""

from __future__ import annotations

from typing import Any

import pytest

from models.engines.json_fields import FieldProblem, JsonConfig, JsonConfigs, JsonField, field_problems, nearest_field
from models.engines.vllm_ascend.tables import RELEASES, flag_table


def problems(config: str, value: dict[str, Any], release: str = "0.23.0") -> list[FieldProblem]:
    return field_problems(config, value, flag_table(release).json_configs)


def test_an_unknown_field_is_a_problem_with_the_nearest_field() -> None:
    (problem,) = problems("CompilationConfig", {"cudagraphMode": "FULL"})

    assert problem.path == ("cudagraphMode",)
    assert problem.is_unknown
    assert problem.nearest == "cudagraph_mode"
    assert problem.message == "CompilationConfig has no field 'cudagraphMode'"


def test_a_field_that_resembles_none_has_no_nearest_field() -> None:
    (problem,) = problems("CompilationConfig", {"xyz": 1})

    assert problem.nearest is None


def test_the_fields_of_a_mapping_in_the_value_are_checked_as_well() -> None:
    value = {"pass_config": {"enable_sp": "maybe", "fuse_norm": True}}

    assert [problem.path for problem in problems("CompilationConfig", value)] == [
        ("pass_config", "enable_sp"),
        ("pass_config", "fuse_norm"),
    ]


def test_all_problems_are_reported() -> None:
    value = {"kv_role": "producer", "kv_rank": "first", "kv_prot": 1}

    assert [problem.path[0] for problem in problems("KVTransferConfig", value)] == [*value]


@pytest.mark.parametrize(
    ("config", "value"),
    [
        ("KVTransferConfig", {"kv_connector": "MooncakeConnectorV1", "kv_role": "kv_producer", "kv_port": "30000"}),
        ("KVTransferConfig", {"kv_connector_extra_config": {"prefill": {"tp_size": 2}}, "kv_rank": None}),
        ("CompilationConfig", {"cudagraph_mode": "FULL_DECODE_ONLY", "cudagraph_capture_sizes": [1, 2, 4]}),
        ("CompilationConfig", {"compile_sizes": [1, "cudagraph_capture_sizes"], "pass_config": {"enable_sp": True}}),
        ("SpeculativeConfig", {"method": "eagle3", "model": "/m/draft", "num_speculative_tokens": 2}),
        ("AttentionConfig", {"flash_attn_version": 3}),
        ("StructuredOutputsConfig", {"backend": "xgrammar"}),
        ("KernelConfig", {"moe_backend": "Deep-GEMM"}),
        ("WeightTransferConfig", {"backend": "ours"}),
        ("IrOpPriorityConfig", {"rms_norm": "vllm_c, native", "fused_add_rms_norm": ["native"]}),
        ("KernelConfig", {"ir_op_priority": {"rms_norm": "native"}}),
    ],
)
def test_values_that_vllm_accepts_are_accepted(config: str, value: dict[str, Any]) -> None:
    assert problems(config, value) == []


@pytest.mark.parametrize(
    ("config", "value", "message"),
    [
        ("KVTransferConfig", {"kv_role": "producer"}, "must be one of kv_producer, kv_both, kv_consumer or null"),
        ("KVTransferConfig", {"kv_port": "http"}, "must be a whole number"),
        ("KVTransferConfig", {"kv_load_failure_policy": "retry"}, "must be one of recompute, fail"),
        ("CompilationConfig", {"cudagraph_capture_sizes": "1,2"}, "must be a list of whole numbers"),
        ("CompilationConfig", {"cudagraph_capture_sizes": [1, "two"]}, "must be a list of whole numbers"),
        ("CompilationConfig", {"pass_config": "sp"}, "must be a mapping"),
        ("AttentionConfig", {"flash_attn_version": 5}, "must be one of 2, 3, 4 or null"),
        ("SpeculativeConfig", {"suffix_decoding_max_spec_factor": "much"}, "must be a number"),
        ("SpeculativeConfig", {"disable_padded_drafter_batch": 7}, "must be true or false"),
        ("KVTransferConfig", {"kv_ip": 5}, "must be text"),
        ("IrOpPriorityConfig", {"rms_norm": 5}, "must be a list of text or text"),
    ],
)
def test_a_value_of_another_type_is_a_problem(config: str, value: dict[str, Any], message: str) -> None:
    (problem,) = problems(config, value)

    assert problem.message == message
    assert not problem.is_unknown


OF_TYPE: dict[str, tuple[list[Any], list[Any]]] = {
    "bool": ([True, "yes", 0], ["maybe", 7, [], {}]),
    "int": ([1, "30000", 2.0], ["many", 1.5, [], {}]),
    "float": ([1, 0.5, "0.5"], ["many", [], {}]),
    "str": (["text"], [5, True, [], {}]),
}
"""Values that vLLM converts to a type, and values that it refuses."""


@pytest.mark.parametrize("release", RELEASES)
def test_every_field_of_a_plain_type_accepts_what_vllm_converts_and_nothing_else(release: str) -> None:
    known = flag_table(release).json_configs
    checked = 0
    for name, config in known.configs.items():
        for field in config.fields.values():
            type_ = field.type.removesuffix(" | None")
            if type_ not in OF_TYPE:
                continue
            accepted, refused = OF_TYPE[type_]
            assert all(not field_problems(name, {field.name: value}, known) for value in accepted)
            assert all(field_problems(name, {field.name: value}, known) for value in refused)
            checked += 1

    assert checked > 90


@pytest.mark.parametrize("release", RELEASES)
def test_every_field_accepts_its_default(release: str) -> None:
    known = flag_table(release).json_configs
    wrong = [
        (name, field.name)
        for name, config in known.configs.items()
        for field in config.fields.values()
        if field.default is not None and field_problems(name, {field.name: field.default}, known)
    ]

    assert wrong == []


@pytest.mark.parametrize("release", RELEASES)
def test_a_misspelled_field_is_found_in_every_configuration(release: str) -> None:
    known = flag_table(release).json_configs
    for name, config in known.configs.items():
        for field in config.fields:
            (problem,) = field_problems(name, {field + "x": 1}, known)
            assert problem.nearest == field


def test_a_union_in_a_list_is_one_type() -> None:
    fields = {"sizes": JsonField("sizes", "list[int | str] | None")}
    known = JsonConfigs({"C": JsonConfig("C", "vllm/c.py:1", fields)}, {})

    assert field_problems("C", {"sizes": [1, "a"]}, known) == []
    assert [problem.message for problem in field_problems("C", {"sizes": [{}]}, known)] == [
        "must be a list of whole numbers or text or null"
    ]


def test_the_nearest_field_is_found_without_regard_to_case_and_hyphens() -> None:
    assert nearest_field("Pass-Config", ["mode", "pass_config"]) == "pass_config"
    assert nearest_field("xyz", ["mode", "pass_config"]) is None
