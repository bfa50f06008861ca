"""The facts of a model in its own config.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from models.catalog.facts import Facts

_NAMES = {
    "hidden_size": ("n_embd", "d_model"),
    "num_attention_heads": ("n_head", "n_heads", "num_heads"),
    "num_key_value_heads": ("multi_query_group_num", "num_kv_heads", "n_head_kv"),
    "num_hidden_layers": ("num_layers", "n_layer", "n_layers"),
    "intermediate_size": ("ffn_hidden_size", "n_inner"),
    "vocab_size": ("padded_vocab_size",),
    "max_position_embeddings": ("n_positions", "max_sequence_length", "max_seq_length", "max_seq_len", "seq_len"),
    "num_experts": ("num_local_experts", "n_routed_experts"),
    "torch_dtype": ("dtype",),
}
"""What families call a fact that most call by the first name."""


_BACKBONES = ("text_config", "llm_config", "language_config")


_PICTURES = ("vision_config", "visual", "mm_vision_tower")


def facts_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a config.json under the keys of `Facts`; of a multimodal model, those of its text backbone."""
    whole = {**config, **next((config[name] for name in _BACKBONES if isinstance(config.get(name), dict)), {})}
    whole["model_type"] = config.get("model_type")
    found = {name: whole.get(name) for name in Facts.model_fields}
    for name, others in _NAMES.items():
        found[name] = next((whole[key] for key in (name, *others) if whole.get(key) is not None), None)
    if isinstance(found["hidden_size"], int):
        found["intermediate_size"] = found["intermediate_size"] or 4 * found["hidden_size"]
    found["rope_scaling"] = rope_scaling_facts(whole.get("rope_scaling"))
    found["sliding_window"] = whole.get("sliding_window") if whole.get("use_sliding_window", True) else None
    found["quantization"] = (config.get("quantization_config") or {}).get("quant_method")
    found["num_key_value_heads"] = found["num_key_value_heads"] or found["num_attention_heads"]
    found["multimodal"] = any(config.get(name) for name in _PICTURES)
    found["moe"] = bool(found["num_experts"])
    return {to_camel(name): value for name, value in found.items() if value is not None}


def rope_scaling_facts(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The facts of a `rope_scaling` as config.json has it."""
    if not given:
        return None
    kept = {to_camel(key): given[key] for key in ("factor", "original_max_position_embeddings") if given.get(key)}
    return {"type": given.get("type") or given.get("rope_type"), **kept}
