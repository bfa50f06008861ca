"""The facts of a service's model, from the catalogue or its config.json, with the corrections of the stack file."""

from __future__ import annotations

from typing import Any

from pydantic.alias_generators import to_camel

from models.catalog.facts import Facts, ModelFacts, RopeScaling
from models.stack_file.config_json import rope_scaling_facts
from models.stack_file.parse import parse


def resolve_facts(
    *layers: Facts | None, rope_scaling: Any = None
) -> tuple[ModelFacts | None, tuple[str, ...]]:
    """Combine the facts of several sources.

    Args:
        layers: The facts of each source. A later source overrides an earlier one.
        rope_scaling: The value of `--rope-scaling`, which replaces the model's own.

    Returns:
        The facts, or None if required ones are missing; and the missing keys.
    """
    found: dict[str, Any] = {}
    for layer in layers:
        if layer is not None:
            found |= {name: value for name, value in layer if value is not None}
    if isinstance(rope_scaling, dict):
        scaling, _ = parse(RopeScaling, rope_scaling_facts(rope_scaling), ())
        found["rope_scaling"] = scaling
    found.setdefault("moe", "num_experts" in found)
    found.setdefault("multimodal", False)
    if "num_attention_heads" in found:
        found.setdefault("num_key_value_heads", found["num_attention_heads"])

    missing = []
    for name, field in ModelFacts.model_fields.items():
        if field.is_required() and name not in found:
            missing.append(to_camel(name))
    if missing:
        return None, tuple(missing)
    return ModelFacts.model_construct(**found), ()
