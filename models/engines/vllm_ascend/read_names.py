"""The names outside the flags that a release reads or reports, and those of earlier releases that it does not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from models.engines.release import NameKind, UnreadName
from models.engines.vllm_ascend.records import AdditionalKey
from models.engines.vllm_ascend.tables import dead_settings, flag_table, plugin_table


def read_names(release: str) -> Mapping[NameKind, frozenset[str]]:
    """The names by kind. Without its plugin, only the metrics of a release are known."""
    table = flag_table(release)
    names: dict[NameKind, frozenset[str]] = {"metric": frozenset(table.server.metrics)}
    plugin = plugin_table(release)
    if plugin is None:
        return names

    read_by_plugin = set()
    for name, variable in plugin.variables.items():
        if variable.read:
            read_by_plugin.add(name)
    names["variable"] = table.variables | read_by_plugin
    names["key"] = frozenset(_paths(plugin.additional_config))
    return names


def unread_names(release: str) -> Mapping[str, UnreadName]:
    """The names of the tables that a release does not read, with the name that replaces each."""
    names = {}
    for name, setting in dead_settings(release).items():
        if setting.kind == "flag" or release in setting.not_known_in:
            continue
        names[name] = UnreadName(
            setting.kind,
            setting.read_in,
            setting.nearest_in(release),
        )
    return names


def _paths(keys: Mapping[str, AdditionalKey], prefix: str = "") -> Iterator[str]:
    """The keys at any depth, such as `eplb_config.dynamic_eplb`."""
    for name, key in keys.items():
        path = prefix + name
        yield path
        if key.keys:
            yield from _paths(key.keys, f"{path}.")
