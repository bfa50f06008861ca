"""The edit of a refused value keeps the user's own number, in the form that the field accepts."""

from __future__ import annotations

import pytest

from models.engines.engine_args import EngineArgs
from models.engines.vllm_ascend.additional_config import key_problems
from models.engines.vllm_ascend.tables import plugin_table
from models.stack_file.errors.value_edits import value_edit
from models.stack_file.keys.operation import Resources
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.load import load_text


@pytest.mark.parametrize(
    ("refused", "edit"),
    [
        ("64GiB", "write memory: 64Gi"),
        ("64GB", "write memory: 64Gi"),
        ("64 Gi", "write memory: 64Gi"),
        ("64gi", "write memory: 64Gi"),
        ("1.5tb", "write memory: 1.5Ti"),
        ("1_000Gi", "write memory: 1000Gi"),
        ("4096K", "write memory: 4096Ki"),
        ("64", "write memory: 64Gi"),
        ("64m", "write memory: 64Mi"),
        (64, "write memory: 64Gi"),
        (1.5, "write memory: 1.5Gi"),
        (65536, "write memory: 65536Mi"),
        (0, "write memory: 192Gi"),
        ("much", "write memory: 192Gi"),
        (True, "write memory: 192Gi"),
    ],
)
def test_a_size_keeps_its_number(refused: object, edit: str) -> None:
    assert value_edit("memory", Resources.model_fields["memory"], refused) == edit


@pytest.mark.parametrize(
    ("refused", "edit"),
    [
        ("90 s", "write startup: 90s"),
        ("10 min", "write startup: 10m"),
        ("10minutes", "write startup: 10m"),
        ("2 Hours", "write startup: 2h"),
        ("100 sec", "write startup: 100s"),
        ("1h 30m", "write startup: 1h30m"),
        ("1 h 30 min", "write startup: 1h30m"),
        ("1.5h", "write startup: 5400s"),
        ("soon", "write startup: 25m"),
        (1500, "write startup: 1500s"),
    ],
)
def test_a_duration_keeps_its_number(refused: object, edit: str) -> None:
    assert value_edit("startup", ServiceConfig.model_fields["startup"], refused) == edit


@pytest.mark.parametrize(
    ("refused", "edit"),
    [
        ("32k", "write maxModelLen: 32000"),
        ("32K", "write maxModelLen: 32768"),
        ("32Ki", "write maxModelLen: 32768"),
        ("1 Mi", "write maxModelLen: 1048576"),
        ("8192 tokens", "write maxModelLen: 8192"),
    ],
)
def test_a_count_keeps_its_number(refused: str, edit: str) -> None:
    field = EngineArgs.model_fields["max_model_len"]
    assert value_edit("maxModelLen", field, refused) == edit


@pytest.mark.parametrize(
    "refused",
    ["4 NPUs", "four", "4x", ["0", "1", "2", "3"], [4], {"count": 4}],
    ids=["unit", "word", "x", "list", "item", "mapping"],
)
def test_a_number_of_npus_keeps_its_value(refused: object) -> None:
    assert value_edit("npus", ServiceConfig.model_fields["npus"], refused) == "write npus: 4"


def test_the_name_of_an_image_is_written_in_lower_case() -> None:
    field = ServiceConfig.model_fields["image"]

    assert value_edit("image", field, "QUAY.io/Ascend/vLLM:v1") == "write image: quay.io/ascend/vllm:v1"


@pytest.mark.parametrize(
    ("refused", "edit"),
    [
        (1, "write enableExpertParallel: true"),
        (0, "write enableExpertParallel: false"),
        ("on", "write enableExpertParallel: true"),
        ({"enabled": True}, "write enableExpertParallel: true"),
        ({"enable": False}, "write enableExpertParallel: false"),
        (2, "write enableExpertParallel: false"),
    ],
)
def test_a_switch_keeps_its_meaning(refused: object, edit: str) -> None:
    field = EngineArgs.model_fields["enable_expert_parallel"]
    assert value_edit("enableExpertParallel", field, refused) == edit


@pytest.mark.parametrize(
    ("key", "refused", "meant"),
    [
        ("enable_cpu_binding", "true", True),
        ("enable_cpu_binding", "off", False),
        ("enable_cpu_binding", 1, True),
        ("enable_cpu_binding", {"enabled": False}, False),
        ("enable_cpu_binding", "sometimes", None),
        ("enable_cpu_binding", 2, None),
        ("enable_fused_mc2", True, 1),
        ("weight_prefetch_config", True, {"enabled": True}),
        ("pa_shape_list", "many", None),
    ],
)
def test_a_setting_of_the_plugin_keeps_its_meaning(key: str, refused: object, meant: object) -> None:
    plugin = plugin_table("0.23.0")
    assert plugin is not None

    (problem,) = key_problems(plugin, {key: refused})

    assert problem.meant == meant


@pytest.mark.parametrize(
    ("refused", "edit"),
    [
        (["--swap-space=4"], "write extraArgs: {swapSpace: 4}"),
        (["--swap-space", "4", "--disable-log-stats"], "write extraArgs: {swapSpace: 4, disableLogStats: true}"),
        (["--swap-space 4"], "write extraArgs: {swapSpace: 4}"),
        ("--swap-space 4 --seed=1", "write extraArgs: {swapSpace: 4, seed: 1}"),
        ('{"seed": 1}', "write extraArgs: {seed: 1}"),
        (["--hf-token=hf_abcdefghijklmnopqrstuvwxyzabcdef"], "write extraArgs: {seed: 8}"),
        ('{"hf-token": "hf_abcdefghijklmnopqrstuvwxyzabcdef"}', "write extraArgs: {seed: 8}"),
        (["swap", 4], "write extraArgs: {seed: 8}"),
        ("--seed '", "write extraArgs: {seed: 8}"),
    ],
)
def test_flags_of_a_command_line_become_a_mapping(refused: object, edit: str) -> None:
    assert value_edit("extraArgs", EngineArgs.model_fields["extra_args"], refused) == edit


@pytest.mark.parametrize(
    ("refused", "edit"),
    [
        (["A=1", "B=x=y"], 'write env: {A: "1", B: "x=y"}'),
        ([{"name": "A", "value": "b"}], "write env: {A: b}"),
        (["HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyzabcdef"], "write env: {HCCL_OP_EXPANSION_MODE: AIV}"),
        ([{"name": "A", "valueFrom": {}}], "write env: {HCCL_OP_EXPANSION_MODE: AIV}"),
    ],
)
def test_variables_in_a_list_become_a_mapping(refused: object, edit: str) -> None:
    assert value_edit("env", ServiceConfig.model_fields["env"], refused) == edit


@pytest.mark.parametrize(
    ("entry", "edit"),
    [
        ("memory: 64GiB", "write resources.memory: 64Gi and remove memory"),
        ("memory: 64", "write resources.memory: 64Gi and remove memory"),
        ("max-model-len: '16384'", "write engine.maxModelLen: 16384 and remove max-model-len"),
    ],
)
def test_a_misplaced_value_gets_the_form_of_its_new_key(entry: str, edit: str) -> None:
    services = f"{{qwen: {{image: a:1, model: /m/Qwen2-7B, engine: {{maxNumSeqs: 8}}, {entry}}}}}"
    stack = load_text("dev", "Pulumi.dev.yaml", f"config:\n  ascend-vllm:services: {services}\n")

    assert edit in [finding.fix for finding in stack.findings]
