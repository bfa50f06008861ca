"""The keys of vllm-ascend's own settings: JSON flags such as `--speculative-config` and `--compilation-config`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from convert.keys.launched import Launched, note_download
from convert.minimal import Values
from models.engines.engine_args import Version
from models.engines.vllm_ascend.json_names import (
    compilation_names,
    plugin_names,
    speculative_names,
)

Names = Callable[[Version, Mapping[str, Any]], Mapping[str, Any]]
"""Turns the keys of the stack file into the names of the command line."""

_KINDS = {
    "draft_model": "draft",
    "deepseek_mtp": "mtp",
    "qwen3_5_mtp": "mtp",
    "qwen3_next_mtp": "mtp",
    "glm4_moe_mtp": "mtp",
    "mimo_mtp": "mtp",
    "ernie_mtp": "mtp",
    "longcat_flash_mtp": "mtp",
}
"""Kinds of speculative decoding by vLLM's methods of other names. vLLM itself replaces the names of models by `mtp`
(vllm/config/speculative.py)."""
_NGRAM_MODELS = ("ngram", "[ngram]")
"""Words in place of a draft model that mean n-grams of the prompt."""
_LONGEST_NGRAM = 5
"""vLLM's default (vllm/config/speculative.py)."""
_FETCH_TIMEOUT = "VLLM_IMAGE_FETCH_TIMEOUT"
_ALLOCATOR = "PYTORCH_NPU_ALLOC_CONF"
_SEGMENTS = re.compile(r"expandable_segments:(True|False)")
_GRAPH_FIELDS = {"cudagraph_mode": "mode", "cudagraph_capture_sizes": "captureSizes"}
"""Fields of `--compilation-config` with keys under `graph`."""


def plugin_feature_values(launched: Launched) -> Values:
    """The keys of the features of vllm-ascend, without those of LoRA."""
    return {
        "graph": _graph(launched),
        "multimodal": _multimodal(launched),
        "prefixCaching": launched.flag("enable-prefix-caching"),
        "quantization": launched.flag("quantization"),
        "speculative": _speculative(launched),
    }


def compilation_config(launched: Launched) -> Values:
    """The fields of `--compilation-config` that `graph` has no keys for."""
    further = dict(_mapping(launched, "compilation-config"))
    if not launched.flag("enforce-eager"):
        for name in _GRAPH_FIELDS:
            further.pop(name, None)
    return _camel(launched, further, compilation_names)


def additional_config(launched: Launched) -> Values:
    """The fields of `--additional-config`."""
    config = _mapping(launched, "additional-config")
    return _camel(launched, config, plugin_names)


def _graph(launched: Launched) -> Values:
    if launched.flag("enforce-eager"):
        return {"kind": "eager"}
    values: Values = {"kind": "cann"}
    config = _mapping(launched, "compilation-config")
    for name, key in _GRAPH_FIELDS.items():
        if config.get(name) is not None:
            values[key] = config[name]
    sizes = launched.flag("cudagraph-capture-sizes")
    if sizes:
        values.setdefault("captureSizes", sizes)
    return values


def _multimodal(launched: Launched) -> Values | None:
    limits = _mapping(launched, "limit-mm-per-prompt")
    values = _picture_variables(launched)
    if not limits and not values:
        return None
    further = dict(limits)
    if further.get("image"):
        values["imagesPerPrompt"] = further.pop("image")
    if further:
        values["itemsPerPrompt"] = further
    return values


def _picture_variables(launched: Launched) -> Values:
    """The keys of the variables that this program writes for pictures, before all those of `env`."""
    values: Values = {}
    if not launched.is_ours:
        return values
    for name, setting in launched.start.environment.items():
        if name in launched.release.owned_variables:
            continue
        segments = _SEGMENTS.fullmatch(setting.text)
        if name == _FETCH_TIMEOUT and setting.text.isdecimal():
            values["imageFetchTimeout"] = f"{setting.text}s"
        elif name == _ALLOCATOR and segments:
            values["expandableSegments"] = segments[1] == "True"
        else:
            break
        launched.used_variables.add(name)
    return values


def _speculative(launched: Launched) -> Values | None:
    config = _speculative_config(launched)
    if not config:
        return None
    method = _method(launched, config)
    kind = _KINDS.get(method, method)
    config.pop("method", None)
    values: Values = {"kind": kind}
    source = config.pop("model", None)
    if source in _NGRAM_MODELS and kind == "ngram":
        source = None
    if source and kind in ("mtp", "ngram", "suffix"):
        launched.drop(
            "the model of --speculative-config",
            f"{kind} has no separate weights",
            "speculative-config",
        )
    elif source:
        values["source"] = launched.directory(str(source))
        note_download(launched, str(source), "speculative-config")
    tokens = config.pop("num_speculative_tokens", None)
    if tokens is not None:
        values["tokens"] = tokens
    if kind == "ngram":
        values |= _prompt_lookup(config)
    if kind == "draft" and config.get("draft_tensor_parallel_size") == 1:
        del config["draft_tensor_parallel_size"]
    if config:
        values["config"] = _camel(launched, config, speculative_names)
    return values


def _speculative_config(launched: Launched) -> Values:
    """The fields of `--speculative-config`, and the flags of later releases for three of them."""
    config = dict(_mapping(launched, "speculative-config"))
    for flag, name in (
        ("spec-method", "method"),
        ("spec-model", "model"),
        ("spec-tokens", "num_speculative_tokens"),
    ):
        value = launched.flag(flag)
        if value is not None:
            config.setdefault(name, value)
    return config


def _method(launched: Launched, config: Mapping[str, Any]) -> str:
    """The method, or vLLM's default (vllm/config/speculative.py)."""
    method = config.get("method")
    if method:
        return str(method)
    source = str(config.get("model") or "")
    found = "draft_model"
    if not source or source in _NGRAM_MODELS:
        found = "ngram"
    for word in ("eagle3", "eagle", "medusa"):
        if word in source.lower():
            found = word
            break
    launched.assume(
        f"speculative.kind {_KINDS.get(found, found)}",
        "--speculative-config names no method",
        "speculative-config",
    )
    return found


def _prompt_lookup(config: Values) -> Values:
    """The lengths of n-grams; a missing one is the other one, and 5 without both (vllm/config/speculative.py)."""
    longest = config.pop("prompt_lookup_max", None)
    shortest = config.pop("prompt_lookup_min", None)
    if longest is None:
        longest = shortest
    if longest is None:
        longest = _LONGEST_NGRAM
    if shortest is None:
        shortest = longest
    return {"promptLookupMax": longest, "promptLookupMin": shortest}


def _mapping(launched: Launched, flag: str) -> Mapping[str, Any]:
    """The value of a JSON flag; empty if it is missing or no mapping."""
    value = launched.flag(flag)
    if value is None or isinstance(value, dict):
        return value or {}
    launched.drop(f"--{flag}", "its value is no JSON mapping", flag)
    return {}


def _camel(
    launched: Launched,
    config: Mapping[str, Any],
    names: Names,
) -> Values:
    """The fields in camelCase, if the program writes them back under the same names, else as they are."""
    camel = _in_camel_case(config)
    if dict(names(launched.release.version, camel)) == config:
        return camel
    values: Values = {}
    for name, value in config.items():
        one = _in_camel_case({name: value})
        if dict(names(launched.release.version, one)) == {name: value}:
            values |= one
        else:
            values[name] = value
    return values


def _in_camel_case(config: Mapping[str, Any]) -> Values:
    values: Values = {}
    for name, value in config.items():
        key = to_camel(name)
        if isinstance(value, dict):
            values[key] = _in_camel_case(value)
        else:
            values[key] = value
    return values
