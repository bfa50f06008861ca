"""Paired services that read the model differently, that cannot divide a prompt, or of which one may not run."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from models.finding import Finding
from tests.models.kv_pair import rules, stack

DEEPSEEK = {"model": "/mnt/models/DeepSeek-V3.2-W8A8", "npus": 16, "quantization": "ascend"}


def findings(rule: str, **changes: Any) -> list[Finding]:
    return [finding for finding in check(stack(**changes)).findings if finding.rule == rule]


def overridden(value: Any) -> dict[str, Any]:
    return {"extraArgs": {"hfOverrides": value}}


def test_another_rope_on_one_side_is_refused_and_the_fix_keeps_it() -> None:
    (finding,) = findings("kv-transfer-model", engine={"back": overridden({"rope_theta": 500000})})

    assert finding.severity == "error"
    assert finding.fix == "write services.front.engine.extraArgs.hfOverrides: {rope_theta: 500000}"


def test_two_ropes_become_that_of_prefill() -> None:
    engine = {"front": overridden({"rope_theta": 1000000}), "back": overridden({"rope_theta": 500000})}
    (finding,) = findings("kv-transfer-model", engine=engine)

    assert finding.fix == "write services.back.engine.extraArgs.hfOverrides: {rope_theta: 1000000}"


def test_another_field_of_the_model_is_a_doubt() -> None:
    (finding,) = findings("kv-transfer-model", engine={"front": overridden({"architectures": ["Other"]})})

    assert finding.severity == "warning"


def test_equal_overrides_may_be_a_text_on_one_side() -> None:
    engine = {"front": overridden({"rope_theta": 500000}), "back": overridden('{"rope_theta": 500000}')}

    assert findings("kv-transfer-model", engine=engine) == []


def test_two_quantizations_are_a_doubt() -> None:
    (finding,) = findings("kv-transfer-model", decode={"quantization": "ascend"})

    assert finding.severity == "warning"
    assert finding.fix == "remove services.back.quantization"


def divided(size: int) -> dict[str, Any]:
    return {"tensorParallelSize": 16, "extraArgs": {"decodeContextParallelSize": size, "cpKvCacheInterleaveSize": 128}}


def parts_findings(prefill: int, decode: int) -> list[Finding]:
    engine = {"front": divided(prefill), "back": divided(decode)}
    return findings("kv-transfer-sizes", prefill=DEEPSEEK, decode=DEEPSEEK, engine=engine)


@pytest.mark.parametrize(("prefill", "decode"), [(2, 2), (8, 2)])
def test_a_prompt_may_have_more_parts_for_prefill(prefill: int, decode: int) -> None:
    assert parts_findings(prefill, decode) == []


@pytest.mark.parametrize(("prefill", "decode"), [(2, 8), (4, 16)])
def test_the_parts_of_a_prompt_for_prefill_are_a_multiple_of_those_for_decode(prefill: int, decode: int) -> None:
    (finding,) = parts_findings(prefill, decode)

    assert finding.fix == f"write services.back.engine.extraArgs.decodeContextParallelSize: {prefill}"


@pytest.mark.parametrize("stopped", ["prefill", "decode"])
def test_one_side_without_pods_is_a_doubt(stopped: str) -> None:
    changes: dict[str, Any] = {stopped: {"replicas": 0}}

    assert "kv-transfer-replicas" in rules(**changes)


def test_a_pair_without_any_pods_is_fine() -> None:
    assert "kv-transfer-replicas" not in rules(prefill={"replicas": 0}, decode={"replicas": 0})


def test_a_queue_on_one_side_only_is_a_doubt() -> None:
    queues = {"queues": {"serving": {"npus": 16}, "batch": {"npus": 16}}}

    assert "kv-transfer-queue" in rules(cluster=queues, prefill={"queue": "serving"})
    assert "kv-transfer-queue" not in rules(cluster=queues, prefill={"queue": "serving"}, decode={"queue": "batch"})
    assert "kv-transfer-queue" not in rules(cluster=queues, prefill={"queue": "default"})


@pytest.mark.parametrize("side", ["prefill", "decode"])
def test_each_side_may_do_without_prefix_caching(side: str) -> None:
    """The connector reads only the blocks that the service for decode does not have."""
    changes: dict[str, Any] = {side: {"prefixCaching": False}}

    assert rules(**changes) == []


MTP = {"kind": "mtp", "tokens": 1}
NEXT = {"model": "/mnt/models/Qwen3-Next-80B-A3B-Instruct"}


def test_a_service_for_decode_needs_the_mtp_layers_of_prefill() -> None:
    both = {"prefill": DEEPSEEK, "decode": {**DEEPSEEK, "speculative": MTP}}
    (finding,) = findings("kv-transfer-speculative", **both)

    assert finding.severity == "error"
    assert finding.message == "back speculates with mtp, but the speculation of front is none"
    assert finding.fix == "remove services.back.speculative"
    both["prefill"] = {**DEEPSEEK, "speculative": MTP}
    assert findings("kv-transfer-speculative", **both) == []


def test_more_tokens_for_decode_than_for_prefill_are_accepted() -> None:
    decode = {**DEEPSEEK, "speculative": {**MTP, "tokens": 3}}

    assert findings("kv-transfer-speculative", prefill={**DEEPSEEK, "speculative": MTP}, decode=decode) == []


def test_lookups_in_the_prompt_have_no_kv_cache() -> None:
    lookup = {"kind": "ngram", "tokens": 5, "promptLookupMax": 4}

    assert findings("kv-transfer-speculative", decode={"speculative": lookup}) == []


def test_with_mamba_layers_both_services_propose_the_same_number_of_tokens() -> None:
    prefill = {**NEXT, "speculative": MTP}
    decode = {**NEXT, "speculative": {**MTP, "tokens": 3}}
    (finding,) = findings("kv-transfer-speculative", prefill=prefill, decode=decode)

    assert finding.severity == "error"
    assert finding.fix == "write services.front.speculative.tokens: 3"
    assert findings("kv-transfer-speculative", prefill=decode, decode=decode) == []
    (only_prefill,) = findings("kv-transfer-speculative", prefill=prefill, decode=NEXT)
    assert only_prefill.fix == "remove services.front.speculative"


def latent_with_mamba_layers(tensor_parallel_size: int, npus: int) -> dict[str, Any]:
    """A model such as Kimi-Linear: latent attention, and layers with a state."""
    dimensions = {"modelType": "kimi_linear", "kvLoraRank": 512, "qkRopeHeadDim": 64}
    facts = {"hiddenSize": 2304, "numAttentionHeads": 48, "numKeyValueHeads": 48, "numHiddenLayers": 27}
    sizes = {"intermediateSize": 9216, "vocabSize": 163840, "multimodal": False, "moe": False}
    model = {"name": "Linear", "source": "/mnt/models/Linear", "facts": {**dimensions, **facts, **sizes}}
    return {"model": model, "npus": npus, "engine": {"maxModelLen": 8192, "tensorParallelSize": tensor_parallel_size}}


@pytest.mark.parametrize(("decode", "refused"), [(4, True), (2, False), (6, False)])
def test_mamba_layers_need_a_multiple_also_with_latent_attention(decode: int, refused: bool) -> None:
    prefill = latent_with_mamba_layers(6, 8)

    assert bool(findings("kv-transfer-sizes", prefill=prefill, decode=latent_with_mamba_layers(decode, 8))) is refused
