"""What two paired services have in common: the tokens of a prompt and the bytes of its KV cache."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from models.finding import Finding
from tests.models.kv_pair import OLDER, stack

RULE = "kv-transfer-agreement"
SPARSE = {"model": "/mnt/models/DeepSeek-V3.2-W8A8", "quantization": "ascend"}


def findings(rule: str = RULE, **changes: Any) -> list[Finding]:
    return [finding for finding in check(stack(**changes)).findings if finding.rule == rule]


def flags(**values: Any) -> dict[str, Any]:
    return {"extraArgs": values}


@pytest.mark.parametrize(
    ("flag", "value", "text"),
    [
        ("tokenizerMode", "deepseek_v32", '"deepseek_v32"'),
        ("chatTemplateContentFormat", "string", '"string"'),
        ("defaultChatTemplateKwargs", {"enable_thinking": False}, '{"enable_thinking": false}'),
        ("mmProcessorKwargs", {"max_pixels": 2, "min_pixels": 1}, '{"max_pixels": 2, "min_pixels": 1}'),
        ("kvCacheDtypeSkipLayers", ["0"], '["0"]'),
        ("mambaCacheDtype", "float32", '"float32"'),
    ],
)
@pytest.mark.parametrize(("side", "other"), [("front", "back"), ("back", "front")])
def test_a_flag_of_one_side_goes_to_the_other(flag: str, value: Any, text: str, side: str, other: str) -> None:
    (finding,) = findings(engine={side: flags(**{flag: value})})

    assert finding.severity == "error"
    assert finding.fix == f"write services.{other}.engine.extraArgs.{flag}: {text}"
    assert findings(engine={"front": flags(**{flag: value}), "back": flags(**{flag: value})}) == []


def test_two_modes_of_the_tokenizer_become_that_of_prefill_under_the_name_of_the_stack_file() -> None:
    engine = {"front": flags(tokenizerMode="slow"), "back": flags(**{"tokenizer-mode": "mistral"})}
    (finding,) = findings(engine=engine)

    assert finding.message == "front and back differ in the tokenizer's mode: slow and mistral"
    assert finding.fix == 'write services.back.engine.extraArgs.tokenizer-mode: "slow"'


def test_the_default_mode_may_be_written_on_one_side() -> None:
    assert findings(engine={"front": flags(tokenizerMode="auto")}) == []


@pytest.mark.parametrize("key", ["enable_sparse_sfa_c8", "enable_sparse_li_c8"])
def test_a_quantized_cache_of_sparse_attention_is_on_both_sides(key: str) -> None:
    quantized = {"additionalConfig": {key: True}}
    (finding,) = findings(prefill=SPARSE, decode=SPARSE, engine={"front": quantized})

    assert finding.message == f"front and back differ in {key}: true and false"
    assert finding.fix == f"write services.back.engine.additionalConfig.{key}: true"
    assert findings(prefill=SPARSE, decode=SPARSE, engine={"front": quantized, "back": quantized}) == []


def test_the_key_of_an_older_release_counts_for_that_release() -> None:
    older = {**SPARSE, "image": OLDER}
    quantized = {"additionalConfig": {"enable_sparse_c8": True}}

    assert len(findings(prefill=older, decode=older, engine={"front": quantized})) == 1
    assert findings(prefill=SPARSE, decode=SPARSE, engine={"front": quantized}) == []


def test_a_quantized_cache_that_the_model_does_not_have_is_no_difference() -> None:
    assert findings(engine={"front": {"additionalConfig": {"enable_sparse_sfa_c8": True}}}) == []


@pytest.mark.parametrize("side", ["prefill", "decode"])
def test_both_services_read_calls_of_tools_or_neither_does(side: str) -> None:
    other = {"prefill": "back", "decode": "front"}[side]
    (finding,) = findings(**{side: {"server": {"toolCallParser": "hermes"}}})

    assert finding.fix == f'write services.{other}.server.toolCallParser: "hermes"'


@pytest.mark.parametrize(
    ("model", "is_doubted"),
    [
        ("Qwen3-32B-W8A8C8", True),
        ("Qwen3-32B-W8A8", False),
        ("DeepSeek-V3.1-W8A8C8", False),
    ],
)
def test_weights_whose_name_has_a_quantized_cache_are_not_transferred(model: str, is_doubted: bool) -> None:
    service = {"model": f"/mnt/models/{model}", "quantization": "ascend"}
    found = findings("kv-transfer-model", prefill=service, decode=service)

    assert [finding.fix.partition(",")[0] for finding in found] == ["remove kvTransfer"] * is_doubted
