"""The edits that move a key to the place where it belongs: `max-model-len` of a service to `engine.maxModelLen`."""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from models.credentials import holds_hidden, is_hidden
from models.engines.flags import plain_name
from models.finding import Mark
from models.record import Record
from models.stack_file.errors.annotations import record_in
from models.stack_file.errors.messages import NICKNAMES
from models.stack_file.errors.other_forms.arguments import argument_value
from models.stack_file.errors.other_forms.service_release import release_of_value
from models.stack_file.errors.place import (
    Place,
    dotted,
    field_at,
    fields_of,
    in_one_line,
    value_at,
)
from models.stack_file.errors.value_edits import nearest_accepted, value_edit
from models.yaml_scalar import as_yaml

_TRUTHS = ("true", "false")
"""Texts that stand for a truth value."""

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
    target = _target(str(place.keys[-1]), place, value)
    if target:
        return _edit_to_target(record, target, where, refused, value)
    if is_in_part:
        return _edit_to_service(record, where, refused)
    return None


def _target(name: str, place: Place, value: Any) -> str | None:
    """The key of another place that a name means: by a nickname, a flag of the engine, or a key of a record.

    It may have its value with it, such as `graph: eager`.
    """
    release = release_of_value(value)
    flag = release.flag(name)
    if flag is None:
        return NICKNAMES.get(plain_name(name)) or _key_inside(name, place)
    owner = release.owned_flags.get(flag.name)
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


def _edit_to_target(
    record: type[Record], target: str, where: Mark, refused: Any, value: Any
) -> str:
    """The edit that moves a value to the key that its key means.

    Args:
        record: The record that was validated.
        target: The key, which may have its value with it.
        where: The position of the key.
        refused: The value.
        value: The value of the record as the user wrote it.
    """
    remove = _edit_that_removes(where)
    write = None
    has_value = ": " in target
    if has_value:
        is_complete = "…" not in target and refused is not False
        write = f"write {target}" if is_complete else None
    elif not _may_be_secret(where, refused):
        write = _edit_that_writes(record, target, refused, value)
    if write is None:
        return f"{remove}, and use {target}"
    return f"{write} and {remove}"


def _edit_that_removes(where: Mark) -> str:
    return f"remove {in_one_line(dotted(where.path))}"


def _edit_that_writes(
    record: type[Record], key: str, refused: Any, value: Any
) -> str | None:
    """The edit that writes a value to the key that its key means, in the form that this key accepts.

    A mapping that is there already keeps its keys. None if the key does not accept the value.
    """
    above, _, name = key.rpartition(".")
    moved = _joined(value_at(key.split("."), value), refused)
    field = field_at(record, key)
    if field is None:  # a key of a mapping with free keys
        flag = release_of_value(value).flag(name)
        if flag and above.endswith("extraArgs"):
            moved = argument_value(flag, moved)
        return f"write {key}: {as_yaml(moved)}"
    is_new_mapping = bool(above) and value_at(above.split("."), value) is None
    if is_new_mapping and _needs_further_keys(field_at(record, above), name):
        return None
    accepted = nearest_accepted(field, moved)
    is_truth = isinstance(moved, bool) or moved in _TRUTHS
    if accepted is None or (is_truth and not isinstance(accepted, bool)):
        return None
    return f"write {key}: {as_yaml(accepted)}"


def _joined(written: Any, moved: Any) -> Any:
    """The value of a key after another value was moved to it: two mappings become one."""
    if isinstance(written, dict) and isinstance(moved, dict):
        return {**written, **moved}
    return moved


def _needs_further_keys(field: FieldInfo | None, name: str) -> bool:
    """Whether a mapping needs more keys than one."""
    inner = record_in(field.annotation) if field else None
    fields = fields_of(inner) if inner else {}
    return any(fields[key].is_required() for key in fields if key != name)


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
