"""The keys of a service's features that its launch determines: graph, images, LoRA, speculation, precision."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from convert.keys.launched import Launched
from convert.keys.plugin import plugin_feature_values
from convert.minimal import Values
from convert.number_list import number_list
from models.engines.ascend_vllm.owned_keys import PICTURE_VARIABLES

_ITERATION_TIMEOUT = "VLLM_ENGINE_ITERATION_TIMEOUT_S"
_EXPANSION_MODE = "HCCL_OP_EXPANSION_MODE"
_IMAGE_FETCH_TIMEOUT = "VLLM_IMAGE_FETCH_TIMEOUT"
_ALLOCATOR = "PYTORCH_NPU_ALLOC_CONF"
_SEGMENTS = re.compile(r"expandable_segments:(True|False)")
_MANUALS_EXPANSION_MODE = "AIV"
_DEFAULT_MAX_RANK = 16
_DEFAULT_MAX_LORAS = 1


def feature_values(launched: Launched) -> Values:
    """The keys of the features that are in use, defaults included."""
    if launched.takes_json:
        values = plugin_feature_values(launched)
        values["lora"] = _lora(launched)
        return {key: value for key, value in values.items() if value not in (None, {})}
    values = {
        "graph": _graph(launched),
        "multimodal": _multimodal(launched),
        "prefixCaching": bool(launched.flag("enable-prefix-caching")),
        "quantization": launched.flag("quantization"),
        "lora": _lora(launched),
        "speculative": _speculative(launched),
        "precision": _precision(launched),
        "mindSpeed": _mind_speed(launched),
    }
    launched.variable("USE_PREFIX_HIGH_PRECISION_MODE")  # prefixCaching sets it
    return {key: value for key, value in values.items() if value}


def _graph(launched: Launched) -> Values:
    mode = launched.variable("INFER_MODE") or ""
    gears = launched.variable("PTA_TORCHAIR_DECODE_GEAR_LIST")
    launched.variable("PTA_TORCHAIR_DECODE_GEAR_ENABLE")
    if launched.flag("enforce-eager"):
        if mode:
            launched.drop(
                "INFER_MODE",
                "--enforce-eager switches graphs off (manual, Step 3)",
                "enforce-eager",
            )
        return {"kind": "eager"}
    if mode.upper() != "PTA":
        return {"kind": "cann"}
    values: Values = {"kind": "pta", "warmUp": launched.start.warm_up}
    if gears:
        values["gears"] = number_list(gears)
    timeout = launched.variable(_ITERATION_TIMEOUT)
    if timeout:
        values["iterationTimeout"] = _seconds(timeout)
    expansion_mode = launched.start.environment.get(_EXPANSION_MODE)
    if expansion_mode is None or expansion_mode.text == _MANUALS_EXPANSION_MODE:
        launched.used_variables.add(_EXPANSION_MODE)
    return values


def _multimodal(launched: Launched) -> Values | bool | None:
    """Images, if a flag or both variables of the manual mention them."""
    environment = launched.start.environment
    limits = launched.flag("limit-mm-per-prompt")
    fetch_timeout = environment.get(_IMAGE_FETCH_TIMEOUT)
    allocator = environment.get(_ALLOCATOR)
    if not limits and not (fetch_timeout and allocator):
        _note_missing_images(launched)
        return None
    values: Values = {}
    if isinstance(limits, dict) and set(limits) == {"image"}:
        values["imagesPerPrompt"] = limits["image"]
    elif limits:
        launched.drop(
            "--limit-mm-per-prompt",
            "only the number of images has a key",
            "limit-mm-per-prompt",
        )
    if fetch_timeout:
        values["imageFetchTimeout"] = _seconds(fetch_timeout.text)
    iteration_timeout = environment.get(_ITERATION_TIMEOUT)
    if iteration_timeout:
        values["iterationTimeout"] = _seconds(iteration_timeout.text)
    segments = _SEGMENTS.fullmatch(allocator.text) if allocator else None
    if segments:
        values["expandableSegments"] = segments[1] == "True"
    launched.used_variables.update(PICTURE_VARIABLES, [_ITERATION_TIMEOUT])
    return values or True


def _note_missing_images(launched: Launched) -> None:
    facts = launched.model_facts()
    if facts and facts.multimodal:
        why = "no variable or flag mentions images; multimodal: true sets the manual's variables"
        launched.assume("no multimodal", why)


def _lora(launched: Launched) -> Values | None:
    modules = launched.flag("lora-modules")
    if not modules:
        if launched.flag("enable-lora"):
            launched.drop(
                "--enable-lora", "--lora-modules names no adapter", "enable-lora"
            )
        return None
    adapters = {}
    for module in modules:
        name, path = lora_module(str(module))
        if name in adapters:
            launched.drop(
                f"the first adapter {name}",
                "the last adapter with a name counts",
                "lora-modules",
            )
        adapters[name] = launched.paths.on_node(path)
    max_rank = launched.flag("max-lora-rank")
    max_loras = launched.flag("max-loras")
    return {
        "adapters": adapters,
        "maxRank": _DEFAULT_MAX_RANK if max_rank is None else max_rank,
        "maxLoras": _DEFAULT_MAX_LORAS if max_loras is None else max_loras,
    }


def lora_module(text: str) -> tuple[str, str]:
    """Name and path of an adapter, written as `name=path` or as JSON."""
    module = None
    if text.startswith("{"):
        try:
            module = json.loads(text)
        except ValueError:
            module = None
    if isinstance(module, dict):
        name = str(module.get("name", ""))
        path = str(module.get("path", ""))
        return name, path
    name, _, path = text.partition("=")
    return name, path


def _speculative(launched: Launched) -> Values | None:
    is_eagle = launched.variable("EAGLE_USE_SAFE_AI_LAB_STYLE") == "1"
    launched.variable("ENABLE_SPEC_METRIC")  # every kind sets it
    source = launched.flag("speculative-model")
    if not source:
        return None
    numbers = {
        "tokens": launched.flag("num-speculative-tokens"),
        "promptLookupMax": launched.flag("ngram-prompt-lookup-max"),
        "promptLookupMin": launched.flag("ngram-prompt-lookup-min"),
    }
    numbers = {key: value for key, value in numbers.items() if value is not None}
    if source == "[ngram]":
        return {"kind": "ngram", **numbers}
    if not is_eagle and _looks_like_eagle(launched, source):
        is_eagle = True
        why = "the draft model is named or converted like an Eagle head"
        launched.assume("speculative.kind eagle", why, "speculative-model")
    values: Values = {
        "kind": "eagle" if is_eagle else "draft",
        "source": launched.paths.on_node(source),
        **numbers,
    }
    if launched.start.conversion:
        values["convert"] = _eagle_conversion(launched.start.conversion)
    return values


def _looks_like_eagle(launched: Launched, source: str) -> bool:
    name = PurePosixPath(source).name.lower()
    return "eagle" in name or bool(launched.start.conversion)


def _eagle_conversion(options: dict[str, str]) -> Values:
    values: Values = {"tools": options["tools"]}
    base_weights = options.get("base-weight-name")
    if base_weights:
        values["baseWeights"] = base_weights
    draft_weights = options.get("draft-weight-name")
    if draft_weights:
        values["draftWeights"] = draft_weights
    return values


def _precision(launched: Launched) -> Values:
    prefill = launched.variable("USE_PFA_HIGH_PRECISION_MODE")
    decode = launched.variable("USE_IFA_HIGH_PRECISION_MODE")
    return {"prefill": prefill != "0", "decode": decode == "1"}


def _mind_speed(launched: Launched) -> Values:
    if not launched.start.mind_speed:
        return {}
    values: Values = {"kind": "install"}
    for key, value in launched.start.mind_speed.items():
        if value:
            values[key] = value
    return values


def _seconds(text: str) -> str:
    if text.isdecimal():
        return f"{text}s"
    return text
