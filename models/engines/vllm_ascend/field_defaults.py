"""The defaults of the fields of JSON flags, those of `--additional-config` among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.engines.json_fields import JsonConfigs
from models.engines.vllm_ascend.records import AdditionalKey, FlagTable
from models.engines.vllm_ascend.tables import additional_config


def field_defaults(table: FlagTable) -> dict[str, Any]:
    """The defaults by the flag and the field, such as `eplb-config use_async`."""
    found: dict[str, Any] = {}
    for flag in table.flags.values():
        if flag.config:
            fields = _of_config(flag.config, table.json_configs)
            found.update({f"{flag.name} {path}": default for path, default in fields})
    keys = additional_config(table.release) or {}
    for path, default in _of_keys(keys):
        found[f"additional-config {path}"] = default
    return found


def _of_config(config: str, known: JsonConfigs) -> Iterator[tuple[str, Any]]:
    for field in known.configs[config].fields.values():
        if field.type not in known.configs:
            yield field.name, field.default
            continue
        for path, default in _of_config(field.type, known):
            yield f"{field.name}.{path}", default


def _of_keys(keys: Mapping[str, AdditionalKey]) -> Iterator[tuple[str, Any]]:
    for name, key in keys.items():
        if not key.keys:
            yield name, key.default
            continue
        for path, default in _of_keys(key.keys):
            yield f"{name}.{path}", default
