"""What the readers of other forms have in common: names, numbers and texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from models.engines.flags import plain_name
from models.record import Record
from models.stack_file.errors.place import fields_of
from models.stack_file.errors.value_edits import nearest_accepted

Service = Mapping[str, Any]
"""A service as the user wrote it."""

Edits = dict[str, Any]
"""New values by the key of the service; keys inside of mappings are joined by dots. Empty to remove the user's key."""

MODELS = PurePosixPath("/mnt/models")
"""The directory of the weights in examples."""

OFF = ("false", "off", "no", "none", "disabled", "disable", "0")
"""Words that turn a feature off, as `plain_name` writes them."""


def word(value: Any) -> str:
    """A word without upper case, `-` and `_`; empty for a mapping or a list."""
    if isinstance(value, str | bool | int):
        return plain_name("".join(str(value).split()))
    return ""


def renamed(mapping: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A mapping with the keys of the stack file. Unknown keys keep their name.

    Args:
        mapping: The mapping as the user wrote it.
        names: The keys of the stack file by the plain names of other keys.
    """
    result: dict[str, Any] = {}
    for key, value in mapping.items():
        result[names.get(plain_name(key), key)] = value
    return result


def numbers(value: Any) -> Any:
    """A list of whole numbers for `1,2,4` and for 4; any other value stays."""
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    if isinstance(value, str) and re.fullmatch(r"\[?[\d ,]*\d\]?", value.strip()):
        return [int(number) for number in re.findall(r"\d+", value)]
    return value


def completed(record: type[Record], values: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a record with the values that it accepts; a missing required key gets its example.

    Args:
        record: The record.
        values: The user's values by the keys of the record. Those of unknown keys are left out.
    """
    result: dict[str, Any] = {}
    for key, field in fields_of(record).items():
        accepted = None
        if key in values:
            accepted = nearest_accepted(field, values[key])
        if accepted is None and field.is_required() and field.examples:
            accepted = field.examples[0]
        if accepted is not None:
            result[key] = accepted
    return result


def without_references(value: Any) -> Any:
    """A value without the names of Secrets and of their keys, which are no credentials."""
    if isinstance(value, list):
        return [without_references(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"secret", "key"}:
        return {}
    return {
        key: without_references(item)
        for key, item in value.items()
        if key != "pullSecrets"
    }


def last_part(path: str) -> str:
    """The last part of a path or of a name such as Qwen/Qwen3-8B."""
    return PurePosixPath(path.rstrip("/")).name


def in_models(name: str) -> str:
    """A path of weights for a path, or for a name such as Qwen/Qwen3-8B."""
    if name.startswith("/"):
        return name
    return str(MODELS / last_part(name))
