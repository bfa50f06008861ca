"""The OpenAPI schema of a pod's template, for each minor release of Kubernetes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).with_name("pod_schema.json")


@dataclass(frozen=True)
class Form:
    """A type of the schema."""

    name: str
    """The type of the value, or of the items of a list or a mapping: `string`, `int32`, `Toleration`."""
    container: str = ""
    """`list` or `mapping` if the value has items; empty otherwise."""


@dataclass(frozen=True)
class Field:
    """A field of a type."""

    form: Form
    required: bool
    since: int
    """The first minor release with this field; 0 if all known releases have it."""
    until: int
    """The last minor release with this field; 0 if the newest has it."""

    def exists_in(self, minor: int) -> bool:
        """Whether a minor release has this field."""
        if minor < self.since:
            return False
        return self.until == 0 or minor <= self.until


@dataclass(frozen=True)
class Schema:
    """The types of a pod's template in one minor release."""

    minor: int
    """The minor release whose fields are used."""
    types: Mapping[str, Mapping[str, Field]]
    """The fields of each type, those of other minor releases included."""

    def fields(self, name: str) -> Mapping[str, Field]:
        """The fields that a type has in this minor release."""
        return _fields(name, self.minor)


def pod_schema(minor: int) -> Schema:
    """The schema of a minor release, or of the nearest one that is known."""
    minors = known_minors()
    nearest = min(max(minor, minors[0]), minors[-1])
    return Schema(minor=nearest, types=_types())


def known_minors() -> list[int]:
    """The minor releases whose schemas are known, in their order."""
    minors: list[int] = _table()["minors"]
    return minors


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return table


@cache
def _types() -> dict[str, dict[str, Field]]:
    types = {}
    for name, entries in _table()["types"].items():
        types[name] = {key: _field(entry) for key, entry in entries.items()}
    return types


@cache
def _fields(name: str, minor: int) -> Mapping[str, Field]:
    """The fields of a type in a minor release."""
    fields = _types()[name]
    return {key: field for key, field in fields.items() if field.exists_in(minor)}


def _field(entry: str) -> Field:
    """The field that an entry of the table describes, such as `[Toleration]`, `string!` or `string 29-33`."""
    form, _, minors = entry.partition(" ")
    since, _, until = minors.partition("-")
    return Field(
        form=_form(form.removesuffix("!")),
        required=form.endswith("!"),
        since=int(since or 0),
        until=int(until or 0),
    )


def _form(text: str) -> Form:
    containers = {"[": "list", "{": "mapping"}
    container = containers.get(text[0], "")
    if container:
        return Form(text[1:-1], container)
    return Form(text)
