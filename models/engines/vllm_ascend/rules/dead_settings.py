"""The rule on settings that nothing in the release reads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic.alias_generators import to_camel

from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.additional_config import key_problems
from models.engines.vllm_ascend.dead_names import DeadName, dead_names
from models.engines.vllm_ascend.launch_settings import find_setting, known_key
from models.engines.vllm_ascend.records import DeadSetting, PluginTable, is_older
from models.engines.vllm_ascend.tables import all_dead_settings, plugin_table
from models.finding import Finding, error, no_effect
from models.yaml_scalar import as_yaml

_KEYS = "engine.additionalConfig"


@rule("no-effect", "error")
def dead_setting(server: ModelServer) -> Iterator[Finding]:
    """The release reads every key of `additionalConfig` and every variable of vLLM and its plugin.

    vllm-ascend does not report an unknown name, and vLLM at most logs a warning. Many names were renamed from release
    to release. If the release does not start with the name, the finding is an error.
    """
    for dead in dead_names(server):
        severity = no_effect
        if _stops_start(server, dead):
            severity = error
        yield severity(
            f"nothing in vllm-ascend {server.release.version} reads {dead.setting.name}",
            why="; ".join(_reasons(server, dead)),
            fix=_edit(server, dead),
            marks=[dead.setting.mark],
        )


def _stops_start(server: ModelServer, dead: DeadName) -> bool:
    if dead.effect == "refused":
        return True
    return dead.entry is not None and dead.entry.stops_start_of(server.release.version)


def _reasons(server: ModelServer, dead: DeadName) -> Iterator[str]:
    """The replacement of the name, the last release that read it, and the release from which the server exits."""
    plugin = plugin_table(server.release.version)
    if dead.near:
        place = _where(plugin, dead)
        yield f"the {dead.kind} is {'.'.join(dead.near)}{place}"
    if plugin and dead.near and dead.kind == "key":
        key = known_key(plugin.additional_config, dead.near)
        if key and key.default is not None:
            yield f"its default is {as_yaml(key.default)}"
    if dead.entry:
        yield from _history(server, dead, dead.entry)
    elif dead.effect == "warned":
        yield "vLLM warns of an unknown variable and goes on (vllm/envs.py)"
    if dead.effect == "refused":
        yield _refused_where(plugin)
    elif dead.kind == "key":
        yield _stop(server, dead)


def _where(plugin: PluginTable | None, dead: DeadName) -> str:
    """The file and line that read the live name, in brackets."""
    if plugin is None:
        return ""
    entry: Any = plugin.variables.get(dead.near[0])
    if dead.kind == "key":
        entry = plugin.additional_config.get(dead.near[0])
    return f" ({entry.read[0]})" if entry and entry.read else ""


def _history(server: ModelServer, dead: DeadName, entry: DeadSetting) -> Iterator[str]:
    near = entry.nearest_in(server.release.version)
    if near and not dead.near:
        yield f"{near} replaces it"
    if entry.not_needed:
        yield entry.not_needed
    if entry.note:
        yield entry.note
        return
    if not entry.read_in:
        yield "no release reads it"
        return
    earlier = [
        release
        for release in entry.read_in
        if is_older(release, server.release.version)
    ]
    if earlier:
        yield f"{earlier[-1]} was the last release that read it"


def _refused_where(plugin: PluginTable | None) -> str:
    """The source of the refusal of unknown keys in `eplb_config`."""
    refusal = plugin.refusals.get("eplb-unknown-key") if plugin else None
    if refusal is None:
        return "the server exits at start"
    return f"vllm-ascend raises {refusal.exception} at start ({refusal.where})"


def _stop(server: ModelServer, dead: DeadName) -> str:
    """From which release on the server exits at start with a dead key."""
    release = _unknown_keys_stop_from()
    if dead.entry:
        release = dead.entry.aborts_from
    if release is None:
        return "the plugin ignores it"
    if is_older(server.release.version, release):
        return f"from {release} on, the server exits at start with an unknown key"
    return f"{release} exits at start with an unknown key, as its source code shows"


@cache
def _unknown_keys_stop_from() -> str | None:
    """The first release that does not start with a key that no release reads."""
    never_read = [
        setting
        for setting in all_dead_settings().values()
        if setting.kind == "key" and not setting.read_in
    ]
    return never_read[0].aborts_from if never_read else None


def _edit(server: ModelServer, dead: DeadName) -> str:
    """The edit that writes the live name in the spelling of the user, or removes the dead one."""
    if dead.near and dead.kind == "variable":
        if dead.near[0] not in server.env:
            return f"rename {dead.setting.key} to {dead.near[0]}"
    elif dead.near:
        return _key_edit(server, dead)
    return dead.setting.removal


def _key_edit(server: ModelServer, dead: DeadName) -> str:
    written = server.engine.additional_config
    is_free = find_setting(_KEYS, written, dead.near) is None
    plugin = plugin_table(server.release.version)
    if plugin is None or not is_free or not _is_accepted(plugin, dead):
        return dead.setting.removal
    name = dead.setting.key.rpartition(".")[2]
    near = [_spelling(part, like=name) for part in dead.near]
    if dead.near[:-1] == dead.path[:-1]:
        return f"rename {dead.setting.key} to {near[-1]}"
    field = _KEYS
    if len(near) > 1:
        around = find_setting(_KEYS, written, dead.near[:1])
        field = around.key if around else f"{_KEYS}.{near[0]}"
    value = as_yaml(dead.setting.value)
    return f"write {field}.{near[-1]}: {value} and {dead.setting.removal}"


def _is_accepted(plugin: PluginTable, dead: DeadName) -> bool:
    """Whether the live key accepts the value of the dead one."""
    config: Any = dead.setting.value
    for name in reversed(dead.near):
        config = {name: config}
    return next(key_problems(plugin, config), None) is None


def _spelling(name: str, like: str) -> str:
    """A name in camelCase, or as the plugin spells it if the user does so."""
    return name if "_" in like else to_camel(name)
