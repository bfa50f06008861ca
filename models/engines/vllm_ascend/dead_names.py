"""Names in a stack file that nothing in a release reads: keys of `--additional-config` and variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.additional_config import key_problems
from models.engines.vllm_ascend.json_names import own_name, plugin_names
from models.engines.vllm_ascend.launch_settings import Setting, find_setting
from models.engines.vllm_ascend.records import DeadSetting, PluginTable
from models.engines.vllm_ascend.tables import (
    dead_settings,
    flag_table,
    plugin_table,
)
from models.finding import at

_KEYS = "engine.additionalConfig"
_OF_PLUGIN = "VLLM_ASCEND_"
_OF_VLLM = "VLLM_"

_SIMILAR = 0.9
"""How similar two names of variables are, from 0 to 1, if one is a misspelling of the other."""


@dataclass(frozen=True)
class DeadName:
    """A key or a variable that the release does not read."""

    setting: Setting
    """The name and its place in the stack file."""
    path: tuple[str, ...]
    """The own names: those of the keys around the key, and its own; for a variable the name alone."""
    kind: str
    """`key` or `variable`."""
    effect: str
    """`ignored`, `warned` or `refused`."""
    entry: DeadSetting | None = None
    """The reaction of other releases to the name, if it is in the tables."""
    near: tuple[str, ...] = field(default=())
    """The live name of the same kind that it probably means; empty if there is none."""


def dead_names(server: ModelServer) -> Iterator[DeadName]:
    """All dead names of a service. Where the plugin is not known, those that the tables call dead all the same."""
    plugin = plugin_table(server.release.version)
    if plugin:
        yield from _dead_keys(server, plugin)
    else:
        yield from _listed_keys(server, server.engine.additional_config, _KEYS, ())
    for name in server.env:
        found = _dead_variable(server, name, plugin)
        if found:
            yield found


def _dead_keys(server: ModelServer, plugin: PluginTable) -> Iterator[DeadName]:
    version = server.release.version
    written = server.engine.additional_config
    listed = dead_settings(version)
    for problem in key_problems(plugin, plugin_names(version, written)):
        if problem.effect == "wrong value":
            continue
        setting = find_setting(_KEYS, written, problem.path)
        entry = listed.get(".".join(problem.path))
        near = problem.nearest or ()
        if entry:
            near = _listed_near(entry, version)
        if setting:
            yield DeadName(setting, problem.path, "key", problem.effect, entry, near)


def _listed_near(entry: DeadSetting, version: str) -> tuple[str, ...]:
    """The path of the key that replaces a listed one; empty if something else replaces it."""
    near = entry.nearest_in(version) or ""
    is_key = near.replace("_", "").replace(".", "").isalnum() and near.islower()
    return tuple(near.split(".")) if is_key else ()


def _listed_keys(
    server: ModelServer, config: Mapping[str, Any], field: str, path: tuple[str, ...]
) -> Iterator[DeadName]:
    """The keys of a mapping, at any depth, that the tables list as dead."""
    version = server.release.version
    listed = dead_settings(version)
    for key, value in config.items():
        place = (*path, own_name(key, ()))
        entry = listed.get(".".join(place))
        if entry and entry.kind == "key":
            setting = Setting(value, f"{field}.{key}", at(field, key=key))
            near = _listed_near(entry, version)
            yield DeadName(setting, place, "key", entry.effect, entry, near)
        elif isinstance(value, dict):
            yield from _listed_keys(server, value, f"{field}.{key}", place)


def _dead_variable(
    server: ModelServer, name: str, plugin: PluginTable | None
) -> DeadName | None:
    version = server.release.version
    entry = dead_settings(version).get(name)
    if entry and version in entry.not_known_in:
        return None
    live = _live_variables(version, plugin)
    if entry is None and (plugin is None or name in live):
        return None
    if entry is None and not name.startswith(_OF_VLLM):
        return None
    setting = Setting(server.env[name], f"env.{name}", at("env", key=name))
    effect = "warned"
    if entry:
        effect = entry.effect
    near = _near_variable(name, live, entry, version)
    return DeadName(setting, (name,), "variable", effect, entry, near)


def _live_variables(version: str, plugin: PluginTable | None) -> set[str]:
    """The variables that vLLM declares and that the plugin reads."""
    live = {*flag_table(version).variables}
    if plugin:
        live |= {name for name, entry in plugin.variables.items() if entry.read}
    return live


def _near_variable(
    name: str, live: set[str], entry: DeadSetting | None, version: str
) -> tuple[str, ...]:
    if entry:
        near = entry.nearest_in(version)
        return (near,) if near in live and near else ()
    prefix = _OF_VLLM
    if name.startswith(_OF_PLUGIN):
        prefix = _OF_PLUGIN
    same = sorted(variable for variable in live if variable.startswith(prefix))
    close = get_close_matches(name, same, n=1, cutoff=_SIMILAR)
    return tuple(close)
