"""What the description of a field says: its purpose, and the example of its value for a fix."""

from __future__ import annotations

import json
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from models.record import Record


def purpose(field: FieldInfo | None) -> str:
    """The first sentence of a field's description."""
    if field is None or not field.description:
        return "a stack file has this form"
    text = " ".join(field.description.split())
    return text.rstrip(".").split(". ")[0]


def example_of(name: str, field: FieldInfo | None, refused: Any = None) -> str | None:
    """A key with the example of its value that resembles a refused value most; None without an example.

    Args:
        name: The key.
        field: Its field, which has the examples; the default serves when it has none.
        refused: The refused value.
    """
    if field is None:
        return None
    examples = field.examples
    if not examples:
        examples = [None if field.is_required() else field.default]
    value = max(examples, key=lambda example: _likeness(example, refused))
    if value is None or isinstance(value, Record):
        return None
    return f"{field.alias or name}: {as_written(value)}"


def as_written(value: Any) -> str:
    """A value as the stack file has it: a text without quotes, everything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=repr)


def _likeness(example: Any, value: Any) -> int:
    """How many keys and values two mappings have in common."""
    if not isinstance(example, dict) or not isinstance(value, dict):
        return int(example == value)
    common = example.keys() & value.keys()
    return 1 + sum(1 + _likeness(example[key], value[key]) for key in common)


def literals_of(field: FieldInfo | None) -> tuple[Any, ...]:
    """The values of a field that takes only these; empty for any other field."""
    if field is None:
        return ()
    alternatives = [field.annotation, *get_args(field.annotation)]
    literal = next((one for one in alternatives if get_origin(one) is Literal), None)
    return get_args(literal) if literal else ()


def in_one_line(name: Any) -> str:
    """A key in one line, whatever characters it has."""
    return json.dumps(name, ensure_ascii=False).strip('"')
