"""The edits that move a key to the place where it belongs: `max-model-len` of a service to `engine.maxModelLen`."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from models.credentials import holds_hidden, is_hidden
from models.engines.flags import plain_name
from models.engines.releases import DEFAULT_VERSION, release
from models.finding import Mark
from models.record import Record
from models.stack_file.errors.annotations import record_in
from models.stack_file.errors.messages import NICKNAMES
from models.stack_file.errors.place import (
    Place,
    dotted,
    fields_of,
    in_one_line,
    value_at,
)
from models.stack_file.errors.value_edits import value_edit
from models.yaml_scalar import as_yaml

_PARTS = ("engine", "server")
"""The mappings of a service that have flags."""


def edit_that_moves(
    record: type[Record], place: Place, where: Mark, refused: Any, value: Any
) -> str | None:
    """The edit that moves a value to the place that its key means; None if the key means no other place.

    Args:
        record: The record that was validated.
        place: The place of the key.
        where: The position of the key.
        refused: The value of the key.
        value: The value of the record as the user wrote it.
    """
    is_in_part = place.keys[0] in _PARTS
    if not is_in_part and "engine" not in place.known:
        return None
    target = _target(str(place.keys[-1]), place)
    if target:
        write = _edit_of_target(record, target, place, refused, value)
        return _edit_to_target(target, write, where, refused)
    if is_in_part:
        return _edit_to_service(record, where, refused)
    return None


def _target(name: str, place: Place) -> str | None:
    """The key of another place that a name means: by a nickname, a flag of the engine, or a key of a record.

    It may have its value with it, such as `graph: eager`.
    """
    default_release = release(DEFAULT_VERSION)
    flag = default_release.flag(name)
    if flag is None:
        return NICKNAMES.get(plain_name(name)) or _key_inside(name, place)
    owner = default_release.owned_flags.get(flag.name)
    if owner:
        return owner
    if place.keys[0] in _PARTS:
        return f"{place.keys[0]}.extraArgs.{flag.key}"
    if "engine" in place.known:
        return f"engine.extraArgs.{flag.key}"
    return None


def _key_inside(name: str, place: Place) -> str | None:
    """The key of the same name in a record of this mapping. Upper case, `-` and `_` do not count."""
    for key, field in place.known.items():
        inner = record_in(field.annotation)
        if inner is None:
            continue
        names = {plain_name(inner_key): inner_key for inner_key in fields_of(inner)}
        if plain_name(name) in names:
            return f"{key}.{names[plain_name(name)]}"
    return None


def _edit_to_target(target: str, write: str, where: Mark, refused: Any) -> str:
    """The edit that moves a value to the key that its key means.

    Args:
        target: The key, which may have its value with it.
        write: The edit that writes the value to this key.
        where: The position of the key.
        refused: The value.
    """
    remove = _edit_that_removes(where)
    has_value = ": " in target
    if has_value:
        is_complete = "…" not in target and refused is not False
        if is_complete:
            return f"write {target} and {remove}"
        return f"{remove}, and use {target}"
    if _may_be_secret(where, refused):
        return f"{remove}, and use {target}"
    return f"{write} and {remove}"


def _edit_of_target(
    record: type[Record], key: str, place: Place, refused: Any, value: Any
) -> str:
    """The edit that writes a value to the key that its key means."""
    if key in place.known:
        return _edit_of_known_key(key, place, refused)
    return _edit_of_key_inside(record, key, refused, value)


def _edit_that_removes(where: Mark) -> str:
    return f"remove {in_one_line(dotted(where.path))}"


def _edit_of_known_key(key: str, place: Place, refused: Any) -> str:
    """The edit that writes a value to a key next to its own one."""
    kept = refused
    if key == "rollout":
        kept = _rollout_kind(refused)
    return value_edit(key, place.known[key], kept)


def _rollout_kind(strategy: Any) -> Any:
    """The kind of a rollout for the strategy of a Deployment: `recreate` for `{type: Recreate}`."""
    if isinstance(strategy, dict) and "type" in strategy:
        strategy = strategy["type"]
    if isinstance(strategy, str):
        return strategy[:1].lower() + strategy[1:]
    return strategy


def _edit_of_key_inside(
    record: type[Record], key: str, refused: Any, value: Any
) -> str:
    """The edit that writes a value to a key of another mapping, in the form that this key accepts.

    A mapping that is there already keeps its keys.
    """
    field = _field_at(key, record)
    if field is not None and not isinstance(refused, dict | list):
        edit = value_edit(key, field, refused)
        if edit.startswith("write "):
            return edit
    written = value_at(key.split("."), value)
    moved = refused
    if isinstance(written, dict) and isinstance(refused, dict):
        moved = {**written, **refused}
    return f"write {key}: {as_yaml(moved)}"


def _field_at(key: str, record: type[Record]) -> FieldInfo | None:
    """The field at a path such as `resources.memory`; None if a part of the path has no field."""
    field: FieldInfo | None = None
    holder: type[Record] | None = record
    for name in key.split("."):
        if holder is None:
            return None
        field = fields_of(holder).get(name)
        if field is None:
            return None
        holder = record_in(field.annotation)
    return field


def _edit_to_service(record: type[Record], where: Mark, refused: Any) -> str | None:
    """The edit that moves a key of the service out of `engine` or `server`; None for any other key."""
    fields = fields_of(record)
    names = {plain_name(name): name for name in fields}
    name = names.get(plain_name(where.path[-1]))
    if name is None or name in _PARTS:
        return None
    remove = _edit_that_removes(where)
    if _may_be_secret(where, refused):
        return f"{remove}, and use {name}"
    return f"{value_edit(name, fields[name], refused)} and {remove}"


def _may_be_secret(where: Mark, value: Any) -> bool:
    """Whether a fix must not repeat a value, because it is or contains a credential."""
    if isinstance(value, dict | list):
        return holds_hidden(where.path, value)
    return is_hidden(where.path, str(value))
