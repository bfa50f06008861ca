"""The facts of a model in its own config.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from models.catalog.facts import Facts

_OTHER_NAMES = {
    "hidden_size": ("n_embd", "d_model"),
    "num_attention_heads": ("n_head", "n_heads", "num_heads"),
    "num_key_value_heads": ("multi_query_group_num", "num_kv_heads", "n_head_kv"),
    "num_hidden_layers": ("num_layers", "n_layer", "n_layers"),
    "intermediate_size": ("ffn_hidden_size", "n_inner"),
    "vocab_size": ("padded_vocab_size",),
    "max_position_embeddings": (
        "n_positions",
        "max_sequence_length",
        "max_seq_length",
        "max_seq_len",
        "seq_len",
    ),
    "num_experts": ("num_local_experts", "n_routed_experts"),
    "moe_layer_step": ("interleave_moe_layer_step", "decoder_sparse_step"),
    "shared_expert_intermediate_size": ("shared_intermediate_size",),
    "n_shared_experts": ("num_shared_experts",),
    "num_nextn_predict_layers": ("mtp_num_hidden_layers",),
    "torch_dtype": ("dtype",),
}
"""The names of a fact in the config.json of some model families, by the name that most families use."""

TEXT_BACKBONES = ("text_config", "llm_config", "language_config")
"""Keys with the configuration of the text model in a multimodal model."""

_PICTURE_MODELS = ("vision_config", "visual", "mm_vision_tower")
"""Keys with the configuration of the vision model in a multimodal model."""

_DENSE_SIZES = ("intermediate_size_mlp", "dense_intermediate_size")
"""Keys with the intermediate size of layers without experts. `intermediate_size` is the size of an expert then."""

_IMPLIED: dict[str, dict[str, Any]] = {
    "llama4": {"n_shared_experts": 1},
    "qwen3_next": {"attn_output_gate": True},
}
"""Facts that follow from the model type. The config.json does not state them."""


def facts_of(config: Any) -> dict[str, Any]:
    """The facts of a config.json under the keys of `Facts`. Of a multimodal model, those of its text model.

    Raises:
        ValueError: The content is not a mapping, or a key with a mapping has another value.
    """
    if not isinstance(config, dict):
        raise ValueError("expected a mapping of keys")  # noqa: TRY004  as for JSON that cannot be read
    text_model = _text_model(config)
    facts = {name: _value(text_model, name) for name in Facts.model_fields}
    facts["model_type"] = config.get("model_type")
    facts["kind"] = _kind(config)
    facts |= _feed_forward_sizes(text_model, facts)
    if facts["first_k_dense_replace"] is None:
        facts["first_k_dense_replace"] = _count(text_model, "moe_layer_freq", 0)
    facts["rope_scaling"] = rope_scaling_facts(_rope_scaling(text_model))
    facts["sliding_window"] = _sliding_window(text_model)
    facts["num_full_attention_layers"] = _full_attention_layers(text_model, facts)
    facts["num_index_layers"] = _index_layers(text_model)
    quantization = _mapping(text_model, "quantization_config")
    facts["quantization"] = quantization.get("quant_method")
    if not quantization and _mapping(text_model, "compression_config"):
        facts["quantization"] = "compressed-tensors"
    facts["num_key_value_heads"] = (
        facts["num_key_value_heads"] or facts["num_attention_heads"]
    )
    facts["multimodal"] = any(config.get(key) for key in _PICTURE_MODELS)
    facts["moe"] = bool(facts["num_experts"])
    facts |= _IMPLIED.get(str(facts["model_type"]), {})
    return {to_camel(name): value for name, value in facts.items() if value is not None}


def names_of(fact: str) -> tuple[str, ...]:
    """The names of a fact in config.json, the usual one first."""
    return (fact, *_OTHER_NAMES.get(fact, ()))


def rope_scaling_facts(rope_scaling: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The facts of `rope_scaling` in a config.json."""
    if not rope_scaling:
        return None
    facts: dict[str, Any] = {
        "type": rope_scaling.get("type") or rope_scaling.get("rope_type")
    }
    for key in ("factor", "original_max_position_embeddings"):
        if rope_scaling.get(key):
            facts[to_camel(key)] = rope_scaling[key]
    return facts


def _text_model(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the values of the text model, where it has its own."""
    for key in TEXT_BACKBONES:
        if isinstance(config.get(key), dict):
            return {**config, **config[key]}
    return dict(config)


def _mapping(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The mapping under a key; empty if there is none."""
    value = config.get(key)
    if not value:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{key} is not a mapping")  # noqa: TRY004  as for JSON that cannot be read
    return value


def _value(config: Mapping[str, Any], name: str) -> Any:
    """The value of a fact under the first of its names."""
    for key in names_of(name):
        if config.get(key) is not None:
            return config[key]
    return None


def _kind(config: Mapping[str, Any]) -> str | None:
    """The task of the model, by its class: a class without a head embeds, a class that classifies reranks.

    Many models for embedding and reranking have the class of a model that generates text. Their config.json does not
    state their purpose.
    """
    architectures = config.get("architectures")
    if not isinstance(architectures, list) or not architectures:
        return None
    architecture = str(architectures[0])
    if architecture.endswith("ForSequenceClassification"):
        return "rerank"
    if architecture.endswith("Model"):
        return "embed"
    return None


def _feed_forward_sizes(
    text_model: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The inner sizes of the feed-forward blocks: without experts, of an expert, and of the shared expert."""
    dense_size = facts["intermediate_size"]
    expert_size = facts["moe_intermediate_size"]
    shared_size = facts["shared_expert_intermediate_size"] or None
    for key in _DENSE_SIZES:
        if text_model.get(key):
            expert_size = expert_size or dense_size
            dense_size = text_model[key]
    dense_size = dense_size or expert_size
    if dense_size is None and isinstance(facts["hidden_size"], int):
        dense_size = 4 * facts["hidden_size"]
    return {
        "intermediate_size": dense_size,
        "moe_intermediate_size": expert_size,
        "shared_expert_intermediate_size": shared_size,
    }


def _rope_scaling(text_model: Mapping[str, Any]) -> dict[str, Any] | None:
    """The RoPE scaling under its name of today or its former name; None if the positions are not scaled."""
    scaling = _mapping(text_model, "rope_scaling")
    if not scaling:
        scaling = _mapping(text_model, "rope_parameters")
    scaling_type = scaling.get("type") or scaling.get("rope_type")
    if scaling_type in (None, "default"):
        return None
    return scaling


def _sliding_window(config: Mapping[str, Any]) -> Any:
    if not config.get("use_sliding_window", True):
        return None
    return config.get("sliding_window")


def _full_attention_layers(
    text_model: Mapping[str, Any], facts: Mapping[str, Any]
) -> int | None:
    """How many layers attend to the whole sequence; None if the config.json does not name kinds of layers."""
    counted = _count(text_model, "layer_types", "full_attention")
    interval = text_model.get("full_attention_interval")
    layers = facts["num_hidden_layers"]
    if counted is not None or not interval or not isinstance(layers, int):
        return counted
    return layers // int(interval)


def _index_layers(text_model: Mapping[str, Any]) -> int | None:
    """How many layers have a separate indexer; None if all or none have one.

    DeepSeek V4 has an indexer in the layers where 4 tokens share an entry of the KV cache.
    """
    counted = _count(text_model, "indexer_types", "full")
    if counted is None:
        counted = _count(text_model, "compress_ratios", 4)
    return counted


def _count(text_model: Mapping[str, Any], key: str, kind: str | int) -> int | None:
    """How many layers of a list are of a kind; None if there is no such list, or if all or none are of this kind."""
    kinds = text_model.get(key)
    if not isinstance(kinds, list) or kinds.count(kind) in (0, len(kinds)):
        return None
    return kinds.count(kind)
