"""The facts of each release as records: flags, JSON fields, server, plugin and dead settings.

`tools/release_tables.py` makes the files from the releases' own parsers and platform code. `further_resets.json` was
found by comparing launches with their configuration. Nothing else reads them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

from models.engines.engine_args import Version
from models.engines.flags import Limit, flag_from_json
from models.engines.json_fields import JsonConfig, JsonConfigs, JsonField
from models.engines.model_types import ModelTypes
from models.engines.number_range import NumberRange
from models.engines.variable_values import variable_values
from models.engines.vllm_ascend.records import (
    AdditionalKey,
    BlockSize,
    DeadSetting,
    FlagTable,
    Graphs,
    Metric,
    PluginTable,
    PluginVariable,
    Refusal,
    Reset,
    ServerPath,
    ServerTable,
    is_older,
)

__all__ = [
    "RELEASES",
    "AdditionalKey",
    "BlockSize",
    "DeadSetting",
    "FlagTable",
    "Graphs",
    "Metric",
    "PluginTable",
    "PluginVariable",
    "Refusal",
    "Reset",
    "ServerPath",
    "ServerTable",
    "additional_config",
    "all_dead_settings",
    "dead_settings",
    "flag_table",
    "plugin_table",
    "variables",
]

_FOLDER = Path(__file__).parent

RELEASES = tuple(
    version
    for version in get_args(Version)
    if (_FOLDER / f"flags/vllm-{version}.json").exists()
)
"""The releases with tables, in their order."""


@cache
def flag_table(release: str) -> FlagTable:
    """The command line of vLLM in a release.

    Raises:
        FileNotFoundError: There is no table of the release.
    """
    table = _read(f"flags/vllm-{release}.json")
    flags = map(flag_from_json, table["flags"])
    return FlagTable(
        release=table["release"],
        source=table["source"],
        entry=table["entry"],
        modules=table["modules"],
        deprecated_modules=frozenset(table["deprecated_modules"]),
        effective_defaults=table["effective_defaults"],
        flags={flag.name: flag for flag in flags},
        limits=_limits(table),
        json_configs=_json_configs(table),
        attention_backends=tuple(table["attention_backends"]),
        looked_up_names=_looked_up_names(table),
        kv_connectors=tuple(table["kv_connectors"]),
        model_types=_model_types(table["model_types"]),
        variables=frozenset(table["variables"]),
        variable_values=variable_values(table["variable_values"]),
        server=_server(table["server"]),
    )


@cache
def plugin_table(release: str) -> PluginTable | None:
    """The settings that the plugin of a release reads, refuses and resets; None if they are not known."""
    if not (_FOLDER / f"plugin/{release}.json").exists():
        return None
    table = _read(f"plugin/{release}.json")
    refusals = [Refusal(**entry) for entry in table["refuses"]]
    further = _read("further_resets.json")["resets"].get(release, [])
    resets = [Reset(**entry) for entry in (*table["resets"], *further)]
    block_size = table["block_size"]
    graphs = table["graphs"]
    return PluginTable(
        release=table["release"],
        source=table["source"],
        unknown_key=table["unknown_key"],
        additional_config=_additional_keys(table["additional_config"]),
        variables={
            name: _variable(entry) for name, entry in table["variables"].items()
        },
        variable_values=variable_values(table["variable_values"]),
        quantization_methods=tuple(table["quantization"]["methods"]),
        quantization_where=table["quantization"]["where"],
        refusals={refusal.id: refusal for refusal in refusals},
        resets={reset.parameter: reset for reset in resets},
        block_size=BlockSize(
            default=block_size["default"],
            rule=block_size["rule"],
            exceptions=tuple(block_size["exceptions"]),
            where=block_size["where"],
        ),
        graphs=Graphs(**{**graphs, "modes": tuple(graphs["modes"])}),
        speculative_methods=tuple(table["speculative"]["methods"]),
        speculative_where=table["speculative"]["where"],
        kv_connectors=tuple(table["kv_connectors"]),
        device_types=tuple(table["devices"]["types"]),
    )


def additional_config(release: str) -> Mapping[str, AdditionalKey] | None:
    """The keys of `--additional-config` that a release reads; None if they are not known."""
    table = plugin_table(release)
    return table.additional_config if table else None


def variables(release: str) -> Mapping[str, PluginVariable] | None:
    """The variables that the plugin of a release reads; None if they are not known."""
    table = plugin_table(release)
    return table.variables if table else None


@cache
def dead_settings(release: str) -> Mapping[str, DeadSetting]:
    """The settings of other releases that a release does not read, by name."""
    return {
        name: setting
        for name, setting in all_dead_settings().items()
        if not is_older(release, setting.first_dead)
    }


@cache
def all_dead_settings() -> Mapping[str, DeadSetting]:
    """The settings that a later release no longer reads, by name."""
    settings = {}
    for name, entry in _read("plugin/dead_settings.json")["settings"].items():
        settings[name] = DeadSetting(
            name=name,
            kind=entry["kind"],
            read_in=tuple(entry["read_in"]),
            first_dead=entry["first_dead"],
            effect=entry["effect"],
            aborts_from=entry["aborts_from"],
            nearest=entry["nearest"],
            nearest_by_release=entry.get("nearest_by_release", {}),
            not_needed=entry.get("not_needed"),
            inferred=entry.get("inferred", False),
            not_known_in=tuple(entry.get("not_known_in", ())),
            documented=entry.get("documented", False),
            note=entry.get("note"),
        )
    return settings


def _read(name: str) -> Any:
    return json.loads((_FOLDER / name).read_text(encoding="utf-8"))


def _looked_up_names(table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    names: dict[str, list[str]] = table["looked_up_names"]
    return {flag: tuple(known) for flag, known in names.items()}


def _model_types(entry: Mapping[str, Any]) -> ModelTypes:
    return ModelTypes(
        transformers=entry["transformers"],
        read=frozenset(entry["readable"]),
        loaded=frozenset(entry["loaded"]),
        removed=frozenset(entry["removed"]),
    )


def _limits(table: Mapping[str, Any]) -> tuple[Limit, ...]:
    """The ranges of flags, which vLLM checks when it creates its configuration."""
    limits = []
    for name, facts in table["limits"].items():
        bounds = {bound: size for bound, size in facts.items() if bound != "where"}
        why = f"vLLM {table['release']} exits at start ({facts['where']})"
        limits.append(Limit(flag=name, why=why, range=NumberRange(**bounds)))
    return tuple(limits)


def _json_configs(table: Mapping[str, Any]) -> JsonConfigs:
    configs = {}
    for name, entry in table["configs"].items():
        fields = {}
        for field, facts in entry["fields"].items():
            fields[field] = JsonField(
                name=field,
                type=facts["type"],
                default=facts.get("default"),
                range=NumberRange(**facts["range"]) if "range" in facts else None,
            )
        configs[name] = JsonConfig(name, entry["where"], fields)
    return JsonConfigs(configs, table["types"])


def _server(entry: Mapping[str, Any]) -> ServerTable:
    requests = entry["requests"]
    kinds = ("chat", "complete")
    paths = {}
    for path, facts in entry["paths"].items():
        methods = tuple(facts["methods"])
        paths[path] = ServerPath(methods, facts["where"], facts.get("only_with"))
    return ServerTable(
        port=entry["port"],
        health_path=entry["health"]["path"],
        shutdown_flag=entry["shutdown"]["flag"],
        metrics_path=entry["metrics"]["path"],
        metric_names=entry["metrics"]["common"],
        metrics={
            name: Metric(**facts) for name, facts in entry["metrics"]["all"].items()
        },
        unknown_fields_where=requests["unknown_fields"]["where"],
        request_fields={kind: frozenset(requests[kind]["fields"]) for kind in kinds},
        request_types={kind: requests[kind]["types"] for kind in kinds},
        paths=paths,
        tool_call_parsers=tuple(entry["tool_call_parsers"]),
        reasoning_parsers=tuple(entry["reasoning_parsers"]),
        lora_ranks=tuple(entry["lora"]["ranks"]),
    )


def _additional_keys(entries: Mapping[str, Any]) -> dict[str, AdditionalKey]:
    keys = {}
    for name, entry in entries.items():
        nested = entry.get("keys")
        keys[name] = AdditionalKey(
            type=entry["type"],
            default=entry["default"],
            choices=tuple(entry.get("choices", ())),
            variable=entry.get("variable"),
            meaning=entry.get("meaning", ""),
            read=tuple(entry.get("read", ())),
            unknown_key=entry.get("unknown_key", "ignored"),
            keys=_additional_keys(nested) if nested else None,
        )
    return keys


def _variable(entry: Mapping[str, Any]) -> PluginVariable:
    return PluginVariable(
        default=entry["default"],
        meaning=entry["meaning"],
        read=tuple(entry["read"]),
        replaced_by=entry.get("replaced_by"),
    )
