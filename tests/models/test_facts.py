"""Where the facts of a model come from: the catalogue, its config.json, the stack file; the last word counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.catalog.facts import ModelFacts
from models.check import check
from models.service.resolve import resolve
from models.service.resolved import ResolvedService
from models.stack_file.config_json import facts_of
from models.stack_file.load import load_text
from tests.conftest import HEAD, stack_of

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "num_hidden_layers": 32,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
    "tie_word_embeddings": False,
}


def service_with(model: str, directory: Path | None = None) -> ResolvedService:
    text = f"{HEAD}    one:\n      image: a:1\n      model: {model}\n      engine: {{maxModelLen: 1024}}\n"
    (service,) = resolve(load_text("test", f"{directory or '.'}/Pulumi.test.yaml", text)).services
    return service


def facts_with(model: str, directory: Path | None = None) -> ModelFacts:
    facts = service_with(model, directory).facts
    assert facts is not None
    return facts


def test_the_catalogue_is_asked_by_name() -> None:
    assert facts_with("/m/Qwen2-7B-Instruct").num_attention_heads == 28
    assert facts_with("{name: Qwen2-7B-Instruct, source: /m/weights}").num_attention_heads == 28
    assert service_with("/m/our-model").facts is None


def test_the_stack_file_corrects_what_the_catalogue_says() -> None:
    facts = facts_with("{source: /m/Qwen2-7B-Instruct, facts: {maxPositionEmbeddings: 131072}}")

    assert (facts.max_position_embeddings, facts.num_attention_heads) == (131072, 28)


def test_a_config_json_takes_the_place_of_the_catalogue_and_the_stack_file_corrects_it(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text(json.dumps(LLAMA))
    named = facts_with("{source: /m/Qwen2-7B-Instruct, configJson: own.json}", tmp_path)
    corrected = facts_with("{source: /m/a, configJson: own.json, facts: {vocabSize: 32000}}", tmp_path)

    assert (named.model_type, named.num_attention_heads) == ("llama", 32)
    assert (corrected.vocab_size, corrected.hidden_size) == (32000, 4096)


def test_a_model_generates_text_unless_the_stack_file_or_the_catalogue_says_otherwise() -> None:
    assert facts_with("/m/Qwen3-8B").kind == "generate"
    assert facts_with("/m/Qwen3-Reranker-8B").kind == "rerank"
    assert facts_with("{source: /m/Qwen3-8B, facts: {kind: embed}}").kind == "embed"


def test_a_flag_that_stretches_positions_lengthens_the_model() -> None:
    text = "one:\n  image: a:1\n  model: /m/Qwen2-7B\n  engine: {maxModelLen: 262144, extraArgs: {ropeScaling: %s}}\n"
    short, long = (stack_of(text % given) for given in ("{type: yarn}", "{type: linear, factor: 8}"))

    assert "length-above-model" in {finding.rule for finding in check(short).errors}
    assert "length-above-model" not in {finding.rule for finding in check(long).errors}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in LLAMA.items() if name not in names}


@pytest.mark.parametrize(
    ("config", "expected", "reason"),
    [
        (LLAMA, {"hiddenSize": 4096, "numKeyValueHeads": 8, "multimodal": False, "moe": False}, "most names are ours"),
        (without("num_key_value_heads"), {"numKeyValueHeads": 32}, "as many as heads when it counts none"),
        (
            {
                "model_type": "chatglm",
                "num_layers": 28,
                "ffn_hidden_size": 13696,
                "padded_vocab_size": 65024,
                "multi_query_group_num": 2,
                "num_attention_heads": 32,
                "seq_length": 8192,
            },
            {
                "numHiddenLayers": 28,
                "intermediateSize": 13696,
                "vocabSize": 65024,
                "numKeyValueHeads": 2,
                "seqLength": 8192,
            },
            "ChatGLM has names of its own",
        ),
        ({"n_routed_experts": 64, **LLAMA}, {"numExperts": 64, "moe": True}, "DeepSeek calls experts so"),
        ({"num_local_experts": 8, **LLAMA}, {"numExperts": 8, "moe": True}, "Mixtral calls experts so"),
        (
            {"model_type": "llava", "vision_config": {"hidden_size": 1024}, "text_config": without("model_type")},
            {"modelType": "llava", "hiddenSize": 4096, "multimodal": True},
            "of a multimodal model the text backbone counts",
        ),
        ({"sliding_window": 4096, **LLAMA}, {"slidingWindow": 4096}, "Mistral uses its window"),
        ({"sliding_window": 4096, "use_sliding_window": False, **LLAMA}, {"slidingWindow": None}, "Qwen2 does not"),
        ({"quantization_config": {"quant_method": "awq"}, **LLAMA}, {"quantization": "awq"}, "its quantization"),
        (
            {"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}, **LLAMA},
            {"ropeScaling": {"type": "llama3", "factor": 8.0}},
            "rope_type is the newer name of type",
        ),
        (
            {
                "rope_parameters": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
                **LLAMA,
            },
            {"ropeScaling": {"type": "yarn", "factor": 4.0, "originalMaxPositionEmbeddings": 32768}},
            "rope_parameters is the newer name of rope_scaling",
        ),
        (
            {"rope_scaling": {"rope_type": "default", "mrope_section": [24, 20, 20]}, **LLAMA},
            {"ropeScaling": None},
            "the type default does not scale",
        ),
        (
            {**without("intermediate_size"), "num_experts": 256, "moe_intermediate_size": 512},
            {"intermediateSize": 512, "moeIntermediateSize": 512},
            "all layers of Qwen3.5 have experts, so it states no other size",
        ),
        (
            {"shared_expert_intermediate_size": 0, "num_experts": 128, **LLAMA},
            {"sharedExpertIntermediateSize": None},
            "Qwen3-Coder writes 0 for no shared expert",
        ),
        (
            {
                **without("model_type"),
                "model_type": "llama4",
                "num_local_experts": 128,
                "intermediate_size": 8192,
                "intermediate_size_mlp": 16384,
                "interleave_moe_layer_step": 2,
            },
            {"intermediateSize": 16384, "moeIntermediateSize": 8192, "moeLayerStep": 2, "nSharedExperts": 1},
            "Llama 4 names the size of an expert first, and not its shared expert",
        ),
        (
            {**LLAMA, "num_local_experts": 128, "dense_intermediate_size": 12288, "moe_layer_freq": [0, 0, 0, 1, 1]},
            {"intermediateSize": 12288, "moeIntermediateSize": 14336, "firstKDenseReplace": 3},
            "MiniMax-M3 lists the layers with experts",
        ),
        (
            {**LLAMA, "layer_types": ["sliding_attention", "full_attention"] * 16},
            {"numFullAttentionLayers": 16},
            "gpt-oss lists the kinds of its layers",
        ),
        (
            {**LLAMA, "layer_types": ["full_attention"] * 32},
            {"numFullAttentionLayers": None},
            "all layers are the default",
        ),
        (
            {**LLAMA, "model_type": "qwen3_next", "full_attention_interval": 4},
            {"numFullAttentionLayers": 8, "attnOutputGate": True},
            "Qwen3-Next states an interval, and not its gate",
        ),
        (
            {**LLAMA, "index_topk": 2048, "indexer_types": ["full", "shared", "shared", "shared"] * 8},
            {"indexTopk": 2048, "numIndexLayers": 8},
            "layers of GLM-5.2 share an indexer",
        ),
        (
            {**LLAMA, "compress_ratios": [0, 4, 128, 4]},
            {"compressRatios": [0, 4, 128, 4], "numIndexLayers": 2},
            "DeepSeek V4 has an indexer where 4 tokens share an entry",
        ),
        ({"mtp_num_hidden_layers": 1, **LLAMA}, {"numNextnPredictLayers": 1}, "Qwen3.5 calls MTP layers so"),
        (
            {"model_type": "kimi_k25", "text_config": {**LLAMA, "quantization_config": {"quant_method": "fp8"}}},
            {"quantization": "fp8"},
            "Kimi-K2.5 states the quantization of its text model",
        ),
        ({"architectures": ["BertModel"], **LLAMA}, {"kind": "embed"}, "a class without a head embeds"),
        (
            {"architectures": ["XLMRobertaForSequenceClassification"], **LLAMA},
            {"kind": "rerank"},
            "a class that classifies reranks",
        ),
        ({"architectures": ["LlamaForCausalLM"], **LLAMA}, {"kind": None}, "any model can have this class"),
    ],
)
def test_a_config_json_is_read_in_the_words_of_its_family(
    config: dict[str, Any], expected: dict[str, Any], reason: str
) -> None:
    read = facts_of(config)

    assert {name: read.get(name) for name in expected} == expected, reason


@pytest.mark.parametrize(
    ("content", "message", "reason"),
    [
        (None, "cannot be read: No such file or directory", "it does not exist"),
        ("{", "is not a config.json", "it is not JSON"),
        ("[1]", "is not a config.json: expected a mapping of keys", "it is a list"),
        ('{"hidden_size": "many"}', "hiddenSize", "a size is not a number"),
        ('{"rope_scaling": 4}', "is not a config.json: rope_scaling is not a mapping", "a mapping is a number"),
        ('{"quantization_config": [1]}', "quantization_config is not a mapping", "a mapping is a list"),
    ],
)
def test_a_config_json_that_cannot_be_read_is_refused_and_its_service_not_judged(
    content: str | None, message: str, reason: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "own.json").write_text(content)
    text = f"{HEAD}    one:\n      image: a:1\n      engine: {{maxModelLen: 1024}}\n"
    text += "      model: {source: /m/our-model, configJson: own.json}\n"
    stack = resolve(load_text("test", str(tmp_path / "Pulumi.test.yaml"), text))
    (finding,) = check(stack).findings

    assert (finding.rule, finding.service) == ("config-json", "one")
    assert message in finding.message, reason
    assert stack.broken == ("one",)


def test_what_is_missing_is_named() -> None:
    stack = stack_of(
        "one:\n  image: a:1\n  model: {source: /m/own, facts: {hiddenSize: 4096}}\n  engine: {maxModelLen: 1}\n"
    )
    (finding,) = check(stack).errors

    assert "lack modelType, numAttentionHeads" in finding.message


@pytest.mark.parametrize(
    ("model", "model_type"),
    [
        ("Qwen3-32B", "qwen3"),
        ("Qwen3-32B-W8A8", "qwen3"),
        ("Qwen3-30B-A3B-Instruct-2507", "qwen3_moe"),
        ("Qwen3-VL-8B-Instruct", "qwen3_vl"),
        ("DeepSeek-V3.2-w8a8-mtp-QuaRot", "deepseek_v32"),
        ("GLM-4.6", "glm4_moe"),
        ("gpt-oss-20b", "gpt_oss"),
    ],
)
def test_a_model_that_is_newer_than_the_release_is_reported(model: str, model_type: str) -> None:
    stack = stack_of(f"one:\n  image: a:1\n  model: /m/{model}\n  npus: 8\n  engine: {{maxModelLen: 4096}}\n")

    messages = {finding.rule: finding.message for finding in check(stack).findings}

    assert messages["unknown-architecture"] == f"vLLM 0.6.3 does not have the model type {model_type}"
