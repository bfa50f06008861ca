"""Values of ConfigMaps among the files, from which a container gets variables."""

from __future__ import annotations

from collections.abc import Sequence

from convert.objects import Object


def named_in(source: Object) -> str:
    """The ConfigMap of `configMapKeyRef` or `configMapRef`; empty if a source is none of them."""
    for kind in ("configMapKeyRef", "configMapRef"):
        name = source.at(kind, "name").text()
        if name:
            return name
    return ""


def config_map_value(source: Object, config_maps: Sequence[Object]) -> str | None:
    """The value to which `valueFrom` refers, or None if the ConfigMap is not among the files or lacks the key."""
    key = source.at("configMapKeyRef", "key").text()
    data = _data(named_in(source), config_maps)
    if data is None or key not in data:
        return None
    return str(data[key])


def config_map_values(
    source: Object, config_maps: Sequence[Object]
) -> dict[str, str] | None:
    """The variables of an entry of `envFrom`, or None if its ConfigMap is not among the files."""
    data = _data(named_in(source), config_maps)
    if data is None:
        return None
    prefix = source.at("prefix").text()
    return {f"{prefix}{key}": str(value) for key, value in data.items()}


def _data(name: str, config_maps: Sequence[Object]) -> dict[str, object] | None:
    if not name:
        return None
    for config_map in config_maps:
        if config_map.name == name:
            return config_map.at("data").mapping()
    return None
