"""The fields of a pod as JSON Schema, for editors: `podTemplate.spec` with the names and types that `check` knows.

An editor does not know the cluster's release, so the fields of all releases are there. A file may have a part of a
patch, and its base the rest, so only the items of lists have to be complete.
"""

from __future__ import annotations

import copy
from typing import Any

from models.kubernetes.schema import Field, Form, known_minors, pod_schema
from models.kubernetes.structure import LIMITS
from models.manifests.pod_fields import OWNED_POD_FIELDS
from models.record import QUANTITY

JsonSchema = dict[str, Any]

_PREFIX = "Kubernetes"
"""Begins the names of the definitions."""

_NULL: JsonSchema = {"type": "null"}

_AMOUNT = QUANTITY.removeprefix("^[+]?").removesuffix("$")

_QUANTITY = rf"^\s*[-+]?{_AMOUNT}\s*$"
"""A quantity, which may be negative here and may have spaces around it."""

_SCALARS: dict[str, JsonSchema] = {
    "string": {"type": "string"},
    "int32": {
        "type": "integer",
        "minimum": -LIMITS["int32"],
        "maximum": LIMITS["int32"] - 1,
    },
    "int64": {
        "type": "integer",
        "minimum": -LIMITS["int64"],
        "maximum": LIMITS["int64"] - 1,
    },
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "Quantity": {"type": ["string", "number"], "pattern": _QUANTITY},
    "IntOrString": {
        "type": ["integer", "string"],
        "minimum": -LIMITS["IntOrString"],
        "maximum": LIMITS["IntOrString"] - 1,
    },
    "Time": {"type": "string"},
    "any": {},
}


def with_pod_fields(schema: JsonSchema) -> JsonSchema:
    """The schema of a file, with the fields of a pod under `podTemplate.spec`."""
    result = copy.deepcopy(schema)
    definitions = result["$defs"]
    spec = definitions["PodTemplate"]["properties"]["spec"]
    spec["anyOf"] = [_reference("PodSpec"), _NULL]
    definitions.update(_Definitions().of_a_pod())
    return result


class _Definitions:
    """Collects the definitions of the types that a pod refers to."""

    def __init__(self) -> None:
        self._types = pod_schema(known_minors()[-1]).types
        self._found: dict[str, JsonSchema] = {}

    def of_a_pod(self) -> dict[str, JsonSchema]:
        """The definitions by their names."""
        properties = {}
        for key, field in self._types["PodSpec"].items():
            if key in OWNED_POD_FIELDS:
                continue
            properties[key] = self._property(field, is_whole=False)
        pod = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        return {f"{_PREFIX}PodSpec": pod, **dict(sorted(self._found.items()))}

    def _form(self, form: Form, *, is_whole: bool) -> JsonSchema:
        """The schema of a value. A list has whole items, and not parts of items."""
        if form.container == "list":
            return {"type": "array", "items": self._named(form.name, is_whole=True)}
        if form.container == "mapping":
            value = self._named(form.name, is_whole=is_whole)
            return {"type": "object", "additionalProperties": _entry(form, value)}
        return self._named(form.name, is_whole=is_whole)

    def _named(self, name: str, *, is_whole: bool) -> JsonSchema:
        if name in _SCALARS:
            return _SCALARS[name]
        key = f"{_PREFIX}{name}"
        if key not in self._found:
            self._found[key] = {}  # a type can refer to itself
            self._found[key] = self._object(name, is_whole=is_whole)
        return _reference(name)

    def _object(self, name: str, *, is_whole: bool) -> JsonSchema:
        properties = {}
        required = []
        for key, field in self._types[name].items():
            properties[key] = self._property(field, is_whole=is_whole)
            if field.required and is_whole:
                required.append(key)
        definition: JsonSchema = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        if required:
            definition["required"] = required
        return definition

    def _property(self, field: Field, *, is_whole: bool) -> JsonSchema:
        form = self._form(field.form, is_whole=is_whole)
        if field.required and is_whole:
            return form
        return _or_null(form)


def _reference(name: str) -> JsonSchema:
    return {"$ref": f"#/$defs/{_PREFIX}{name}"}


def _entry(form: Form, value: JsonSchema) -> JsonSchema:
    """An entry of a mapping: null leaves it out, but the API server reads an empty quantity as 0."""
    if form.name == "Quantity":
        return value
    return _or_null(value)


def _or_null(schema: JsonSchema) -> JsonSchema:
    """The schema of a value that may be left out by null."""
    if not schema:
        return schema
    if "type" not in schema:
        return {"anyOf": [schema, _NULL]}
    types = schema["type"]
    if isinstance(types, str):
        types = [types]
    return {**schema, "type": [*types, "null"]}
