"""The types inside the annotation of a field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from models.record import Record


def item_of(annotation: Any) -> Any:
    """The annotation of the values of a mapping or of the items of a list; None if there is none."""
    if get_origin(annotation) in (dict, list):
        return get_args(annotation)[-1]
    for part in get_args(annotation):
        found = item_of(part)
        if found is not None:
            return found
    return None


def literals(annotation: Any) -> Iterator[Any]:
    """The values of every `Literal` in an annotation."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
        return
    for part in get_args(annotation):
        yield from literals(part)


def records(annotation: Any) -> Iterator[type[Record]]:
    """The records in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield annotation
    for part in get_args(annotation):
        yield from records(part)


def record_in(annotation: Any) -> type[Record] | None:
    """The record that an annotation is, or that is one of its alternatives; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation
    for part in _alternatives(annotation):
        record = record_in(part)
        if record is not None:
            return record
    return None


def _alternatives(annotation: Any) -> Sequence[Any]:
    """The alternatives of a union, or the annotation inside of `Annotated`."""
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[:1]
    if get_origin(annotation) in (Union, UnionType):
        return get_args(annotation)
    return ()
