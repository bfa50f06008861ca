"""The catalogue of models: every fact has a source and fits the others, and names are found as people write them."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter

import pytest

from models.catalog.known import ModelFacts, find_model, known_models
from tests.conftest import ROOT

MODELS = known_models()
WITH_FACTS = [model for model in MODELS if model.facts]
PUBLISHED = sorted(
    {(line.release, line.model, line.npu_memory) for model in MODELS for line in model.published},
)

LATENT_ATTENTION = {
    "deepseek_v2",
    "deepseek_v3",
    "deepseek_v32",
    "glm4_moe_lite",
    "glm_moe_dsa",
    "kimi_k2",
    "kimi_k25",
}
SPARSE_ATTENTION = {"deepseek_v32", "deepseek_v4", "glm_moe_dsa"}


def facts_of(name: str) -> ModelFacts:
    model = find_model(name)
    assert model is not None
    assert model.facts is not None
    return model.facts


def test_every_model_says_where_it_is_from(subtests: pytest.Subtests) -> None:
    for model in MODELS:
        with subtests.test(model=model.name):
            assert model.source
            assert model.family
            for line in model.published:
                assert line.source.startswith("https://")


def test_a_source_of_facts_can_be_looked_up(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            for part in model.source.split("; "):
                assert re.match(
                    r"[\w.-]+/[\w.-]+(@[0-9a-f]{12})?: \S+|https://|huggingface\.co/\S+: |arXiv:\d", part
                ), part


def test_a_fact_at_second_hand_is_marked(subtests: pytest.Subtests) -> None:
    for model in [model for model in WITH_FACTS if "huggingface.co/" in model.source]:
        with subtests.test(model=model.name):
            assert (model.note and "second hand" in model.note) or "README.md" in model.source


def test_no_source_is_a_path_of_somebodys_machine() -> None:
    text = (ROOT / "models" / "catalog" / "models.json").read_text(encoding="utf-8")

    assert not re.search(r'(?<![\w.-])/(work|home|root|tmp|nfs|mnt)/|\\\\|"/', text)


def test_facts_are_what_a_stack_file_could_give(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            assert model.facts is not None

            assert ModelFacts.model_validate_json(model.facts.model_dump_json(by_alias=True)) == model.facts


def test_numbers_are_positive(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            facts = model.facts
            assert facts is not None

            for name, value in facts.model_dump().items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    assert value > 0, name


def test_heads_fit_each_other_and_the_hidden_size(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            facts = model.facts
            assert facts is not None

            assert facts.num_attention_heads % facts.num_key_value_heads == 0
            assert facts.head_dim or facts.kv_lora_rank or facts.hidden_size % facts.num_attention_heads == 0
            assert facts.head_size in head_sizes(facts)


def head_sizes(facts: ModelFacts) -> tuple[int, ...]:
    """The head sizes that models of this kind of attention have."""
    if facts.kv_lora_rank:
        return (192, 256)
    if facts.o_lora_rank:
        return (512,)
    if facts.linear_num_value_heads or facts.model_type == "gemma":
        return (256,)
    if facts.model_type.startswith("gemma"):
        return (128, 256)
    if facts.model_type in ("phi3", "phi3_v"):
        return (96, 128)
    return (64, 128)


def test_sizes_are_those_of_a_language_model(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            facts = model.facts
            assert facts is not None

            has_dense_layers = not facts.moe or facts.first_k_dense_replace or facts.moe_layer_step
            if has_dense_layers:
                assert facts.intermediate_size > facts.hidden_size
                assert facts.intermediate_size % 64 == 0
            if facts.moe:
                assert (facts.moe_intermediate_size or facts.intermediate_size) % 64 == 0
            assert facts.vocab_size > 20_000
            assert (facts.context is None) == (model.note is not None and "length is not known" in model.note)
            assert facts.context is None or facts.longest >= facts.context >= (512 if model.family == "BGE" else 1024)
            assert facts.torch_dtype in (None, "float16", "bfloat16", "float32")


def test_experts_are_counted_where_there_are_some(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            facts = model.facts
            assert facts is not None

            assert facts.moe == bool(facts.num_experts) == bool(facts.num_experts_per_tok)
            if facts.num_experts and facts.num_experts_per_tok:
                assert facts.num_experts_per_tok < facts.num_experts
            else:
                experts = (facts.moe_intermediate_size, facts.n_shared_experts, facts.shared_expert_intermediate_size)
                assert experts == (None, None, None)


def test_latent_attention_is_complete_or_absent(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            facts = model.facts
            assert facts is not None
            latent = (facts.kv_lora_rank, facts.qk_nope_head_dim, facts.v_head_dim)

            assert all(latent) == any(latent) == (facts.model_type in LATENT_ATTENTION)
            assert not facts.kv_lora_rank or facts.qk_rope_head_dim


def test_sparse_attention_is_complete_or_absent(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            facts = model.facts
            assert facts is not None
            sparse = (facts.index_topk, facts.index_n_heads, facts.index_head_dim)

            assert all(sparse) == any(sparse) == (facts.model_type in SPARSE_ATTENTION)
            assert not facts.num_index_layers or facts.index_topk


def test_linear_attention_is_complete_or_absent(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            facts = model.facts
            assert facts is not None
            linear = (
                facts.linear_num_key_heads,
                facts.linear_num_value_heads,
                facts.linear_key_head_dim,
                facts.linear_value_head_dim,
            )

            assert all(linear) == any(linear) == facts.model_type.startswith(("qwen3_next", "qwen3_5"))
            if any(linear):
                assert facts.num_full_attention_layers == facts.num_hidden_layers // 4


def test_layers_of_a_kind_are_fewer_than_all(subtests: pytest.Subtests) -> None:
    for model in WITH_FACTS:
        with subtests.test(model=model.name):
            facts = model.facts
            assert facts is not None

            for layers in (facts.num_full_attention_layers, facts.num_index_layers, facts.first_k_dense_replace):
                assert layers is None or 0 < layers < facts.num_hidden_layers
            if facts.compress_ratios:
                assert len(facts.compress_ratios) == facts.num_hidden_layers + (facts.num_nextn_predict_layers or 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "DeepSeek-V3",
            {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "num_nextn_predict_layers": 1, "index_topk": None},
        ),
        ("DeepSeek-V3.2", {"kv_lora_rank": 512, "index_topk": 2048, "index_head_dim": 128, "num_index_layers": None}),
        ("GLM-5.2", {"index_topk": 2048, "num_index_layers": 21, "max_position_embeddings": 1048576}),
        ("Kimi-K2-Thinking", {"num_experts": 384, "first_k_dense_replace": 1, "num_nextn_predict_layers": None}),
        ("Qwen3-Next-80B-A3B-Instruct", {"num_full_attention_layers": 12, "attn_output_gate": True}),
        ("gpt-oss-120b", {"sliding_window": 128, "num_full_attention_layers": 18, "quantization": "mxfp4"}),
        (
            "Llama-4-Maverick-17B-128E-Instruct",
            {"moe_layer_step": 2, "n_shared_experts": 1, "intermediate_size": 16384},
        ),
        ("MiniMax-M3", {"first_k_dense_replace": 3, "intermediate_size": 12288, "moe_intermediate_size": 3072}),
        ("DeepSeek-V4-Flash", {"num_key_value_heads": 1, "o_groups": 8, "num_index_layers": 21}),
        ("Qwen3-VL-8B-Instruct", {"multimodal": True, "model_type": "qwen3_vl"}),
    ],
)
def test_the_facts_of_newer_models_are_those_of_their_config_json(name: str, expected: dict[str, object]) -> None:
    facts = facts_of(name).model_dump()

    assert {key: facts[key] for key in expected} == expected


def test_models_for_embedding_and_reranking_are_marked() -> None:
    kinds = {model.name: model.facts.kind for model in WITH_FACTS if model.facts and model.facts.kind != "generate"}

    assert kinds == {
        "bge-base-en-v1.5": "embed",
        "bge-base-zh-v1.5": "embed",
        "bge-large-en-v1.5": "embed",
        "bge-m3": "embed",
        "bge-reranker-v2-m3": "rerank",
        "Qwen3-Embedding-0.6B": "embed",
        "Qwen3-Embedding-4B": "embed",
        "Qwen3-Embedding-8B": "embed",
        "Qwen3-Reranker-0.6B": "rerank",
        "Qwen3-Reranker-4B": "rerank",
        "Qwen3-Reranker-8B": "rerank",
        "Qwen3-VL-Embedding-2B": "embed",
        "Qwen3-VL-Embedding-8B": "embed",
        "Qwen3-VL-Reranker-2B": "rerank",
        "Qwen3-VL-Reranker-8B": "rerank",
    }


@pytest.mark.parametrize(
    ("name", "context", "longest", "reason"),
    [
        ("Meta-Llama-3-8B", 8192, 8192, "plain"),
        ("Qwen-7B-Chat", 8192, 8192, "the shorter of two lengths"),
        ("Baichuan2-13B-Chat", 4096, 4096, "under the third name"),
        ("Llama-3.1-8B", 131072, 131072, "llama3 scaling is part of the stated length"),
        ("Qwen2-VL-7B-Instruct", 32768, 32768, "mrope does not stretch"),
        ("DeepSeek-V2", 163840, 163840, "YaRN starts from the original length"),
        ("internlm2_5-7b", 32768, 65536, "dynamic scaling stretches"),
        ("deepseek-coder-33b-instruct", 16384, 65536, "linear scaling stretches"),
    ],
)
def test_the_longest_length_is_the_engines(name: str, context: int, longest: int, reason: str) -> None:
    assert (facts_of(name).context, facts_of(name).longest) == (context, longest), reason


@pytest.mark.parametrize(
    ("name", "heads", "kv_heads", "reason"),
    [
        ("Qwen2-7B-Instruct", 28, 4, "TP 8 is impossible"),
        ("Qwen2-72B-Instruct", 64, 8, "grouped"),
        ("Llama-2-7b-hf", 32, 32, "every head has its own"),
        ("Qwen2-57B-A14B", 28, 4, "experts"),
        ("chatglm3-6b", 32, 2, "two groups"),
    ],
)
def test_heads_are_those_of_config_json(name: str, heads: int, kv_heads: int, reason: str) -> None:
    facts = facts_of(name)

    assert (facts.num_attention_heads, facts.num_key_value_heads) == (heads, kv_heads), reason


@pytest.mark.parametrize("name", ["mixtral-8x7B", "qwen2-57B", "deepseek-v2-lite-16B", "deepseek-v2-236B-W8A8"])
def test_the_moe_models_of_the_manual_are_known(name: str) -> None:
    assert facts_of(name).moe


@pytest.mark.parametrize("name", ["llava-1.5-7b", "Qwen2-VL-7B", "InternVL2-8B", "MiniCPM-V 2.6", "qwen2.5-vl-72B"])
def test_multimodal_models_are_marked(name: str) -> None:
    assert facts_of(name).multimodal


def test_models_stand_in_the_order_of_their_names() -> None:
    def natural(text: str) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text.lower())]

    names = [(natural(model.family), natural(model.name)) for model in MODELS]

    assert names == sorted(names)


def test_the_whole_published_table_is_there() -> None:
    assert len(PUBLISHED) == 101
    assert Counter(release for release, _, _ in PUBLISHED) == {
        "6.5.910": 39,
        "6.5.907": 34,
        "6.5.902": 22,
        "5908xxx": 6,
    }


def test_every_published_line_is_reached_by_its_name(subtests: pytest.Subtests) -> None:
    for release, name, memory in PUBLISHED:
        with subtests.test(release=release, name=name, memory=memory):
            model = find_model(name)

            assert model is not None
            lines = [(line.release, line.model, line.npu_memory) for line in model.published]
            assert (release, name, memory) in lines


def test_a_line_of_the_base_model_holds_for_its_instruct() -> None:
    base, instruct = find_model("Qwen2-7B"), find_model("Qwen2-7B-Instruct")

    assert base is not None
    assert instruct is not None
    assert base.published == instruct.published != ()


def test_published_lines_are_whole(subtests: pytest.Subtests) -> None:
    for model in [model for model in MODELS if model.published]:
        with subtests.test(model=model.name):
            for line in model.published:
                assert line.npu_memory in ("32Gi", "64Gi")
                assert line.gpu_memory_utilization == (0.9 if line.release == "6.5.902" else 0.95)
                assert (line.npus is None) == (line.max_model_len is None)
                if line.npus and line.max_model_len:
                    assert line.npus in (1, 2, 4, 8, 16)
                    assert line.max_model_len % 512 == 0


def test_what_is_not_supported_is_said() -> None:
    lines = [line for model in MODELS for line in model.published if line.npus is None]

    assert {(line.model, line.npu_memory) for line in lines} == {
        ("qwen2.5-vl-72B", "32Gi"),
        ("internvl2.5-38B", "32Gi"),
    }


def test_every_model_has_facts_and_says_where_they_are_not_its_own() -> None:
    borrowed = [model.name for model in MODELS if model.note and "was not seen" in model.note]

    assert [model.name for model in MODELS if model.facts is None] == []
    assert borrowed == ["InternVL2-40B", "InternVL2_5-38B", "llava-v1.6-34b", "llava-onevision-qwen2-0.5b-ov"]


def test_the_data_has_no_keys_that_the_program_does_not_read() -> None:
    entries = json.loads((ROOT / "models" / "catalog" / "models.json").read_text(encoding="utf-8"))
    keys = {key for entry in entries for key in entry}

    assert keys == {"name", "names", "family", "facts", "source", "note", "published"}
    assert len(entries) == len(MODELS)


def test_the_catalogue_is_read_once_and_cannot_be_changed() -> None:
    assert known_models() is MODELS
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODELS[0].family = "mine"  # type: ignore[misc]  # the point of the test
