"""The table of a release of vllm-ascend: what the plugin reads, refuses and resets."""

from __future__ import annotations

import ast
from typing import Any

_LOGGED = {
    ", info line only": "info",
    ", no line": "nothing",
}
"""The log levels of a reset, by the words of the reference. Without these words, the plugin logs a warning."""

_NESTED_TYPES = {
    "eplb_config.expert_map_path": "text",
    "eplb_config.expert_map_record_path": "text",
    "profiling_chunk_config.need_timing": "bool",
    "weight_prefetch_config.prefetch_ratio": "mapping",
}
"""The types of nested keys without a default (vllm_ascend/ascend_config.py)."""

_CHOICES: dict[str, list[Any]] = {
    "enable_fused_mc2": [0, 1, 2],
    "eplb_config.eplb_heat_collection_stage": ["all", "prefill", "decode"],
    "eplb_config.eplb_policy_type": [0, 1, 2, 3],
    "weight_nz_mode": [0, 1, 2],
}
"""The values that have a meaning (the meanings and the refusals of the reference)."""

_UNKNOWN_KEY = {"ignored without a word": "ignored", "refused": "refused"}
_REPLACEMENT = "additional-config "


def plugin_table(
    reference: dict[str, Any], refusal_ids: dict[str, str], wheel: dict[str, Any]
) -> dict[str, Any]:
    """The table of a release.

    Args:
        reference: The reference's table of the release, `ascend-<release>.json`.
        refusal_ids: The id of each refusal, by its condition. A refusal has the same id in all releases.
        wheel: The values of variables of the release, from its wheel.

    Raises:
        KeyError: A refusal has no id yet.
    """
    keys = reference["additional_config"]["keys"]
    additional_config = {name: _key(name, keys[name]) for name in sorted(keys)}
    declared = reference["variables"]
    variables = {name: _variable(declared[name]) for name in sorted(declared)}
    refusals = [_refusal(entry, refusal_ids) for entry in reference["refuses"]]
    resets = [reset for entry in reference["resets"] for reset in _resets(entry)]
    return {
        "release": reference["release"],
        "source": reference["source"],
        "unknown_key": "ignored",
        "additional_config": additional_config,
        "variables": variables,
        "variable_values": wheel["plugin_variable_values"],
        "quantization": {
            "methods": reference["quantization"]["methods"],
            "where": reference["quantization"]["where"],
        },
        "refuses": sorted(refusals, key=lambda refusal: refusal["id"]),
        "resets": sorted(resets, key=lambda reset: reset["parameter"]),
        "block_size": reference["block_size"],
        "graphs": _graphs(reference["graphs"]),
        "speculative": {
            "methods": reference["speculative"]["methods"],
            "where": reference["speculative"]["where"],
        },
        "kv_connectors": reference["kv_connectors"],
        "devices": {
            "types": [name.lstrip("_") for name in reference["device"]["types"]],
            "where": reference["device"]["where"],
        },
    }


def _key(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    key: dict[str, Any] = {"type": entry["type"], "default": entry["default"]}
    if name in _CHOICES:
        key["choices"] = _CHOICES[name]
    if "falls_back_to" in entry:
        key["variable"] = entry["falls_back_to"]
    key["meaning"] = entry["meaning"]
    key["read"] = entry["read"]
    if "keys" in entry:
        unknown_key = entry.get("unknown_key", "ignored without a word")
        key["unknown_key"] = _UNKNOWN_KEY[unknown_key]
        key["keys"] = {
            nested: _nested_key(f"{name}.{nested}", default)
            for nested, default in sorted(entry["keys"].items())
        }
    return key


def _nested_key(path: str, default: Any) -> dict[str, Any]:
    key = {"type": _NESTED_TYPES.get(path) or _type_of(default), "default": default}
    if path in _CHOICES:
        key["choices"] = _CHOICES[path]
    return key


def _type_of(default: Any) -> str:
    """The type of a key, by its default."""
    names = {bool: "bool", int: "int", float: "float", str: "text", dict: "mapping"}
    return names[type(default)]


def _variable(entry: dict[str, Any]) -> dict[str, Any]:
    variable: dict[str, Any] = {
        "default": _variable_default(entry["default"]),
        "meaning": entry["meaning"],
        "read": entry["read"],
    }
    if "deprecated" in entry:
        replacement = entry["deprecated"].partition(" (")[0]
        variable["replaced_by"] = replacement.removeprefix(_REPLACEMENT)
    return variable


def _variable_default(written: str | None) -> str | None:
    """The default of a variable as text; the reference has it as Python code."""
    if written is None:
        return None
    default = ast.literal_eval(written)
    return None if default is None else str(default)


def _refusal(entry: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    return {
        "id": ids[entry["when"]],
        "when": entry["when"],
        "where": entry["where"],
        "exception": entry["exception"],
        "shown_by": entry["shown_by"].strip(),
    }


def _resets(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The resets of an entry: one for each parameter that it names."""
    becomes, logged = entry["becomes"], "warning"
    for words, level in _LOGGED.items():
        if becomes.endswith(words):
            becomes, logged = becomes.removesuffix(words), level
    return [
        {
            "parameter": parameter,
            "when": entry["when"],
            "becomes": becomes,
            "logged": logged,
            "where": entry["where"],
            "run": entry["ran"],
        }
        for parameter in _parameters(entry["parameter"])
    ]


def _parameters(words: str) -> list[str]:
    """The parameters of an entry: `attention_config: a, b` are two fields of one configuration."""
    name = words.partition(" (")[0]
    config, _, fields = name.partition(": ")
    if not fields:
        return [name]
    return [f"{config}.{field}" for field in fields.split(", ")]


def _graphs(reference: dict[str, Any]) -> dict[str, Any]:
    return {
        "default": reference["default"].partition(" ")[0],
        "modes": reference["modes"],
        "largest": reference["max_size"],
        "sizes": reference["sizes"],
        "needs": reference.get("needs"),
        "where": reference["where"],
    }
