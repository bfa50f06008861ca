"""Arguments of vLLM as a list, a text or a mapping: the keys that set them."""

from __future__ import annotations

import shlex
from typing import Any

from models.engines.flags import Flag
from models.engines.release import Release
from models.stack_file.errors.mapping_readings import mapping_readings
from models.stack_file.errors.other_forms.service_release import release_of_value
from models.stack_file.errors.other_forms.words import Edits, Service
from models.stack_file.errors.place import value_at
from models.stack_file.errors.scalar_readings import readings
from models.stack_file.yaml_file import read_yaml
from models.yaml_scalar import plain_scalar

_EXTRA = "engine.extraArgs."
_OF_THE_PROGRAM = ("model", "host", "port")
"""Flags that the program sets itself."""


def arguments(value: Any, service: Service) -> Edits | None:
    """The keys of the service for the flags of vLLM. Flags that the release does not have are left out."""
    flags = _flags(value)
    if flags is None:
        return {}
    engine = release_of_value(service)
    edits: Edits = {}
    extra: dict[str, Any] = {}
    for name, argument in flags.items():
        key = _key(engine, name)
        if key is None:
            continue
        if key.startswith(_EXTRA):
            flag = engine.flag(name.lstrip("-"))
            value_of_flag = argument_value(flag, argument) if flag else argument
            extra[key.removeprefix(_EXTRA)] = value_of_flag
            continue
        if ": " in key:  # with its value, such as `graph: eager`
            key, _, text = key.partition(": ")
            edits[key] = read_yaml("key", text).value
        else:
            edits[key] = argument
    if extra:
        edits[_EXTRA.rstrip(".")] = {**_written_extra(service), **extra}
    return edits


def _flags(value: Any) -> dict[str, Any] | None:
    """The flags of a mapping, of a list of mappings, or of a command line; None if there are none."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return {name: item[name] for item in value for name in item}
    words = value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        first = [index for index, item in enumerate(value) if item.startswith("--")]
        if first:
            words = shlex.join(value[first[0] :])
    return next(mapping_readings(words), None)


def argument_value(flag: Flag, value: Any) -> Any:
    """The value of a flag for a text in its place: a truth value, a number or a mapping."""
    if not isinstance(value, str):
        return value
    if flag.kind in ("flag", "bool"):
        truths = [item for item in readings(value) if isinstance(item, bool)]
        return truths[0] if truths else value
    if flag.type in ("int", "float"):
        return plain_scalar(value.strip())
    if flag.type == "json":
        return next(mapping_readings(value), value)
    return value


def _written_extra(service: Service) -> dict[str, Any]:
    """The user's own flags under `engine.extraArgs`."""
    written = value_at(("engine", "extraArgs"), service)
    return written if isinstance(written, dict) else {}


def kv_transfer(value: Any, _service: Service) -> Edits | None:
    """The flag `--kv-transfer-config` for its fields. None for a mapping that is the stack's own key `kvTransfer`."""
    if isinstance(value, str):
        value = next(mapping_readings(value), None)
    if not isinstance(value, dict):
        return None
    fields = {_snake(key): field for key, field in value.items()}
    if "kv_connector" not in fields:
        return None
    fields.setdefault("kv_role", "kv_both")
    return {"engine.extraArgs.kvTransferConfig": fields}


def _key(engine: Release, name: str) -> str | None:
    """The key that sets a flag; None if there is none for it."""
    flag = engine.flag(name.lstrip("-"))
    if flag is None or flag.name in _OF_THE_PROGRAM:
        return None
    owner = engine.owned_flags.get(flag.name)
    if owner is None:
        return f"{_EXTRA}{flag.key}"
    if "…" in owner:
        return None
    return owner


def _snake(key: str) -> str:
    """A key in the form of vLLM: kv_role for kvRole."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in key)
