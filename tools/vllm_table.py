"""The table of flags, JSON fields and server facts of a release of vLLM, as the program reads it."""

from __future__ import annotations

import re
from typing import Any

from tools.number_limits import flag_limits

_FLAG_FIELDS = (
    "name",
    "servers",
    "kind",
    "type",
    "negated",
    "choices",
    "normalized",
    "default",
    "null",
    "also",
    "suffixes",
    "optional_value",
    "config",
    "form",
    "aliases",
)
"""The fields of a flag, in the order in which they are written."""

_EFFECTIVE_DEFAULTS = {
    "enable-prefix-caching and enable-chunked-prefill are on without being asked, max-num-seqs 256, "
    "max-num-batched-tokens 2048 (vllm serve on an NPU), async scheduling on where it can be": {
        "async-scheduling": True,
        "enable-chunked-prefill": True,
        "enable-prefix-caching": True,
        "max-num-batched-tokens": 2048,
        "max-num-seqs": 256,
    }
}
"""Defaults that the engine chooses when its parser has none, by the sentence of the reference that names them."""

_ENUMERATIONS = {"optimization-level": "OptimizationLevel"}
"""Flags that the parser reads as text, and that the engine then reads as a number of an enumeration."""

_DIVIDED_TEXTS = ("IrOpPriorityConfig",)
"""Configurations whose lists can also be a text that vLLM divides at its commas (vllm/config/kernel.py)."""

_TYPE_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
"""A name in a type. A name of another module, as `me_quant.QuantizationMethods`, is one that a plugin extends."""

_NORMALIZED = "lower case, - as _"
"""The reference's word for choices that are compared in lower case and with `_`."""


def vllm_table(reference: dict[str, Any], wheel: dict[str, Any]) -> dict[str, Any]:
    """The table of a release.

    Args:
        reference: The reference's table of the release, `vllm-<release>.json`.
        wheel: The facts of the release from its wheel, in tools/wheel_facts.json.
    """
    server = reference["server"]
    effective = server["since_0.6.3"]["effective_defaults"]
    flags = sorted(reference["flags"], key=lambda flag: str(flag["name"]))
    return {
        "release": reference["release"],
        "source": reference["source"],
        "entry": reference["entry"],
        "modules": reference["modules"],
        "deprecated_modules": reference["deprecated_modules"],
        "effective_defaults": _EFFECTIVE_DEFAULTS[effective],
        "flags": [_flag(flag, wheel["types"]) for flag in flags],
        "limits": _limits(flags, wheel["number_limits"]),
        "configs": _configs(reference["configs"], wheel["number_limits"]),
        "types": _types(wheel["types"], reference["configs"]),
        "attention_backends": wheel["attention_backends"],
        "looked_up_names": wheel["looked_up_names"],
        "kv_connectors": wheel["kv_connectors"],
        "model_types": wheel["model_types"],
        "variables": wheel["variables"],
        "variable_values": wheel["variable_values"],
        "server": {
            "port": server["port"],
            "health": {
                "path": server["health"]["path"],
                "where": server["health"]["where"],
            },
            "shutdown": {
                "flag": server["shutdown"]["flag"].removeprefix("--"),
                "default": server["shutdown"]["default"],
                "where": server["shutdown"]["where"],
            },
            "metrics": _metrics(server["metrics"]),
            "requests": _requests(server["requests"], wheel["request_types"]),
            "paths": _sorted_entries(server["paths"]),
            "tool_call_parsers": server["tool_call_parsers"],
            "reasoning_parsers": server["reasoning_parsers"],
            "lora": {
                "ranks": server["lora"]["max-lora-rank"],
                "where": server["lora"]["where"],
            },
        },
    }


def _flag(entry: dict[str, Any], types: dict[str, list[Any]]) -> dict[str, Any]:
    flag = {field: entry[field] for field in _FLAG_FIELDS if field in entry}
    if "normalized" in flag:
        flag["normalized"] = entry["normalized"] == _NORMALIZED
    enumeration = _ENUMERATIONS.get(entry["name"])
    if enumeration:
        numbers = [value for value in types[enumeration] if isinstance(value, int)]
        flag |= {"type": "int", "choices": numbers}
    return flag


def _limits(flags: list[dict[str, Any]], limits: dict[str, Any]) -> dict[str, Any]:
    """The ranges of the flags that the parser has."""
    names = {flag["name"] for flag in flags}
    return {name: limit for name, limit in flag_limits(limits).items() if name in names}


def _configs(reference: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    configs = {}
    for name, config in sorted(reference.items()):
        fields = {
            field: _field(entry, limits.get(f"{name}.{field}"))
            for field, entry in sorted(config["fields"].items())
        }
        if name in _DIVIDED_TEXTS:
            fields = {field: _or_text(entry) for field, entry in fields.items()}
        configs[name] = {"where": config["source"], "fields": fields}
    return configs


def _or_text(entry: dict[str, Any]) -> dict[str, Any]:
    """A field that accepts text in addition to its own type."""
    return {**entry, "type": f"{entry['type']} | str"}


def _field(entry: dict[str, Any], limit: dict[str, Any] | None) -> dict[str, Any]:
    """A field of a JSON flag, with its range."""
    if limit is None:
        return entry
    bounds = {name: bound for name, bound in limit.items() if name != "where"}
    return {**entry, "range": bounds}


def _types(types: dict[str, list[Any]], configs: dict[str, Any]) -> dict[str, Any]:
    """The named types that a field has."""
    declared = {
        field["type"]
        for config in configs.values()
        for field in config["fields"].values()
    }
    words = {word for text in declared for word in _TYPE_NAME.findall(text)}
    return {name: values for name, values in types.items() if name in words}


def _metrics(reference: dict[str, Any]) -> dict[str, Any]:
    return {
        "path": reference["path"],
        "common": dict(sorted(reference["common"].items())),
        "all": _sorted_entries(reference["all"]),
    }


def _requests(reference: dict[str, Any], types: dict[str, Any]) -> dict[str, Any]:
    return {
        "unknown_fields": {
            "effect": "ignored",
            "where": reference["unknown_fields"]["where"],
        },
        "chat": _request(reference["ChatCompletionRequest"], types["chat"]),
        "complete": _request(reference["CompletionRequest"], types["complete"]),
    }


def _request(reference: dict[str, Any], types: dict[str, str]) -> dict[str, Any]:
    return {
        "where": reference["where"],
        "fields": sorted(reference["fields"]),
        "types": types,
    }


def _sorted_entries(entries: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(entries.items()))
