"""Why a value is what it is: the place that gives it, or what it follows from."""

from __future__ import annotations

from models.engines.ascend_vllm.features import NgramLookup
from models.engines.ascend_vllm.owned_keys import (
    OWNED_FLAGS,
    OWNED_VARIABLES,
    PICTURE_VARIABLES,
)
from models.engines.flags import find_flag
from models.finding import Path
from models.launch.launch import needs_precise_prefix
from models.service.feature_defaults import LONG
from models.service.resolved import ResolvedService, ResolvedStack

_VARIABLES = {
    **PICTURE_VARIABLES,
    "VLLM_ENGINE_ITERATION_TIMEOUT_S": "graph.iterationTimeout",
    "INFER_MODE": "graph.kind",
    "PTA_TORCHAIR_DECODE_GEAR_ENABLE": "graph.kind",
    "HCCL_OP_EXPANSION_MODE": "graph.kind",
    "EAGLE_USE_SAFE_AI_LAB_STYLE": "speculative.kind",
    "ENABLE_SPEC_METRIC": "speculative.kind",
}
"""Variables that follow from a field, where `OWNED_VARIABLES` has more to say than its name."""

_FLAGS = {"enforce-eager": "graph.kind", "enable-lora": "lora.adapters", "speculative-model": "speculative.source"}


def field_source(stack: ResolvedStack, service: ResolvedService, field: str) -> str:
    """Where the value of a field comes from; a record is where it, or the first of its fields that is given, stands."""
    if exact := service.origins.get(field):
        return exact.source
    below = (origin.source for name, origin in service.origins.items() if name.startswith(f"{field}."))
    here = place(stack, ("services", service.name, *field.split(".")))
    return here or next((source for source in below if source != "default"), "default")


def flag_source(stack: ResolvedStack, service: ResolvedService, flag: str) -> str:
    """Where the value of a flag of the launch comes from."""
    for holder, given in (("engine", service.engine.extra_args), ("server", service.server.extra_args)):
        for key in given:
            found = find_flag(key, service.engine.version)
            if found and found.name == flag:
                return place(stack, ("services", service.name, holder, "extraArgs", key)) or "given"
    if flag == "speculative-model" and isinstance(service.speculative, NgramLookup):
        return field_source(stack, service, "speculative.kind")
    return field_source(stack, service, _FLAGS.get(flag) or OWNED_FLAGS.get(flag, flag).partition(":")[0])


def variable_source(stack: ResolvedStack, service: ResolvedService, variable: str) -> str:
    """Where the value of an exported variable comes from."""
    if here := place(stack, ("services", service.name, "env", variable)):
        return here
    if variable == "USE_PREFIX_HIGH_PRECISION_MODE" and service.prefix_caching and needs_precise_prefix(service):
        long = service.engine.max_model_len > LONG
        return f"prefix caching above {LONG} tokens" if long else f"prefix caching of {service.model.name}"
    if variable == "VLLM_ALLOW_LONG_MAX_MODEL_LEN":
        return "maxModelLen and the model's own longest sequence"
    if variable == "VLLM_ENGINE_ITERATION_TIMEOUT_S" and service.graph.kind != "pta":
        return field_source(stack, service, "multimodal.iterationTimeout")
    return field_source(
        stack, service, _VARIABLES.get(variable) or OWNED_VARIABLES.get(variable, variable).partition(":")[0]
    )


def place(stack: ResolvedStack, path: Path) -> str:
    """Where a value stands; empty when it stands in no file."""
    span = stack.spans.get(path)
    return f"{span.file}:{span.line}" if span else ""
