"""Keys that pydantic refuses: unknown keys, keys of another kind, and keys that belong to another place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic.fields import FieldInfo

from models.credentials import holds_hidden, is_hidden
from models.engines.flags import plain_name
from models.finding import Finding, Mark, Path
from models.record import Record
from models.stack_file.errors.messages import NICKNAMES
from models.stack_file.errors.other_forms.arguments import argument_value
from models.stack_file.errors.other_forms.service_release import release_of_value
from models.stack_file.errors.place import (
    Place,
    dotted,
    field_at,
    fields_of,
    in_one_line,
    record_in,
    value_at,
)
from models.stack_file.errors.union_errors import key_of_another_kind
from models.stack_file.errors.unknown_keys import nearest, unknown_key
from models.stack_file.errors.value_edits import nearest_accepted, value_edit
from models.tagged_union import kind_of
from models.yaml_scalar import as_yaml

_TRUTHS = ("true", "false")
"""Texts that stand for a truth value."""


def refused_key(
    record: type[Record], place: Place, path: Path, refused: Any, value: Any
) -> Finding:
    """The finding about a key that is unknown, or that belongs to another kind.

    Args:
        record: The record that was validated.
        place: The place of the key.
        path: Where the value of the record is in the stack file.
        refused: The value of the key.
        value: The value of the record as the user wrote it.
    """
    where = Mark((*path, *map(str, place.keys)))
    name = str(place.keys[-1])
    if place.alternatives and place.record:
        right = place.alternatives.owner(name)
        if right and kind_of(right):
            holder = value_at(place.keys[:-1], value)
            return key_of_another_kind(where, place.record, right, holder)
    found = unknown_key(where, name, place.known, refused)
    similar = nearest(name, place.known)
    if similar and plain_name(similar) == plain_name(name):
        return found
    elsewhere = _edit_elsewhere(record, where, place, refused, value)
    if elsewhere is None and place.keys[0] in ("engine", "server"):
        elsewhere = _edit_at_the_service(record, where, refused)
    holder = value_at(place.keys[:-1], value)
    if elsewhere is None and isinstance(holder, dict) and similar in holder:
        elsewhere = f"remove {in_one_line(name)}"
    if elsewhere:
        return replace(found, fix=elsewhere)
    return found


def _edit_elsewhere(
    record: type[Record], where: Mark, place: Place, refused: Any, value: Any
) -> str | None:
    """The edit that moves a value to the place that its key means. None if the key means no other place."""
    is_of_service = "engine" in place.known or place.keys[0] in ("engine", "server")
    if not is_of_service:
        return None
    key = _key_elsewhere(str(place.keys[-1]), place, value)
    if key is None:
        return None
    remove = f"remove {in_one_line(dotted(where.path))}"
    edit = None
    if ": " in key:  # with its value, such as `graph: eager`
        if "…" not in key and refused is not False:
            edit = f"write {key}"
    elif not _may_be_secret(where, refused):
        edit = _edit_of_moved(record, key, refused, value)
    if edit is None:
        return f"{remove}, and use {key}"
    return f"{edit} and {remove}"


def _edit_of_moved(
    record: type[Record], key: str, refused: Any, value: Any
) -> str | None:
    """The edit that writes a value to the place that its key means; None if the place does not accept the value."""
    above, _, name = key.rpartition(".")
    written = value_at(key.split("."), value)
    moved = _joined(written, refused)
    field = field_at(record, key)
    if field is None:  # a key of a mapping with free keys
        flag = release_of_value(value).flag(name)
        if flag and above.endswith("extraArgs"):
            moved = argument_value(flag, moved)
        return f"write {key}: {as_yaml(moved)}"
    if above and value_at(above.split("."), value) is None:
        holder = field_at(record, above)
        if holder and _needs_further_keys(holder, name):
            return None
    accepted = nearest_accepted(field, moved)
    is_truth = isinstance(moved, bool) or moved in _TRUTHS
    if accepted is None or (is_truth and not isinstance(accepted, bool)):
        return None
    return f"write {key}: {as_yaml(accepted)}"


def _needs_further_keys(field: FieldInfo, name: str) -> bool:
    """Whether a mapping needs more keys than one."""
    inner = record_in(field.annotation)
    fields = fields_of(inner) if inner else {}
    return any(fields[key].is_required() for key in fields if key != name)


def _may_be_secret(where: Mark, value: Any) -> bool:
    """Whether a fix must not repeat a value, because it is or contains a credential."""
    if isinstance(value, dict | list):
        return holds_hidden(where.path, value)
    return is_hidden(where.path, str(value))


def _joined(written: Any, moved: Any) -> Any:
    """The value of a key after another value was moved to it: two mappings become one."""
    if isinstance(written, dict) and isinstance(moved, dict):
        return {**written, **moved}
    return moved


def _edit_at_the_service(record: type[Record], where: Mark, refused: Any) -> str | None:
    """The edit that moves a key of the service out of `engine` or `server`; None for any other key."""
    fields = fields_of(record)
    names = {plain_name(name): name for name in fields}
    name = names.get(plain_name(where.path[-1]))
    if name is None or name in ("engine", "server"):
        return None
    remove = f"remove {in_one_line(dotted(where.path))}"
    if _may_be_secret(where, refused):
        return f"{remove}, and use {name}"
    return f"{value_edit(name, fields[name], refused)} and {remove}"


def _key_elsewhere(name: str, place: Place, value: Any) -> str | None:
    """The key of another place that a name means: by a nickname, a flag of the engine, or a key of a record."""
    engine = release_of_value(value if isinstance(value, dict) else {})
    flag = engine.flag(name)
    if flag is None:
        return NICKNAMES.get(plain_name(name)) or _key_inside(name, place)
    owner = engine.owned_flags.get(flag.name)
    if owner:
        return owner
    if place.keys[0] in ("engine", "server"):
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
