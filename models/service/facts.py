"""The facts of a service's model: from the catalogue or its own config.json, corrected by the stack file."""

from __future__ import annotations

from typing import Any

from pydantic.alias_generators import to_camel

from models.catalog.facts import Facts, ModelFacts, RopeScaling
from models.stack_file.config_json import rope_scaling_facts
from models.stack_file.parse import parse


def resolve_facts(*layers: Facts | None, rope_scaling: Any = None) -> tuple[ModelFacts | None, tuple[str, ...]]:
    """The facts that several sources give together, and the keys that are missing for them to be whole.

    Args:
        layers: What each source gives; a later one corrects an earlier.
        rope_scaling: What `--rope-scaling` puts in the place of the model's own.
    """
    found = {name: value for layer in layers if layer for name, value in layer if value is not None}
    if isinstance(rope_scaling, dict):
        found["rope_scaling"] = parse(RopeScaling, rope_scaling_facts(rope_scaling), ())[0]
    found.setdefault("moe", "num_experts" in found)
    found.setdefault("multimodal", False)
    if heads := found.get("num_attention_heads"):
        found.setdefault("num_key_value_heads", heads)
    fields = ModelFacts.model_fields.items()
    missing = tuple(to_camel(name) for name, field in fields if field.is_required() and name not in found)
    return None if missing else ModelFacts.model_construct(**found), missing
