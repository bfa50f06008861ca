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
    "torch_dtype": ("dtype",),
}
"""The names of a fact in the config.json of some model families, by the name that most families use."""

_TEXT_BACKBONES = ("text_config", "llm_config", "language_config")
"""Keys with the configuration of the text model in a multimodal model."""

_PICTURE_MODELS = ("vision_config", "visual", "mm_vision_tower")
"""Keys with the configuration of the vision model in a multimodal model."""


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
    if isinstance(facts["hidden_size"], int):
        facts["intermediate_size"] = (
            facts["intermediate_size"] or 4 * facts["hidden_size"]
        )
    facts["rope_scaling"] = rope_scaling_facts(_mapping(text_model, "rope_scaling"))
    facts["sliding_window"] = _sliding_window(text_model)
    facts["quantization"] = _mapping(config, "quantization_config").get("quant_method")
    facts["num_key_value_heads"] = (
        facts["num_key_value_heads"] or facts["num_attention_heads"]
    )
    facts["multimodal"] = any(config.get(key) for key in _PICTURE_MODELS)
    facts["moe"] = bool(facts["num_experts"])
    return {to_camel(name): value for name, value in facts.items() if value is not None}


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
    for key in _TEXT_BACKBONES:
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
    for key in (name, *_OTHER_NAMES.get(name, ())):
        if config.get(key) is not None:
            return config[key]
    return None


def _sliding_window(config: Mapping[str, Any]) -> Any:
    if not config.get("use_sliding_window", True):
        return None
    return config.get("sliding_window")
