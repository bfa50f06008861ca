"""The errors in a value of `--additional-config`: unknown keys, and values of another type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from models.engines.json_fields import nearest_field
from models.engines.vllm_ascend.records import AdditionalKey, PluginTable
from models.engines.vllm_ascend.setting_edits import meant_values

_EXPECTED = {
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "list of int": "a list of whole numbers",
    "list of text": "a list of text",
    "mapping": "a mapping",
    "text": "text",
}

_TYPES: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "float": (int, float),
    "int": (int,),
    "mapping": (dict,),
    "text": (str,),
}


@dataclass(frozen=True)
class KeyProblem:
    """A key of `--additional-config` that has no effect or a wrong value."""

    path: tuple[str, ...]
    """The names of the keys, from `--additional-config` downwards."""
    effect: Literal["ignored", "refused", "wrong value"]
    """The reaction of the plugin to an unknown key; `wrong value` for a known key."""
    message: str
    nearest: tuple[str, ...] | None = None
    """The path of the known key that an unknown one probably means."""
    has_its_type: bool = False
    """Whether a wrong value has the type of the key, and is none of its choices."""
    meant: Any = None
    """The valid value that a wrong one probably means; None if it means none."""


def key_problems(table: PluginTable, value: Mapping[str, Any]) -> Iterator[KeyProblem]:
    """All problems with a value of `--additional-config`, with the names of the plugin (`enable_cpu_binding`)."""
    keys = table.additional_config
    return _problems(keys, value, table.unknown_key, ())


def _problems(
    keys: Mapping[str, AdditionalKey],
    value: Mapping[str, Any],
    unknown_key: Literal["ignored", "refused"],
    path: tuple[str, ...],
) -> Iterator[KeyProblem]:
    for name, item in value.items():
        place = (*path, name)
        key = keys.get(name)
        if key is None:
            message = f"unknown key {'.'.join(place)}"
            near = _nearest(name, keys, path)
            yield KeyProblem(place, unknown_key, message, near)
        elif not _accepts(key, item):
            yield KeyProblem(
                place,
                "wrong value",
                f"must be {_expected(key)}",
                has_its_type=_has_type(key, item),
                meant=_meant(key, item),
            )
        elif key.keys:
            yield from _problems(key.keys, item, key.unknown_key, place)


def _nearest(
    name: str, keys: Mapping[str, AdditionalKey], path: tuple[str, ...]
) -> tuple[str, ...] | None:
    """The known key that a name probably means: on the same level, else one level below."""
    near = nearest_field(name, keys)
    if near:
        return (*path, near)
    for outer, key in keys.items():
        if key.keys and name in key.keys:
            return (*path, outer, name)
    return None


def _meant(key: AdditionalKey, value: Any) -> Any:
    """The valid value that a wrong one probably means, or None."""
    for candidate in meant_values(key, value):
        if candidate is not None and _accepts(key, candidate):
            return candidate
    return None


def _accepts(key: AdditionalKey, value: Any) -> bool:
    """Whether a value has the type of a key and is one of its choices."""
    if value is None and key.default is None:
        return True
    if key.choices and value not in key.choices:
        return False
    return _has_type(key, value)


def _has_type(key: AdditionalKey, value: Any) -> bool:
    item_type = key.type.removeprefix("list of ")
    if item_type == key.type:
        return _is_a(key.type, value)
    return isinstance(value, list) and all(_is_a(item_type, item) for item in value)


def _is_a(type_: str, value: Any) -> bool:
    """Whether a value has a type. True and false are not numbers, whole numbers are numbers."""
    if isinstance(value, bool):
        return type_ == "bool"
    return isinstance(value, _TYPES[type_])


def _expected(key: AdditionalKey) -> str:
    if key.choices:
        return f"one of {', '.join(map(str, key.choices))}"
    return _EXPECTED[key.type]
