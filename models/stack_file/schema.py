"""JSON Schemas of the stack file and the base file, generated from the records of the configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic.json_schema import models_json_schema

from models.descriptions import descriptions
from models.record import Record
from models.stack_file.keys.cluster import ClusterConfig
from models.stack_file.keys.service import ServiceConfig
from models.stack_file.keys.stack import StackConfig

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"

_NULL: Schema = {"type": "null"}

_ABOUT_THE_KEY = ("title", "description", "default", "examples")
"""Keywords about a key that do not limit its value."""

_OF_THE_WHOLE = ("required", "dependentRequired", "allOf", "oneOf")
"""Keywords that only hold for a mapping with all its keys. A file may have some of them, and the base file the rest."""

_SECRET = {
    "description": "A secret key: `pulumi config set --secret`. Services refer to it as `{config: NAME}`.",
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}


def stack_schema(project: str = "ascend-vllm") -> Schema:
    """The schema of `Pulumi.<stack>.yaml`."""
    definitions = _definitions_of_a_file()
    keys = definitions.pop("StackConfig")["properties"]
    names = "|".join(keys)
    config: Schema = {
        "type": "object",
        "properties": {f"{project}:{key}": value for key, value in keys.items()},
        "patternProperties": {
            f"^(?!{project}:)[^:]+:": {},
            f"^{project}:(?!({names})$)[a-z]([-a-z0-9]*[a-z0-9])?$": _SECRET,
        },
        "additionalProperties": False,
    }
    return {
        "$schema": _DRAFT,
        "title": "A stack of Ascend-vLLM services",
        "type": "object",
        "properties": {
            "config": config,
            "environment": {},
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "encryptionsalt": {"type": "string"},
        },
        "additionalProperties": False,
        "$defs": definitions,
    }


def services_schema() -> Schema:
    """The schema of the base file."""
    definitions = _definitions_of_a_file()
    services = definitions.pop("StackConfig")["properties"]["services"]
    return {
        "$schema": _DRAFT,
        "title": "Services that environments share",
        "type": "object",
        "properties": {"services": services},
        "required": ["services"],
        "additionalProperties": False,
        "$defs": _used(definitions, services),
    }


def service_schema() -> Schema:
    """The schema of a whole service: a service of the base file after the changes of the stack file."""
    definitions = _definitions()
    service = {"$ref": "#/$defs/ServiceConfig"}
    return {"$schema": _DRAFT, **service, "$defs": _used(definitions, service)}


def _used(definitions: dict[str, Schema], schema: Schema) -> dict[str, Schema]:
    """The definitions that a schema needs."""
    while True:
        referenced = set(
            re.findall(r"#/\$defs/(\w+)", json.dumps([schema, definitions]))
        )
        if definitions.keys() <= referenced:
            return definitions
        definitions = {
            name: definition
            for name, definition in definitions.items()
            if name in referenced
        }


def _definitions_of_a_file() -> dict[str, Schema]:
    """Every record by its name, for a file that has only a part of each service.

    The other file may have the rest, so services require no key. null removes what the base file has.
    """
    definitions = _definitions()
    partial = {record.__name__ for record in _records(ServiceConfig, in_lists=False)}
    above = {record.__name__ for record in _records(ClusterConfig)}
    kinds = _keys_of_other_kinds(definitions)
    for name in partial - above:
        for schema in (definitions[name], *definitions[name].get("anyOf", [])):
            if "properties" in schema:
                _make_partial(schema, kinds.get(name, []))
    services = definitions["StackConfig"]["properties"]["services"]
    for pattern, service in services["patternProperties"].items():
        services["patternProperties"][pattern] = {"anyOf": [service, _NULL]}
    return definitions


def _make_partial(record: Schema, keys_of_other_kinds: list[str]) -> None:
    """Require no key of a record, and accept null for each."""
    for keyword in _OF_THE_WHOLE:
        record.pop(keyword, None)
    properties = record["properties"]
    for key, field in properties.items():
        properties[key] = _nullable(field)
    for key in keys_of_other_kinds:
        properties[key] = {
            "description": "A key of another kind: null removes it.",
            **_NULL,
        }


def _nullable(field: Schema) -> Schema:
    """A field that may be null, as well as the values of a mapping in it."""
    for schema in _alternatives(field):
        schema.pop("minProperties", None)
        for pattern, value in schema.get("patternProperties", {}).items():
            schema["patternProperties"][pattern] = _nullable(value)
    if _NULL in field.get("anyOf", []):
        return field
    about = {
        keyword: field.pop(keyword) for keyword in _ABOUT_THE_KEY if keyword in field
    }
    return {"anyOf": [field, dict(_NULL)], **about}


def _keys_of_other_kinds(definitions: dict[str, Schema]) -> dict[str, list[str]]:
    """For each record of a union, the keys that only other records of the union have."""
    found: dict[str, list[str]] = {}
    for union in _unions(definitions):
        keys = {name: definitions[name]["properties"].keys() for name in union}
        for name in union:
            others = dict.fromkeys(key for other in union for key in keys[other])
            found[name] = [key for key in others if key not in keys[name]]
    return found


def _unions(value: Any) -> Iterator[list[str]]:
    """The records of each union in a schema, by their names."""
    if isinstance(value, dict):
        references = [
            schema["$ref"] for schema in value.get("anyOf", []) if "$ref" in schema
        ]
        if len(references) > 1:
            yield [reference.rpartition("/")[2] for reference in references]
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _unions(item)


def _definitions() -> dict[str, Schema]:
    """Every record by its name, with all its keys."""
    _, schema = models_json_schema([(StackConfig, "validation")], by_alias=True)
    definitions: dict[str, Schema] = schema["$defs"]
    for record in _records(StackConfig):
        _describe(record, definitions[record.__name__]["properties"])
    for definition in definitions.values():
        definition.pop("title", None)
        for field in definition.get("properties", {}).values():
            _say_once(field)
            _close(field)
    for record in _records(StackConfig):
        definitions[record.__name__] = _with_short_form(
            record, definitions[record.__name__]
        )
    return definitions


def _describe(record: type[Record], properties: dict[str, Schema]) -> None:
    """Add the description of each key. The keywords stay in the alphabetical order in which pydantic writes them."""
    texts = descriptions(record)
    for name, field in record.model_fields.items():
        key = field.alias or name
        described = {**properties[key], "description": texts[name]}
        properties[key] = dict(sorted(described.items()))


def _with_short_form(record: type[Record], definition: Schema) -> Schema:
    """A record, or the text or `true` that may stand in its place."""
    if record.true_for_defaults:
        short: Schema = {"const": True}
    elif record.shorthand:
        short = _text_of(definition["properties"][record.shorthand])
    else:
        return definition
    return {
        "description": definition.pop("description", ""),
        "anyOf": [short, definition],
    }


def _text_of(field: Schema) -> Schema:
    """The texts that a field accepts."""
    text = next(
        schema for schema in _alternatives(field) if schema.get("type") == "string"
    )
    return {
        keyword: value
        for keyword, value in text.items()
        if keyword not in _ABOUT_THE_KEY
    }


def _records(record: type[Record], *, in_lists: bool = True) -> list[type[Record]]:
    """A record and all records below it.

    Args:
        record: The record.
        in_lists: Whether records that are only items of lists are included.
    """
    found = [record]
    for below in found:
        for field in below.model_fields.values():
            for inner in _annotated_records(field.annotation, in_lists=in_lists):
                if inner not in found:
                    found.append(inner)
    return found


def _annotated_records(annotation: Any, *, in_lists: bool) -> Iterator[type[Record]]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield annotation
    elif in_lists or getattr(annotation, "__origin__", None) is not list:
        for part in get_args(annotation):
            yield from _annotated_records(part, in_lists=in_lists)


def _alternatives(field: Schema) -> Iterator[Schema]:
    """A schema, and all schemas that it offers as alternatives."""
    yield field
    for keyword in ("anyOf", "oneOf"):
        for schema in field.get(keyword, []):
            yield from _alternatives(schema)


def _close(field: Schema) -> None:
    """Refuse keys of a mapping that do not have the form of its keys."""
    for schema in _alternatives(field):
        if "patternProperties" in schema:
            schema["additionalProperties"] = False


def _say_once(field: Schema) -> None:
    """Remove the title, which repeats the key, and bounds that JSON Schema does not know. Put descriptions in one line.

    Pydantic adds the bounds of numbers that are written as text, such as durations.
    """
    field.pop("title", None)
    for schema in _alternatives(field):
        for bound in ("ge", "le"):
            schema.pop(bound, None)
    if "description" in field:
        field["description"] = " ".join(field["description"].split())
