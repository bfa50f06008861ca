"""The names in JSON settings: camelCase in the stack file, the plugin's and vLLM's own spelling on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from pydantic.alias_generators import to_camel

from models.engines.engine_args import Version
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
    return _vllm_names(version, "CompilationConfig", config)


def speculative_names(version: Version, config: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `speculative.config` under vLLM's own names."""
    return _vllm_names(version, "SpeculativeConfig", config)


def own_name(key: str, known: Iterable[str]) -> str:
    """The own name of a setting for a key in camelCase or snake_case.

    An unknown key becomes snake_case. Other words are another key: `enableNpuGraphEx` is `enable_npu_graph_ex`, and not
    `enable_npugraph_ex`.
    """
    if "_" in key:
        return key
    snake_case = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).lower()
    return _by_camel_case(tuple(known)).get(key, snake_case)


@lru_cache(maxsize=1024)
def camel_case(name: str) -> str:
    """The key of the stack file for an own name: `enableCpuBinding` for `enable_cpu_binding`."""
    return to_camel(name)


@lru_cache(maxsize=1024)
def _by_camel_case(names: tuple[str, ...]) -> dict[str, str]:
    """Names by what they are in camelCase."""
    return {camel_case(name): name for name in names}


def _vllm_names(
    version: Version, class_name: str, config: Mapping[str, Any]
) -> dict[str, Any]:
    """Fields of a configuration of vLLM under its own names, those of nested configurations too."""
    configs = flag_table(version).json_configs.configs
    known = configs[class_name].fields
    named: dict[str, Any] = {}
    for key, value in config.items():
        name = own_name(key, known)
        field = known.get(name)
        if isinstance(value, dict) and field and field.type in configs:
            named[name] = _vllm_names(version, field.type, value)
        else:
            named[name] = value
    return named


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
