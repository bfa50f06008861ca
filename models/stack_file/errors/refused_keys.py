"""Keys that pydantic refuses: unknown keys, keys of another kind, and keys that belong to another place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.credentials import holds_hidden, is_hidden
from models.engines.flags import plain_name
from models.engines.releases import DEFAULT_VERSION, release
from models.finding import Finding, Mark, Path
from models.record import Record
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
from models.stack_file.errors.value_edits import value_edit
from models.tagged_union import kind_of
from models.yaml_scalar import as_yaml


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
    elsewhere = _edit_elsewhere(where, place, refused, value)
    if elsewhere is None and place.keys[0] in ("engine", "server"):
        elsewhere = _edit_at_the_service(record, where, refused)
    if elsewhere:
        return replace(found, fix=elsewhere)
    return found


def _edit_elsewhere(where: Mark, place: Place, refused: Any, value: Any) -> str | None:
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
    if _may_be_secret(where, refused):
        return f"{remove}, and use {key}"
    return f"{_edit_of_moved(key, place, refused, value)} and {remove}"


def _edit_of_moved(key: str, place: Place, refused: Any, value: Any) -> str:
    """The edit that writes a value to the place that its key means."""
    if key not in place.known:
        moved = _joined(value_at(key.split("."), value), refused)
        return f"write {key}: {as_yaml(moved)}"
    kept = refused
    if key == "rollout":
        kept = _rollout_kind(refused)
    return value_edit(key, place.known[key], kept)


def _may_be_secret(where: Mark, value: Any) -> bool:
    """Whether a fix must not repeat a value, because it is or contains a credential."""
    if isinstance(value, dict | list):
        return holds_hidden(where.path, value)
    return is_hidden(where.path, str(value))


def _rollout_kind(strategy: Any) -> Any:
    """The kind of a rollout for the strategy of a Deployment: `recreate` for `{type: Recreate}`."""
    if isinstance(strategy, dict) and "type" in strategy:
        strategy = strategy["type"]
    if isinstance(strategy, str):
        return strategy[:1].lower() + strategy[1:]
    return strategy


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
    """The key of the same name in a record of this mapping. Upper case, `-` and `_` do not count."""
    for key, field in place.known.items():
        inner = record_in(field.annotation)
        if inner is None:
            continue
        names = {plain_name(inner_key): inner_key for inner_key in fields_of(inner)}
        if plain_name(name) in names:
            return f"{key}.{names[plain_name(name)]}"
    return None
