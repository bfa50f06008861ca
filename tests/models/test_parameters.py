"""The parameters that follow from the facts of each model are as many as its card or paper states."""

from __future__ import annotations

import pytest

from models.catalog.facts import ModelFacts
from models.catalog.known import KnownModel, known_models
from models.catalog.sizes import all_parameters, table_parameters

TOLERANCE = 0.02

PUBLISHED: dict[float, tuple[str, ...]] = {
    0.36: ("ERNIE-4.5-0.3B-PT", "PaddleOCR-VL"),
    0.464: ("Qwen1.5-0.5B-Chat",),
    0.494: (
        "Qwen2-0.5B",
        "Qwen2-0.5B-Instruct",
        "Qwen2.5-0.5B",
        "llava-onevision-qwen2-0.5b-ov",
        "llava-onevision-qwen2-0.5b-ov-hf",
    ),
    0.6: ("Qwen3-0.6B", "Qwen3-Embedding-0.6B", "Qwen3-Reranker-0.6B"),
    0.63: ("InternVL2-1B",),
    1.0: ("gemma-3-1b-it",),
    1.24: ("Llama-3.2-1B",),
    1.35: ("deepseek-coder-1.3b-instruct",),
    1.54: (
        "Qwen2-1.5B",
        "Qwen2-1.5B-Instruct",
        "Qwen2-VL-2B-Instruct",
        "Qwen2.5-1.5B",
        "Qwen2.5-1.5B-Instruct",
        "Qwen2.5-Coder-1.5B",
        "Qwen2.5-Math-1.5B",
    ),
    1.72: ("Qwen3-1.7B", "Qwen3-ASR-1.7B", "Qwen3-VL-2B-Instruct", "Qwen3-VL-Embedding-2B", "Qwen3-VL-Reranker-2B"),
    1.78: ("DeepSeek-R1-Distill-Qwen-1.5B",),
    1.84: ("Qwen-1_8B-Chat", "Qwen1.5-1.8B-Chat"),
    2.51: ("gemma-2b",),
    2.61: ("gemma-2-2b-it",),
    2.72: ("MiniCPM-V-2",),
    3.09: ("Qwen2.5-3B", "Qwen2.5-VL-3B-Instruct"),
    3.21: ("Llama-3.2-3B",),
    3.82: ("Phi-3-mini-128k-instruct", "Phi-3-vision-128k-instruct", "Phi-3.5-mini-instruct"),
    3.84: ("Phi-4-mini-instruct",),
    3.88: ("gemma-3-4b-it",),
    3.95: ("Qwen1.5-4B-Chat",),
    4.0: ("Qwen3-4B", "Qwen3-4B-Instruct-2507", "Qwen3-VL-4B-Instruct"),
    4.02: ("Qwen3-Embedding-4B", "Qwen3-Reranker-4B"),
    6.06: ("Yi-1.5-6B", "Yi-6B-200K", "Yi-6B-Chat"),
    6.24: ("chatglm2-6b", "chatglm2-6b-32k", "chatglm3-6b", "chatglm3-6b-32k"),
    6.74: (
        "llama-7b",
        "Llama-2-7b-hf",
        "llava-1.5-7b-hf",
        "llava-v1.5-7b",
        "llava-v1.6-vicuna-7b",
        "llava-v1.6-vicuna-7b-hf",
        "LLaVA-NeXT-Video-7B-hf",
    ),
    6.91: ("deepseek-llm-7b-chat",),
    7.0: ("Baichuan-7B",),
    7.24: (
        "llava-v1.6-mistral-7b-hf",
        "Mistral-7B-Instruct-v0.2",
        "Mistral-7B-v0.1",
        "Mistral-7B-v0.3",
    ),
    7.32: ("internlm-7b",),
    7.5: ("Baichuan2-7B-Chat",),
    7.57: ("Qwen3-Embedding-8B", "Qwen3-VL-Embedding-8B"),
    7.62: (
        "Qwen2.5-Omni-7B",
        "DeepSeek-R1-Distill-Qwen-7B",
        "llava-onevision-qwen2-7b-ov",
        "llava-onevision-qwen2-7b-ov-hf",
        "MiniCPM-V-2_6",
        "Qwen2-7B",
        "Qwen2-7B-Instruct",
        "Qwen2-VL-7B-Instruct",
        "Qwen2.5-7B",
        "Qwen2.5-7B-Instruct",
        "Qwen2.5-Coder-7B",
        "Qwen2.5-Math-7B",
        "Qwen2.5-VL-7B-Instruct",
    ),
    7.72: ("Qwen-7B-Chat", "Qwen1.5-7B-Chat", "Qwen2-Audio-7B-Instruct"),
    7.74: ("internlm2-7b", "internlm2_5-7b", "InternVL2-8B"),
    8.03: ("DeepSeek-R1-Distill-Llama-8B", "Llama-3.1-8B", "Meta-Llama-3-8B"),
    8.19: (
        "DeepSeek-R1-0528-Qwen3-8B",
        "Qwen3-8B",
        "Qwen3-Reranker-8B",
        "Qwen3-VL-Reranker-8B",
        "Qwen3-VL-8B-Instruct",
    ),
    8.54: ("gemma-7b",),
    8.83: ("Yi-1.5-9B", "Yi-9B"),
    9.24: ("gemma-2-9b-it",),
    9.4: ("GLM-4-9B-0414", "glm-4-9b", "glm-4-9b-chat"),
    9.78: ("Llama-3.2-11B-Vision-Instruct",),
    11.8: ("gemma-3-12b-it",),
    13.0: (
        "llama-13b",
        "Llama-2-13b-hf",
        "llava-1.5-13b-hf",
        "llava-v1.5-13b",
        "llava-v1.6-vicuna-13b",
        "llava-v1.6-vicuna-13b-hf",
    ),
    13.26: ("Baichuan-13B-Chat",),
    13.9: ("Baichuan2-13B-Chat",),
    14.2: ("Qwen-14B-Chat", "Qwen1.5-14B-Chat"),
    14.3: ("Qwen1.5-MoE-A2.7B-Chat",),
    14.66: ("phi-4", "Phi-4-reasoning"),
    14.8: (
        "DeepSeek-R1-Distill-Qwen-14B",
        "Qwen2.5-14B",
        "Qwen2.5-14B-Instruct",
        "Qwen3-14B",
    ),
    15.7: ("DeepSeek-V2-Lite",),
    16.4: ("deepseek-moe-16b-base",),
    19.86: ("internlm2-20b", "InternVL2-26B"),
    20.9: ("gpt-oss-20b",),
    21.8: ("ERNIE-4.5-21B-A3B-PT",),
    23.6: ("Mistral-Small-3.1-24B-Instruct-2503",),
    25.2: ("gemma-4-26B-A4B-it",),
    27.0: ("gemma-3-27b-it", "Qwen3.5-27B", "Qwen3.6-27B", "Qwen3.8-27B"),
    27.2: ("gemma-2-27b-it",),
    30.0: ("GLM-4.7-Flash",),
    30.5: (
        "Qwen3-30B-A3B",
        "Qwen3-30B-A3B-Instruct-2507",
        "Qwen3-Coder-30B-A3B-Instruct",
        "Qwen3-Omni-30B-A3B-Instruct",
        "Qwen3-VL-30B-A3B-Instruct",
    ),
    30.7: ("gemma-4-31B-it",),
    32.5: ("llama-30b", "Qwen1.5-32B-Chat"),
    32.8: (
        "DeepSeek-R1-Distill-Qwen-32B",
        "InternVL2_5-38B",
        "Qwen2.5-32B",
        "Qwen2.5-32B-Instruct",
        "Qwen2.5-Coder-32B",
        "Qwen2.5-VL-32B-Instruct",
        "Qwen3-32B",
        "Qwen3-VL-32B-Instruct",
        "QwQ-32B",
        "QwQ-32B-Preview",
    ),
    33.3: ("deepseek-coder-33b-instruct",),
    34.4: (
        "InternVL2-40B",
        "llava-v1.6-34b",
        "llava-v1.6-34b-hf",
        "Yi-1.5-34B",
        "Yi-34B",
        "Yi-34B-200K",
    ),
    35.0: ("Qwen3.5-35B-A3B", "Qwen3.6-35B-A3B"),
    41.9: ("Phi-3.5-MoE-instruct",),
    46.7: ("Mixtral-8x7B-v0.1",),
    57.4: ("Qwen2-57B-A14B", "Qwen2-57B-A14B-Instruct"),
    65.2: ("llama-65b",),
    67.4: ("deepseek-llm-67b-chat",),
    69.0: ("Llama-2-70b-hf",),
    70.6: (
        "DeepSeek-R1-Distill-Llama-70B",
        "InternVL2-Llama3-76B",
        "Llama-3.1-70B",
        "Llama-3.3-70B-Instruct",
        "Meta-Llama-3-70B",
    ),
    72.7: (
        "Qwen-72B-Chat",
        "Qwen1.5-72B-Chat",
        "Qwen2-72B",
        "Qwen2-72B-Instruct",
        "Qwen2-VL-72B-Instruct",
        "Qwen2.5-72B",
        "Qwen2.5-72B-Instruct",
        "Qwen2.5-72B-Instruct-AWQ",
        "Qwen2.5-Math-72B",
        "Qwen2.5-VL-72B-Instruct",
    ),
    80.0: ("Qwen3-Next-80B-A3B-Instruct",),
    87.7: ("Llama-3.2-90B-Vision-Instruct",),
    106: ("GLM-4.5-Air", "GLM-4.5V"),
    109: ("Llama-4-Scout-17B-16E-Instruct",),
    111: ("Qwen1.5-110B-Chat",),
    117: ("gpt-oss-120b",),
    122: ("Qwen3.5-122B-A10B",),
    141: ("Mixtral-8x22B-Instruct-v0.1", "Mixtral-8x22B-v0.1"),
    230: ("MiniMax-M2", "MiniMax-M2.5", "MiniMax-M2.7"),
    235: (
        "Qwen3-235B-A22B",
        "Qwen3-235B-A22B-Instruct-2507",
        "Qwen3-VL-235B-A22B-Instruct",
    ),
    236: ("DeepSeek-V2",),
    284: ("DeepSeek-V4-Flash",),
    32.6: ("GLM-4-32B-0414",),
    295: ("Hy3-preview",),
    355: ("GLM-4.5", "GLM-4.6", "GLM-4.7"),
    397: ("Qwen3.5-397B-A17B",),
    400: ("Llama-4-Maverick-17B-128E-Instruct",),
    405: ("Llama-3.1-405B",),
    428: ("MiniMax-M3",),
    480: ("Qwen3-Coder-480B-A35B-Instruct",),
    671: ("DeepSeek-R1", "DeepSeek-V3", "DeepSeek-V3.1", "DeepSeek-V3.2"),
    744: ("GLM-5", "GLM-5.1", "GLM-5.2"),
    1040: (
        "Kimi-K2-Instruct",
        "Kimi-K2-Thinking",
        "Kimi-K2.5",
        "Kimi-K2.6",
        "Kimi-K2.7-Code",
    ),
    1600: ("DeepSeek-V4-Pro",),
    2400: ("Qwen3.8-2.4T-A95B",),
}
"""Billions of parameters, without MTP layers; of a multimodal model, those of its text model."""

ENCODERS = {
    "bge-base-en-v1.5",
    "bge-base-zh-v1.5",
    "bge-large-en-v1.5",
    "bge-m3",
    "bge-reranker-v2-m3",
}
"""BERT models. They have neither a gate in the feed-forward block nor an output layer, but both are counted."""

TIED_WITHOUT_SOURCE = {"MiniCPM-V-2", "Qwen2.5-Coder-1.5B", "Qwen2.5-Math-1.5B"}
"""Models with tied embeddings whose source does not state it. Two tables are counted."""

WITH_FACTS = {model.name: model for model in known_models() if model.facts is not None}


def billions(facts: ModelFacts, *, tables_too_many: int = 0) -> float:
    return (all_parameters(facts) - tables_too_many * table_parameters(facts)) / 1e9


def published(model: KnownModel) -> float:
    (count,) = (count for count, names in PUBLISHED.items() if model.name in names)
    return count


def test_every_model_with_facts_has_a_published_count() -> None:
    counted = [name for names in PUBLISHED.values() for name in names]

    assert sorted([*counted, *ENCODERS]) == sorted(WITH_FACTS)


def test_the_facts_give_the_published_number_of_parameters(subtests: pytest.Subtests) -> None:
    for name in sorted(WITH_FACTS.keys() - ENCODERS):
        with subtests.test(model=name):
            model = WITH_FACTS[name]
            assert model.facts is not None
            has_no_output_layer = model.facts.kind == "embed" and not model.facts.tie_word_embeddings
            tables_too_many = int(has_no_output_layer or name in TIED_WITHOUT_SOURCE)

            counted = billions(model.facts, tables_too_many=tables_too_many)

            assert counted == pytest.approx(published(model), rel=TOLERANCE)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_the_count_of_an_encoder_is_an_upper_bound(name: str) -> None:
    facts = WITH_FACTS[name].facts
    assert facts is not None
    actual = {
        "bge-base-en-v1.5": 0.109,
        "bge-base-zh-v1.5": 0.102,
        "bge-large-en-v1.5": 0.335,
        "bge-m3": 0.568,
        "bge-reranker-v2-m3": 0.568,
    }

    assert actual[name] < billions(facts) < 2 * actual[name]
