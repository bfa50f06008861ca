"""The names in JSON settings: camelCase in the stack file, the plugin's and vLLM's own spelling on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from models.engines.engine_args import Version
from models.engines.flags import plain_name
from models.engines.vllm_ascend.tables import (
    AdditionalKey,
    additional_config,
    flag_table,
)


def plugin_names(version: Version, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `engine.additionalConfig` under the plugin's own names, nested ones too.

    Args:
        version: The release.
        config: The settings as the stack file has them.
    """
    return _named(config, additional_config(version) or {})


def compilation_names(version: Version, config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `engine.compilationConfig` under vLLM's own names."""
    known = flag_table(version).json_configs.configs["CompilationConfig"].fields
    return {own_name(key, known): value for key, value in config.items()}


def own_name(key: str, known: Iterable[str]) -> str:
    """The own name of a setting for a key in any spelling. An unknown key becomes snake_case."""
    by_plain_name = {plain_name(name): name for name in known}
    found = by_plain_name.get(plain_name(key))
    if found:
        return found
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()


def _named(
    config: Mapping[str, Any], known: Mapping[str, AdditionalKey]
) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for key, value in config.items():
        name = own_name(key, known)
        setting = known.get(name)
        if isinstance(value, dict):
            nested = setting.keys if setting else None
            named[name] = _named(value, nested or {})
        else:
            named[name] = value
    return named
