"""The defaults of the fields of JSON flags, including `--additional-config`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.json_fields import JsonConfigs
from models.engines.vllm_ascend.records import AdditionalKey, FlagTable
from models.engines.vllm_ascend.tables import additional_config


def field_defaults(table: FlagTable) -> dict[str, Any]:
    """The defaults of a release, by the flag and the path of the field, such as `eplb-config use_async`."""
    defaults: dict[str, Any] = {}
    for flag in table.flags.values():
        if flag.config:
            fields = _defaults_of_config(flag.config, table.json_configs)
            for path, default in fields:
                defaults[f"{flag.name} {path}"] = default
    keys = additional_config(table.release) or {}
    for path, default in _defaults_of_keys(keys):
        defaults[f"additional-config {path}"] = default
    return defaults


def _defaults_of_config(name: str, known: JsonConfigs) -> Iterator[tuple[str, Any]]:
    """The path and the default of each field of a configuration, and of the configurations inside it.

    Args:
        name: The name of the configuration.
        known: All configurations.
    """
    for field in known.configs[name].fields.values():
        is_configuration = field.type in known.configs
        if not is_configuration:
            yield field.name, field.default
            continue
        for path, default in _defaults_of_config(field.type, known):
            yield f"{field.name}.{path}", default


def _defaults_of_keys(keys: Mapping[str, AdditionalKey]) -> Iterator[tuple[str, Any]]:
    """The path and the default of each key, and of the keys inside it."""
    for name, key in keys.items():
        if not key.keys:
            yield name, key.default
            continue
        for path, default in _defaults_of_keys(key.keys):
            yield f"{name}.{path}", default
