"""The edits that replace a refused value or a refused key. They keep the user's own number and name where they can."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from models.credentials import masked
from models.record import Record
from models.stack_file.errors.mapping_readings import mapping_readings
from models.stack_file.errors.scalar_readings import (
    counts,
    durations,
    readings,
    readings_of_number,
    sizes,
    sizes_of_number,
)
from models.yaml_scalar import as_yaml

_LAST_PORT = 65535
_MOST_SECONDS_OF_A_LOWER_BOUND = 60
_LEAST_PERCENT = 2
"""A share of at least this number is one in percent."""
_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


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
    if field is None or (refused is False and _is_mapping(field)):
        return f"remove {key}"
    for candidate in _candidates(field, refused, bound):
        if is_accepted(field, candidate):
            return f"write {key}: {as_yaml(candidate)}"
    return f"remove {key}"


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
        valid = [
            candidate
            for candidate in (value, *_candidates(item, value, None))
            if is_accepted(item, candidate)
        ]
        items += valid[:1]
    if items and is_accepted(field, items):
        return f"write {key}: {as_yaml(items)}"
    return value_edit(key, field, None)


def key_edit(key: str, field: FieldInfo | None, name: str) -> str:
    """The edit that renames a key of a wrong form.

    Args:
        key: The path of the key.
        field: The field of the mapping.
        name: The key.
    """
    if masked(name) != name:
        return f"remove {masked(key)}"
    if field is not None and get_origin(field.annotation) is dict:
        keys = FieldInfo.from_annotation(get_args(field.annotation)[0])
        for candidate in (
            " ".join(name.split()),
            variable_name(name),
            f"{variable_name(name)}_",
            _dns_label(name),
        ):
            if is_accepted(keys, candidate):
                return f"rename {key} to {candidate}"
    return f"remove {key}"


def item_of(annotation: Any) -> Any:
    """The annotation of the values of a mapping or of the items of a list."""
    if get_origin(annotation) in (dict, list):
        return get_args(annotation)[-1]
    for part in get_args(annotation):
        found = item_of(part)
        if found is not None:
            return found
    return None


def nearest_accepted(field: FieldInfo, refused: Any) -> Any:
    """The user's own value in a form that a field accepts; None if it has no such form."""
    for candidate in _own_forms(field, refused):
        if is_accepted(field, candidate):
            return candidate
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


def service_name(name: str) -> str:
    """The nearest name that Kubernetes accepts for a service."""
    label = _dns_label(name)
    if not label:
        return "model"
    if not label[0].isalpha():
        label = f"model-{label}"
    return label[:63].rstrip("-")


def variable_name(name: str) -> str:
    """The nearest name that bash accepts for a variable."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not plain or plain[0].isdigit():
        plain = f"_{plain}"
    return plain


def _candidates(field: FieldInfo, refused: Any, bound: Any) -> Iterator[Any]:
    """Values that can replace a refused one: first the user's own in other forms, then the examples."""
    examples = list(field.examples or [])
    if isinstance(refused, int | float) and bound == 1 and refused >= _LEAST_PERCENT:
        yield round(refused / 100, 4)
    if isinstance(bound, int) and not _is_port(field):
        yield from (bound, bound + 1, bound - 1)
        if bound > _MOST_SECONDS_OF_A_LOWER_BOUND:
            yield f"{bound}s"
    yield from _own_forms(field, refused)
    if isinstance(refused, dict):
        yield from _completed(refused, examples)
    default = field.get_default()
    has_default = not field.is_required() and not isinstance(default, Record | None)
    if has_default and _is_port(field):
        yield default
    yield from examples
    if has_default:
        yield default


def _own_forms(field: FieldInfo, refused: Any) -> Iterator[Any]:
    """The user's own value, as it is and in other forms."""
    examples = list(field.examples or [])
    if refused is not None:
        yield refused
    yield from mapping_readings(refused)
    if isinstance(refused, str):
        yield from readings(refused)
        yield from _similar_texts(field, refused, examples)
        yield from counts(refused)
    elif isinstance(refused, dict):
        yield from _only_values(refused, examples)
    elif isinstance(refused, int | float) and not _has_form(examples):
        yield from sizes_of_number(refused, examples)
        yield from readings_of_number(refused)
    elif (
        isinstance(refused, list)
        and len(refused) == 1
        and not isinstance(refused[0], list | dict)
    ):
        yield refused[0]
    if refused is not None and not isinstance(refused, list | dict):
        yield [refused]


def _is_port(field: FieldInfo) -> bool:
    """Whether a field is a port, whose nearest valid number is no better than its default."""
    return any(getattr(limit, "le", None) == _LAST_PORT for limit in field.metadata)


def _has_form(examples: list[Any]) -> bool:
    """Whether the texts of a field have a form that no number has, such as the name of an image."""
    return any(isinstance(example, str) and "/" in example for example in examples)


def _only_values(mapping: dict[str, Any], examples: list[Any]) -> Iterator[Any]:
    """The value of a mapping with one key, such as `{enabled: true}` and `{timeout: 20m}`."""
    if len(mapping) != 1:
        return
    for value in mapping.values():
        if isinstance(value, str | bool | int | float):
            yield value
        if isinstance(value, str):
            yield from durations(value)
            yield from sizes(value, examples[0] if examples else None)


def _similar_texts(field: FieldInfo, text: str, examples: list[Any]) -> Iterator[str]:
    """Texts that a field may accept and that resemble a refused one."""
    choices = {
        str(choice).lower(): str(choice) for choice in _literals(field.annotation)
    }
    for close in get_close_matches(text.lower(), choices, n=1, cutoff=0.4):
        yield choices[close]
    one_line = " ".join(text.split())
    yield one_line
    first = examples[0] if examples else None
    yield from sizes(one_line, first)
    yield from durations(one_line)
    _, separator, rest = one_line.partition("://")
    if separator and isinstance(first, str) and first.startswith("https://"):
        yield f"https://{rest}"
    if not one_line.startswith("/"):
        name = PurePosixPath(one_line).name
        if isinstance(first, str) and first.startswith("/") and name:
            yield str(PurePosixPath(first).with_name(name))
        if "/" in one_line:
            yield f"/{one_line}"
    if isinstance(first, str) and _DNS_LABEL.fullmatch(first):
        yield _dns_label(text)


def _literals(annotation: Any) -> Iterator[Any]:
    """The values of every `Literal` in an annotation."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
        return
    for part in get_args(annotation):
        yield from _literals(part)


def _dns_label(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _completed(
    refused: dict[str, Any], examples: list[Any]
) -> Iterator[dict[str, Any]]:
    """The mapping with one key added, dropped or replaced, then the examples with the user's own values.

    The values for it are those of the most similar example.
    """
    mappings = [example for example in examples if isinstance(example, dict)]
    mappings.sort(key=lambda example: _likeness(example, refused), reverse=True)
    for example in mappings:
        for key in example.keys() - refused.keys():
            yield {**refused, key: example[key]}
    for key in reversed(refused):
        yield {other: value for other, value in refused.items() if other != key}
    for example in mappings:
        common = {key: value for key, value in refused.items() if key in example}
        for key in common:
            yield {**refused, key: example[key]}
        yield {**example, **common}
        yield example


def _likeness(example: dict[str, Any], refused: dict[str, Any]) -> int:
    """How many keys and values two mappings have in common."""
    common = example.keys() & refused.keys()
    equal = [key for key in common if example[key] == refused[key]]
    return len(common) + len(equal)


def _is_mapping(field: FieldInfo) -> bool:
    """Whether a field is a mapping that a stack file may leave out."""
    return field.get_default() is None and any(_records(field.annotation))


def _records(annotation: Any) -> Iterator[type[Record]]:
    """The records in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield annotation
    for part in get_args(annotation):
        yield from _records(part)
