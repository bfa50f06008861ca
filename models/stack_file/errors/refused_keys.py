"""Keys that pydantic refuses: unknown keys, keys of another kind, and keys that belong to another place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.credentials import is_hidden
from models.engines.flags import plain_name
from models.engines.releases import DEFAULT_VERSION, release
from models.finding import Finding, Mark, Path
from models.stack_file.errors.messages import NICKNAMES
from models.stack_file.errors.place import (
    Place,
    dotted,
    fields_of,
    in_one_line,
    record_in,
    value_at,
)
from models.stack_file.errors.union_errors import key_of_another_kind
from models.stack_file.errors.unknown_keys import nearest, unknown_key
from models.tagged_union import kind_of
from models.yaml_scalar import as_yaml


def refused_key(place: Place, path: Path, refused: Any, value: Any) -> Finding:
    """The finding about a key that is unknown, or that belongs to another kind.

    Args:
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
    elsewhere = _edit_elsewhere(where, place, refused)
    if elsewhere:
        return replace(found, fix=elsewhere)
    return found


def _edit_elsewhere(where: Mark, place: Place, refused: Any) -> str | None:
    """The edit that moves a value to the place that its key means. None if the key means no other place."""
    is_of_service = "engine" in place.known or place.keys[0] in ("engine", "server")
    if not is_of_service:
        return None
    key = _key_elsewhere(str(place.keys[-1]), place)
    if key is None:
        return None
    remove = f"remove {in_one_line(dotted(where.path))}"
    if ": " in key:  # with its value, such as `graph: eager`
        if "…" in key or refused is False:
            return f"{remove}, and use {key}"
        return f"write {key} and {remove}"
    if isinstance(refused, dict | list) or is_hidden(where.path, str(refused)):
        return f"{remove}, and use {key}"
    return f"write {key}: {as_yaml(refused)} and {remove}"


def _key_elsewhere(name: str, place: Place) -> str | None:
    """The key of another place that a name means: by a nickname, a flag of the engine, or a key of a record."""
    default_release = release(DEFAULT_VERSION)
    flag = default_release.flag(name)
    if flag is None:
        return NICKNAMES.get(plain_name(name)) or _key_inside(name, place)
    owner = default_release.owned_flags.get(flag.name)
    if owner:
        return owner
    if place.keys[0] in ("engine", "server"):
        return f"{place.keys[0]}.extraArgs.{flag.key}"
    if "engine" in place.known:
        return f"engine.extraArgs.{flag.key}"
    return None


def _key_inside(name: str, place: Place) -> str | None:
    """The key of the same name in a record of this mapping."""
    for key, field in place.known.items():
        inner = record_in(field.annotation)
        if inner and name in fields_of(inner):
            return f"{key}.{name}"
    return None
