"""The text under each field of a record: its description in the schema, the reference and the help.

Pydantic can do this with `use_attribute_docstrings`, but it would read the source of every record at each start.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from models.record import Record


def descriptions(record: type[Record]) -> Mapping[str, str]:
    """The description of each field by the name of the field, inherited fields included."""
    texts: dict[str, str] = {}
    for ancestor in reversed(record.__mro__):
        if issubclass(ancestor, Record):
            texts.update(_texts_under_fields(ancestor))
    return texts


def _texts_under_fields(record: type[Record]) -> Iterator[tuple[str, str]]:
    for statement, below in pairwise(_body(record)):
        name = _field_name(statement)
        text = _text(below)
        if name and text:
            yield name, inspect.cleandoc(text)


def _body(record: type[Record]) -> Sequence[ast.stmt]:
    """The statements of a record's class."""
    source = textwrap.dedent(inspect.getsource(record))
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ClassDef):
            return statement.body
    return ()


def _field_name(statement: ast.stmt) -> str:
    """The name of the field that a statement declares; empty for any other statement."""
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    return ""


def _text(statement: ast.stmt) -> str:
    """The text that a statement consists of; empty for any other statement."""
    if not isinstance(statement, ast.Expr):
        return ""
    value = statement.value
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    return ""
