"""The facts of a service's model: from the catalogue or its own config.json, corrected by the stack file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path as File
from typing import Any

from pydantic.alias_generators import to_camel

from models.catalog.facts import Facts, ModelFacts, RopeScaling
from models.catalog.refusals import UNREADABLE
from models.catalog.weight_files import WeightFiles
from models.finding import Finding, Mark, Path
from models.parse import parse

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

_MOST = 5
"""Most problems of one manifest that are told."""

_BACKBONES = ("text_config", "llm_config", "language_config")
_PICTURES = ("vision_config", "visual", "mm_vision_tower")


def resolve_facts(*layers: Facts | None, rope_scaling: Any = None) -> tuple[ModelFacts | None, tuple[str, ...]]:
    """The facts that several sources give together, and the keys that are missing for them to be whole.

    Args:
        layers: What each source gives; a later one corrects an earlier.
        rope_scaling: What `--rope-scaling` puts in the place of the model's own.
    """
    found = {name: value for layer in layers if layer for name, value in layer if value is not None}
    if isinstance(rope_scaling, dict):
        found["rope_scaling"] = parse(RopeScaling, _rope_scaling(rope_scaling), ())[0]
    found.setdefault("moe", "num_experts" in found)
    found.setdefault("multimodal", False)
    if heads := found.get("num_attention_heads"):
        found.setdefault("num_key_value_heads", heads)
    fields = ModelFacts.model_fields.items()
    missing = tuple(to_camel(name) for name, field in fields if field.is_required() and name not in found)
    return None if missing else ModelFacts.model_construct(**found), missing


def read_named(rule: str, file: File, path: Path, read: Callable[[File], str]) -> tuple[Any, list[Finding]]:
    """What a file says that a model names: the facts of a config.json, or the files that a manifest lists.

    Args:
        rule: `config-json` or `weight-files`, which refuses what cannot be read.
        file: The file.
        path: Where the stack file names it.
        read: Where the texts of files come from.
    """
    name, why, fix = UNREADABLE[rule]
    try:
        content = json.loads(read(file))
        of_model = rule == "config-json"
        record, found = parse(Facts, facts_of(content), path) if of_model else parse(WeightFiles, content, path)
        problems = [f"{file}: {finding.message}" for finding in found[:_MOST]]
    except OSError as problem:
        record, problems = None, [f"{file} cannot be read: {problem.strerror}"]
    except (ValueError, AttributeError, TypeError, RecursionError) as problem:
        record, problems = None, [f"{file} is no {name}: {problem}"]
    return record, [Finding(rule, "error", text, why, fix, (Mark(path),), path[1]) for text in problems]


def facts_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a config.json under the keys of `Facts`; of a multimodal model, those of its text backbone."""
    whole = {**config, **next((config[name] for name in _BACKBONES if isinstance(config.get(name), dict)), {})}
    whole["model_type"] = config.get("model_type")
    found = {name: whole.get(name) for name in Facts.model_fields}
    for name, others in _NAMES.items():
        found[name] = next((whole[key] for key in (name, *others) if whole.get(key) is not None), None)
    if isinstance(found["hidden_size"], int):
        found["intermediate_size"] = found["intermediate_size"] or 4 * found["hidden_size"]
    found["rope_scaling"] = _rope_scaling(whole.get("rope_scaling"))
    found["sliding_window"] = whole.get("sliding_window") if whole.get("use_sliding_window", True) else None
    found["quantization"] = (config.get("quantization_config") or {}).get("quant_method")
    found["num_key_value_heads"] = found["num_key_value_heads"] or found["num_attention_heads"]
    found["multimodal"] = any(config.get(name) for name in _PICTURES)
    found["moe"] = bool(found["num_experts"])
    return {to_camel(name): value for name, value in found.items() if value is not None}


def _rope_scaling(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not given:
        return None
    kept = {to_camel(key): given[key] for key in ("factor", "original_max_position_embeddings") if given.get(key)}
    return {"type": given.get("type") or given.get("rope_type"), **kept}
