"""The edits that replace a refused value or a refused key. They keep the user's own number and name where they can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from models.credentials import masked
from models.stack_file.errors.annotations import item_of, records
from models.stack_file.errors.nearest_names import dns_label, variable_name
from models.stack_file.errors.value_readings import own_readings, value_readings
from models.yaml_scalar import as_yaml


def value_edit(
    key: str, field: FieldInfo | None, refused: Any, bound: Any = None
) -> str:
    """The edit that replaces a refused value by a valid one.

    Args:
        key: The key of the value.
        field: Its field; None if the key has no field.
        refused: The refused value; None to keep nothing of it.
        bound: The limit of the field that the value breaks.
    """
    if field is None:
        return f"remove {key}"
    is_switched_off = refused is False and _is_optional_mapping(field)
    if is_switched_off:
        return f"remove {key}"
    for value in value_readings(field, refused, bound):
        if is_accepted(field, value):
            return _edit_to(key, value)
    return f"remove {key}"


def _edit_to(key: str, value: Any) -> str:
    """The edit that gives a key a value; a key without a value has its default."""
    if value is None:
        return f"remove {key}"
    return f"write {key}: {as_yaml(value)}"


def item_edit(
    key: str, field: FieldInfo | None, refused: Any, bound: Any = None
) -> str:
    """The edit that replaces a refused value of a mapping with free keys, such as a variable.

    Args:
        key: The path of the value.
        field: The field of the mapping.
        refused: The refused value; None to keep nothing of it.
        bound: The limit that the value breaks.
    """
    if field is None or refused is None:
        return f"remove {key}"
    item = FieldInfo.from_annotation(item_of(field.annotation))
    return value_edit(key, item, refused, bound)


def list_edit(key: str, field: FieldInfo | None, refused: Any) -> str:
    """The edit that replaces a list with refused items: it corrects or drops them.

    Args:
        key: The path of the list.
        field: The field of the list.
        refused: The list.
    """
    if field is None or not isinstance(refused, list):
        return value_edit(key, field, None)
    item = FieldInfo.from_annotation(item_of(field.annotation))
    items = []
    for value in refused:
        items += _corrected_item(item, value)
    if items and is_accepted(field, items):
        return f"write {key}: {as_yaml(items)}"
    return value_edit(key, field, None)


def _corrected_item(item: FieldInfo, value: Any) -> list[Any]:
    """The item of a list, or the nearest valid one; empty if there is none."""
    for candidate in (value, *value_readings(item, value)):
        if is_accepted(item, candidate):
            return [candidate]
    return []


def key_edit(key: str, field: FieldInfo | None, name: str) -> str:
    """The edit that renames a key of a wrong form.

    Args:
        key: The path of the key.
        field: The field of the mapping.
        name: The key.
    """
    if masked(name) != name:
        return f"remove {masked(key)}"
    if field is None or get_origin(field.annotation) is not dict:
        return f"remove {key}"
    key_annotation, _ = get_args(field.annotation)
    names = FieldInfo.from_annotation(key_annotation)
    for candidate in _similar_names(name):
        if is_accepted(names, candidate):
            return f"rename {key} to {candidate}"
    return f"remove {key}"


def _similar_names(name: str) -> Iterator[str]:
    """Names that a mapping may accept in place of a refused one, the nearest first."""
    yield " ".join(name.split())
    variable = variable_name(name)
    yield variable
    yield f"{variable}_"
    yield dns_label(name)


def _is_optional_mapping(field: FieldInfo) -> bool:
    """Whether a field is a mapping that a stack file may leave out."""
    return field.get_default() is None and any(records(field.annotation))


def nearest_accepted(field: FieldInfo, refused: Any) -> Any:
    """The user's own value in a form that a field accepts; None if it has no such form."""
    for value in own_readings(field, refused):
        if is_accepted(field, value):
            return value
    return None


def is_accepted(field: FieldInfo, value: Any) -> bool:
    """Whether a field accepts a value of a stack file."""
    annotation: Any = field.annotation
    if field.metadata:
        annotation = Annotated[annotation, *field.metadata]
    try:
        TypeAdapter(annotation).validate_json(
            json.dumps(value), strict=True, by_alias=True, by_name=False
        )
    except (ValidationError, ValueError, TypeError):
        return False
    return True
