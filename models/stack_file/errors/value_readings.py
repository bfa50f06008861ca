"""Valid values that a refused value may stand for: first the user's own in other forms, then the examples."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

from pydantic.fields import FieldInfo

from models.record import Record
from models.stack_file.errors.annotations import literals
from models.stack_file.errors.mapping_readings import mapping_readings
from models.stack_file.errors.nearest_names import dns_label, path_below
from models.stack_file.errors.quantity_readings import (
    counts,
    durations,
    is_size,
    sizes,
)
from models.stack_file.errors.scalar_readings import readings

_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")

_LAST_PORT = 65535

_MOST_SECONDS_OF_A_LOWER_BOUND = 60

_LEAST_PERCENT = 10
"""A share of at least this number is one in percent."""

_LEAST_LIKENESS = 0.4
"""How similar a text has to be to a choice (difflib)."""


def value_readings(field: FieldInfo, refused: Any, bound: Any = None) -> Iterator[Any]:
    """Values that a field may accept in place of a refused one, the nearest first.

    Args:
        field: The field.
        refused: The refused value; None to keep nothing of it.
        bound: The limit of the field that the value breaks.
    """
    examples = list(field.examples or [])
    is_port = _is_port(field)
    is_number = isinstance(refused, int | float)
    if is_number and bound == 1 and refused >= _LEAST_PERCENT:
        yield round(refused / 100, 4)
    if isinstance(bound, int) and not is_port:
        yield from _of_bound(bound)
    yield from own_readings(field, refused)
    if isinstance(refused, dict):
        yield from _completed(refused, examples)
    if is_port:
        yield from _of_default(field)
    yield from examples
    if not is_port:
        yield from _of_default(field)


def own_readings(field: FieldInfo, refused: Any) -> Iterator[Any]:
    """The user's own value, as it is and in other forms, the nearest first.

    Args:
        field: The field.
        refused: The refused value; None to keep nothing of it.
    """
    examples = list(field.examples or [])
    if refused is not None:
        yield refused
    yield from mapping_readings(refused)
    if isinstance(refused, str):
        yield from _of_text(field, refused, examples)
    elif isinstance(refused, dict):
        yield from _only_value(refused, examples)
    elif isinstance(refused, int | float) and not _has_paths(examples):
        yield from _of_number(refused, examples)
    elif isinstance(refused, list):
        yield from _of_list(refused)
    if refused is not None and not isinstance(refused, list | dict):
        yield [refused]


def _is_port(field: FieldInfo) -> bool:
    """Whether a field is a port, whose nearest valid number is no better than its default."""
    return any(getattr(limit, "le", None) == _LAST_PORT for limit in field.metadata)


def _of_bound(bound: int) -> Iterator[Any]:
    """The values next to a limit of a field, which may be one of seconds."""
    yield from (bound, bound + 1, bound - 1)
    if bound > _MOST_SECONDS_OF_A_LOWER_BOUND:
        yield f"{bound}s"


def _of_text(field: FieldInfo, text: str, examples: Sequence[Any]) -> Iterator[Any]:
    """The number or the truth value that a text stands for, then similar texts, a count such as 32K, and lower case."""
    yield from readings(text)
    yield from _similar_choices(field, text)
    one_line = " ".join(text.split())
    yield one_line
    example = examples[0] if examples else None
    if isinstance(example, str) and is_size(example):
        yield from sizes(one_line)
    yield from durations(one_line)
    if isinstance(example, str):
        yield from _as_address(one_line, example)
    yield from _as_path(one_line, example)
    yield from _first_of_list(one_line)
    if isinstance(example, str) and _DNS_LABEL.fullmatch(example):
        yield dns_label(text)
    yield from counts(text.strip())
    yield one_line.lower()


def _similar_choices(field: FieldInfo, text: str) -> Iterator[str]:
    """The choice of a field that resembles a text most."""
    choices: dict[str, str] = {}
    for choice in literals(field.annotation):
        choices[str(choice).lower()] = str(choice)
    matches = get_close_matches(text.lower(), choices, n=1, cutoff=_LEAST_LIKENESS)
    for match in matches:
        yield choices[match]


def _as_address(text: str, example: str) -> Iterator[str]:
    """A URL with https, for a field that has such ones."""
    _, separator, rest = text.partition("://")
    if separator and example.startswith("https://"):
        yield f"https://{rest}"


def _as_path(text: str, example: Any) -> Iterator[str | None]:
    """The path below a directory, then an absolute path, for a relative one or for the name of a file."""
    yield from _below(text)
    if text.startswith("/"):
        return
    name = PurePosixPath(text).name
    if isinstance(example, str) and example.startswith("/") and name:
        yield str(PurePosixPath(example).with_name(name))
    if "/" in text:
        yield f"/{text}"


def _below(text: str) -> Iterator[str | None]:
    """A path without a slash at its ends, `//`, `.` and `..`; None for the directory itself."""
    if "/" not in text and text not in (".", ".."):
        return
    yield path_below(text) or None


def _first_of_list(text: str) -> Iterator[str]:
    """The first of several texts that commas separate."""
    first, comma, _ = text.partition(",")
    if comma and first.strip():
        yield first.strip()


def _only_value(mapping: dict[str, Any], examples: Sequence[Any]) -> Iterator[Any]:
    """The value of a mapping with one key, such as `{enabled: true}` and `{timeout: 20m}`."""
    if len(mapping) != 1:
        return
    (value,) = mapping.values()
    if isinstance(value, str | bool | int | float):
        yield value
    if not isinstance(value, str):
        return
    yield from durations(value)
    example = examples[0] if examples else None
    if isinstance(example, str) and is_size(example):
        yield from sizes(value)


def _has_paths(examples: Sequence[Any]) -> bool:
    """Whether the texts of a field have a form that no number has, such as the name of an image."""
    return any(isinstance(example, str) and "/" in example for example in examples)


def _of_number(number: float, examples: Sequence[Any]) -> Iterator[Any]:
    """The number or the truth value as a size, a text and a duration, and without its fraction."""
    text = json.dumps(number)
    is_truth = isinstance(number, bool)
    example = examples[0] if examples else None
    takes_sizes = isinstance(example, str) and is_size(example)
    if takes_sizes and number > 0 and not is_truth:
        yield from sizes(text)
    yield text
    if is_truth:
        return
    if number in (0, 1):
        yield number == 1
    yield f"{text}s"
    if math.isfinite(number):
        yield round(number)
        yield f"{round(number)}s"


def _of_list(items: Sequence[Any]) -> Iterator[Any]:
    """The items of a list, where one value is needed, or the number of its items, such as `npus: [0, 1, 2, 3]`."""
    are_numbers = all(str(item).isdecimal() for item in items)
    if len(items) > 1 and are_numbers:
        yield len(items)
        return
    for item in items:
        if not isinstance(item, list | dict):
            yield item


def _completed(
    refused: dict[str, Any], examples: Sequence[Any]
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


def _of_default(field: FieldInfo) -> Iterator[Any]:
    """The default of a field, if it has one that a stack file can contain."""
    if field.is_required():
        return
    default = field.get_default()
    if default is not None and not isinstance(default, Record):
        yield default
