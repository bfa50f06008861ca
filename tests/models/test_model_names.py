"""Models are found by name: as people write it, with a quantization at its end, and the nearest ones otherwise."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from models.catalog.known import find_model, known_models, nearest_models

MODELS = known_models()


def words(name: str) -> str:
    return re.sub(r"[-_.]", "-", name.lower())


def test_a_name_means_one_model() -> None:
    counted = Counter(words(name) for model in MODELS for name in model.names)

    assert [name for name, count in counted.items() if count > 1] == []


def test_without_its_separators_one_name_means_two_models_and_finds_none() -> None:
    owners: dict[str, set[str]] = {}
    for model in MODELS:
        for name in model.names:
            owners.setdefault(words(name).replace("-", ""), set()).add(model.name)

    assert {letters for letters, names in owners.items() if len(names) > 1} == {"qwen257b"}
    assert find_model("Qwen257B") is None
    assert {"Qwen2.5-7B", "Qwen2-57B"} <= set(nearest_models("qwen2-5-7b")) | set(nearest_models("qwen2-57b"))


def test_every_name_finds_its_model(subtests: pytest.Subtests) -> None:
    for name in sorted({name for model in MODELS for name in model.names}):
        with subtests.test(name=name):
            model = find_model(name)

            assert model is not None
            assert name in model.names
            assert model.suffix is None


@pytest.mark.parametrize(
    ("written", "name", "reason"),
    [
        ("qwen2-7b-instruct", "Qwen2-7B-Instruct", "small letters"),
        ("QWEN2_7B_INSTRUCT", "Qwen2-7B-Instruct", "capitals and underscores"),
        ("Qwen/Qwen2-7B-Instruct", "Qwen2-7B-Instruct", "its organization"),
        ("/mnt/models/Qwen2-7B-Instruct/", "Qwen2-7B-Instruct", "a path"),
        ("qwen2_5-7b", "Qwen2.5-7B", "an underscore for the point"),
        ("llama3-8b", "Meta-Llama-3-8B", "as the documentation writes it"),
        ("llama3.1-8b", "Llama-3.1-8B", "as the documentation writes it"),
        ("Meta-Llama-3.1-8B-Instruct", "Llama-3.1-8B", "the former name"),
        ("internvl2.5-38B", "InternVL2_5-38B", "a point for the underscore"),
        ("Qwen 2 7B Instruct", "Qwen2-7B-Instruct", "spaces"),
        ("qwen2-57B", "Qwen2-57B-A14B", "as the manual writes it, not Qwen2.5-7B"),
        ("Qwen2.5-7B", "Qwen2.5-7B", "not Qwen2-57B"),
    ],
)
def test_names_are_found_as_people_write_them(written: str, name: str, reason: str) -> None:
    model = find_model(written)

    assert model is not None, reason
    assert model.name == name, reason


@pytest.mark.parametrize(
    ("written", "name", "suffix"),
    [
        ("Qwen2-7B-Instruct-AWQ", "Qwen2-7B-Instruct", "AWQ"),
        ("qwen2-7b-w8a8", "Qwen2-7B", "w8a8"),
        ("Qwen2-7B-Instruct-GPTQ-Int4", "Qwen2-7B-Instruct", "GPTQ-Int4"),
        ("llama2-70b_SmoothQuant", "Llama-2-70b-hf", "SmoothQuant"),
        ("deepseek-ai/DeepSeek-V2-236B-W8A8", "DeepSeek-V2", "W8A8"),
        ("Qwen3-32B-W8A8", "Qwen3-32B", "W8A8"),
        ("/mnt/models/qwen3_32b_w4a4", "Qwen3-32B", "w4a4"),
        ("Eco-Tech/DeepSeek-V3.2-w8a8-mtp-QuaRot", "DeepSeek-V3.2", "w8a8-mtp-QuaRot"),
        ("deepseek-v3.2-W8A8-MTP-quarot", "DeepSeek-V3.2", "W8A8-MTP-quarot"),
        ("Kimi-K2-Thinking-W4A8", "Kimi-K2-Thinking", "W4A8"),
        ("Eco-Tech/Kimi-K2.5-w4a8", "Kimi-K2.5", "w4a8"),
        ("Eco-Tech/DeepSeek-V3.1-Terminus-w4a8-mtp-QuaRot", "DeepSeek-V3.1", "w4a8-mtp-QuaRot"),
        ("DeepSeek-V3.1_w8a8mix_mtp", "DeepSeek-V3.1", "w8a8mix-mtp"),
        ("Eco-Tech/DeepSeek-V3.1-w8a8c8-mxfp8", "DeepSeek-V3.1", "w8a8c8-mxfp8"),
        ("Eco-Tech/GLM-4.7-W8A8-floatmtp", "GLM-4.7", "W8A8-floatmtp"),
        ("vllm-ascend/GLM5-w4a8", "GLM-5", "w4a8"),
        ("vllm-ascend/GLM5-bf16", "GLM-5", "bf16"),
        ("vllm-ascend/GLM-5.2-w4a8c8", "GLM-5.2", "w4a8c8"),
        ("vllm-ascend/MiniMax-M2.7-w8a8c8-QuaRot", "MiniMax-M2.7", "w8a8c8-QuaRot"),
        ("Eco-Tech/Qwen3-30B-A3B-w8a8-QuaRot-310", "Qwen3-30B-A3B", "w8a8-QuaRot-310"),
        ("Eco-Tech/Qwen3-32B-w8a8sc-310-vllm", "Qwen3-32B", "w8a8sc-310-vllm"),
        ("Qwen3-235B-A22B-w8a8-rot", "Qwen3-235B-A22B", "w8a8-rot"),
        ("Eco-Tech/Qwen3.5-397B-A17B-w8a8-mtp", "Qwen3.5-397B-A17B", "w8a8-mtp"),
        ("Eco-Tech/Qwen3-VL-30B-A3B-Instruct-w8a8-mxfp8", "Qwen3-VL-30B-A3B-Instruct", "w8a8-mxfp8"),
        ("Qwen/Qwen3-32B-FP8", "Qwen3-32B", "FP8"),
        ("Qwen3-32B-mtp", None, None),
        ("Qwen2-1.5B-Instruct-A8W8C8", None, None),
        ("Qwen2-7B-AWQ-x", None, None),
        ("AWQ", None, None),
        ("-AWQ", None, None),
        ("", None, None),
    ],
)
def test_a_quantized_checkpoint_finds_the_model_and_says_so(written: str, name: str | None, suffix: str | None) -> None:
    model = find_model(written)

    assert (model.name if model else None, model.suffix if model else None) == (name, suffix)


def test_a_quantized_checkpoint_with_facts_of_its_own_keeps_them() -> None:
    model = find_model("Qwen2.5-72B-Instruct-AWQ")

    assert model is not None
    assert model.suffix is None
    assert model.facts is not None
    assert (model.facts.quantization, model.facts.intermediate_size) == ("awq", 29696)


def test_another_checkpoint_does_not_have_the_quantization_of_the_published_one() -> None:
    published, quantized = find_model("DeepSeek-R1"), find_model("DeepSeek-R1-W8A8")

    assert published is not None
    assert published.facts is not None
    assert published.facts.quantization == "fp8"
    assert quantized is not None
    assert quantized.facts == published.facts.model_copy(update={"quantization": None})


@pytest.mark.parametrize(
    ("written", "near"),
    [("Qwen2-8B-Instruct", "Qwen2-7B-Instruct"), ("qwen/llama-3-80b", "Llama-3-70B"), ("mixtral-8x8b", "Mixtral-8x7B")],
)
def test_an_unknown_name_has_near_ones(written: str, near: str) -> None:
    assert find_model(written) is None
    assert near in nearest_models(written)


def test_nothing_is_near_to_nonsense() -> None:
    assert nearest_models("zzz") == []
