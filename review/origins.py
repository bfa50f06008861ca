"""The source of a value: the line of a stack file that sets it, or the fields that it is derived from."""

from __future__ import annotations

from models.engines.ascend_vllm.owned_keys import PICTURE_VARIABLES
from models.engines.ascend_vllm.precision import LONG, needs_precise_prefix
from models.engines.features import NgramLookup
from models.finding import Path
from models.service.resolved import ResolvedService, ResolvedStack

_VARIABLE_FIELDS = {
    **PICTURE_VARIABLES,
    "VLLM_ENGINE_ITERATION_TIMEOUT_S": "graph.iterationTimeout",
    "INFER_MODE": "graph.kind",
    "PTA_TORCHAIR_DECODE_GEAR_ENABLE": "graph.kind",
    "HCCL_OP_EXPANSION_MODE": "graph.kind",
    "EAGLE_USE_SAFE_AI_LAB_STYLE": "speculative.kind",
    "ENABLE_SPEC_METRIC": "speculative.kind",
}
"""Name of a variable and the field that sets it. These override `owned_variables` of the release."""

_FLAG_FIELDS = {
    "enforce-eager": "graph.kind",
    "enable-lora": "lora.adapters",
    "speculative-model": "speculative.source",
}
"""Name of a flag and the field that sets it. These override `owned_flags` of the release."""


def field_source(stack: ResolvedStack, service: ResolvedService, field: str) -> str:
    """The source of a field. For a field with fields below it: its own line, or that of the first field that is set."""
    origin = service.origins.get(field)
    if origin:
        return origin.source
    own_line = place(stack, ("services", service.name, *field.split(".")))
    if own_line:
        return own_line
    for name, origin in service.origins.items():
        if name.startswith(f"{field}.") and origin.source != "default":
            return origin.source
    return "default"


def flag_source(stack: ResolvedStack, service: ResolvedService, flag: str) -> str:
    """The source of a flag of the launch."""
    extra_args = {
        "engine": service.engine.extra_args,
        "server": service.server.extra_args,
    }
    for section, arguments in extra_args.items():
        for key in arguments:
            known = service.release.flag(key)
            if known and known.name == flag:
                return (
                    place(stack, ("services", service.name, section, "extraArgs", key))
                    or "set"
                )
    return field_source(stack, service, _flag_field(service, flag))


def _flag_field(service: ResolvedService, flag: str) -> str:
    if flag == "speculative-model" and isinstance(service.speculative, NgramLookup):
        return "speculative.kind"
    if flag in _FLAG_FIELDS:
        return _FLAG_FIELDS[flag]
    field = service.release.owned_flags.get(flag, flag)
    return field.partition(":")[0]


def variable_source(
    stack: ResolvedStack, service: ResolvedService, variable: str
) -> str:
    """The source of an environment variable."""
    own_line = place(stack, ("services", service.name, "env", variable))
    if own_line:
        return own_line
    if (
        variable == "USE_PREFIX_HIGH_PRECISION_MODE"
        and service.prefix_caching
        and needs_precise_prefix(service)
    ):
        if service.engine.max_model_len > LONG:
            return f"prefix caching above {LONG} tokens"
        return f"prefix caching of {service.model.name}"
    return field_source(stack, service, _variable_field(service, variable))


def _variable_field(service: ResolvedService, variable: str) -> str:
    if variable == "VLLM_ENGINE_ITERATION_TIMEOUT_S" and service.graph.kind != "pta":
        return "multimodal.iterationTimeout"
    if variable in _VARIABLE_FIELDS:
        return _VARIABLE_FIELDS[variable]
    field = service.release.owned_variables.get(variable, variable)
    return field.partition(":")[0]


def place(stack: ResolvedStack, path: Path) -> str:
    """File and line of a value. Empty: no file sets it."""
    span = stack.spans.get(path)
    if span is None:
        return ""
    return f"{span.file}:{span.line}"
