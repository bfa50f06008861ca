"""Unions of records in which each value shows which of the records it is.

    Source = Annotated[HostPathSource | ClaimSource | BucketSource, OneOf(default="hostPath", scalar="path")]

Records with a field `kind` are distinguished by it. Other records are distinguished by their keys: a value belongs to
the record that has one of its keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from models.record import Record

KIND = "kind"
"""The key that names the record, in unions that have it."""

TEXT = "[text]"
"""The tag of a text in a union of texts and records."""

RECORD = "[record]"
"""The tag of a record in a union of texts and records."""

_ABOUT_THE_KEY = ("title", "description", "default", "examples")


@dataclass(frozen=True)
class OneOf:
    """Makes a union of records a discriminated union."""

    default: str | None = None
    """The kind of a mapping without `kind`; None when `kind` is required."""

    scalar: str | None = None
    """The key that a text in place of the mapping stands for; None when a text is refused."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        records: Sequence[type[Record]] = get_args(source)
        schemas = {
            record.__name__: handler.generate_schema(record) for record in records
        }
        union = core_schema.tagged_union_schema(schemas, Choice(records, self).tag_of)
        return core_schema.no_info_before_validator_function(self._as_mapping, union)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        references = handler(schema)["oneOf"]
        definitions = [
            handler.resolve_ref_schema(reference) for reference in references
        ]
        for definition in definitions:
            kind = definition["properties"].get(KIND)
            if kind and kind["const"] != self.default:
                definition["required"] = [KIND, *definition.get("required", [])]
        return {"anyOf": [*self._scalar_schema(definitions), *references]}

    def _as_mapping(self, value: Any) -> Any:
        if self.scalar is not None and isinstance(value, str):
            return {self.scalar: value}
        return value

    def _scalar_schema(
        self, definitions: Sequence[JsonSchemaValue]
    ) -> list[JsonSchemaValue]:
        """The texts that stand for a whole mapping."""
        if self.scalar is None:
            return []
        if self.scalar == KIND:
            kinds = []
            for definition in definitions:
                needs_only_kind = set(definition.get("required", [])) <= {KIND}
                if needs_only_kind:
                    kinds.append(definition["properties"][KIND]["const"])
            return [{"enum": kinds}]
        keys = [definition["properties"].get(self.scalar) for definition in definitions]
        key = next(key for key in keys if key)
        return [
            {name: value for name, value in key.items() if name not in _ABOUT_THE_KEY}
        ]


@dataclass(frozen=True)
class Choice:
    """The records of a union, and how they are distinguished."""

    records: Sequence[type[Record]]
    rule: OneOf

    @property
    def kinds(self) -> list[str]:
        """The values of `kind`; empty if the records are distinguished by their keys."""
        kinds = map(kind_of, self.records)
        return [kind for kind in kinds if kind]

    def record(self, tag: object) -> type[Record] | None:
        """The record that pydantic calls by a tag."""
        by_tag = {record.__name__: record for record in self.records}
        return by_tag.get(str(tag))

    def tag_of(self, value: Any) -> str | None:
        """The tag of the record that a value belongs to; None when the value belongs to none or to several."""
        if isinstance(value, Record):
            return type(value).__name__
        if not isinstance(value, dict):
            return None
        matching = self.matching(value)
        if len(matching) != 1:
            return None
        return matching[0].__name__

    def matching(self, value: Mapping[str, Any]) -> list[type[Record]]:
        """The records that a mapping may be; exactly one, when it is well formed."""
        if self.kinds:
            kind = value.get(KIND, self.rule.default)
            return [record for record in self.records if kind_of(record) == kind]
        return [record for record in self.records if value.keys() & keys_of(record)]

    def owner(self, key: str) -> type[Record] | None:
        """The first record that has a key."""
        for record in self.records:
            if key in keys_of(record):
                return record
        return None


def choice_in(annotation: Any, metadata: Sequence[Any] = ()) -> Choice | None:
    """The discriminated union that an annotation is, or that is one of its alternatives.

    Args:
        annotation: The annotation.
        metadata: The metadata that pydantic separates from an annotation of a field.
    """
    for rule in metadata:
        if isinstance(rule, OneOf):
            return Choice(get_args(annotation), rule)
    if get_origin(annotation) is Annotated:
        inner, *further = get_args(annotation)
        return choice_in(inner, further)
    if get_origin(annotation) in (Union, UnionType):
        for alternative in get_args(annotation):
            choice = choice_in(alternative)
            if choice:
                return choice
    return None


def kind_of(record: type[Record]) -> str | None:
    """The kind of a record: the only value of its field `kind`."""
    field = record.model_fields.get(KIND)
    if field is None:
        return None
    return str(get_args(field.annotation)[0])


def keys_of(record: type[Record]) -> list[str]:
    """The keys of a record, as they are written."""
    return [field.alias or name for name, field in record.model_fields.items()]
