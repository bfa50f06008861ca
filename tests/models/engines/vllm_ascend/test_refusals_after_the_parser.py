"""Settings of one of two model runners, and values that the parser accepts and the engine does not."""

from __future__ import annotations

from typing import Any

import pytest

from models.engines.vllm_ascend.tables import RELEASES
from tests.models.engines.vllm_ascend.test_vllm_refusals import limits, stack_file
from tests.rules.edits import alternatives, apply


@pytest.mark.parametrize(
    "service",
    [
        {"engine": {"extraArgs": {"device-ids": "3, 1,0,2"}}},
        {"engine": {"extraArgs": {"enable-batch-sharded-sampling": True}}},
        {
            "model": "/mnt/models/DeepSeek-V4-Flash",
            "engine": {"extraArgs": {"moe-backend": "flashinfer_moe_ep_mega_cutedsl"}},
        },
        {
            "engine": {"extraArgs": {"enable-batch-sharded-sampling": True}},
            "env": {"VLLM_USE_V2_MODEL_RUNNER": "1"},
        },
        {
            "engine": {"extraArgs": {"enable-batch-sharded-sampling": True, "watermark": 0.2}},
            "env": {"VLLM_USE_V2_MODEL_RUNNER": "0"},
        },
        {"engine": {"extraArgs": {"logprobs-mode": "raw_logits"}}, "env": {"VLLM_USE_V2_MODEL_RUNNER": "0"}},
        {"engine": {"extraArgs": {"logprobs-mode": "raw_logits"}}, "env": {"VLLM_USE_V2_MODEL_RUNNER": "1"}},
    ],
)
def test_what_the_model_runners_of_0_30_0_have_has_no_error(service: dict[str, Any]) -> None:
    engine = {"maxModelLen": 4096, "tensorParallelSize": 4, **service["engine"]}

    assert limits(stack_file("0.30.0", {**service, "engine": engine})) == []


def test_speculation_that_the_second_runner_lacks_selects_the_first_which_has_no_sharded_sampling() -> None:
    service = {
        "engine": {
            "maxModelLen": 4096,
            "tensorParallelSize": 4,
            "extraArgs": {"enable-batch-sharded-sampling": True},
        },
        "speculative": {"kind": "suffix", "tokens": 2},
    }

    (finding,) = limits(stack_file("0.30.0", service))

    assert "speculative decoding by suffix needs the first one" in finding.message
    assert finding.fix == "remove engine.extraArgs.enable-batch-sharded-sampling"


@pytest.mark.parametrize("key", ["moe-backend", "moeBackend"])
def test_experts_of_deepseek_v4_are_not_for_other_models(key: str) -> None:
    service = {"engine": {"maxModelLen": 4096, "extraArgs": {key: "flashinfer_moe_ep_mega_cutedsl"}}}

    (finding,) = limits(stack_file("0.30.0", service))

    assert finding.fix == f"remove engine.extraArgs.{key}"
    assert "vllm/config/kernel.py:194" in finding.why


@pytest.mark.parametrize(
    "engine",
    [
        {"extraArgs": {"hf-overrides": "qwen"}},
        {"extraArgs": {"media-io-kwargs": {"video": 8}}},
        {"extraArgs": {"mm-processor-kwargs": []}},
        {"compilationConfig": {"cudagraphCaptureSizes": [0, -4]}},
    ],
)
@pytest.mark.parametrize("release", RELEASES)
def test_a_value_that_the_parser_accepts_and_the_engine_does_not_is_an_error(
    release: str, engine: dict[str, Any]
) -> None:
    found = limits(stack_file(release, {"engine": {"maxModelLen": 4096, **engine}}))

    assert [finding.severity for finding in found] == ["error"]
    for edits in alternatives(found[0].fix):
        text = stack_file(release, {"engine": {"maxModelLen": 4096, **engine}})
        assert limits(apply(edits, found[0], text)) == []


@pytest.mark.parametrize("model", ["/mnt/models/gemma-3-27b-it", "/mnt/models/Qwen3-Omni-30B-A3B-Instruct"])
def test_models_without_mtp_layers_are_refused_with_mtp(model: str) -> None:
    service = {"model": model, "engine": {"maxModelLen": 4096}, "speculative": {"kind": "mtp", "tokens": 1}}

    found = limits(stack_file("0.23.0", service))

    assert [finding.fix for finding in found] == ["remove speculative"]


def test_sparse_attention_resets_the_data_type_of_the_cache_before_it_is_refused() -> None:
    service = {"model": "/mnt/models/DeepSeek-V3.2", "engine": {"maxModelLen": 4096, "kvCacheDtype": "nvfp4"}}

    assert limits(stack_file("0.23.0", service)) == []


def test_an_encoder_needs_an_iteration_for_its_longest_text() -> None:
    model = "/mnt/models/bge-m3"
    short = {"model": model, "npus": 1, "engine": {"maxModelLen": 8192, "maxNumBatchedTokens": 2048}}
    default = {"model": model, "npus": 1, "engine": {"maxModelLen": 8192}}

    (finding,) = limits(stack_file("0.23.0", short))

    assert finding.fix == "write engine.maxNumBatchedTokens: 8192, or remove engine.maxNumBatchedTokens"
    assert limits(stack_file("0.23.0", default)) == []
