"""Compares a patch with the OpenAPI schema: names of fields, types of values, required fields."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

from models.credentials import holds_hidden
from models.finding import Path
from models.kubernetes.formats import is_time, nearest_quantity, quantity
from models.kubernetes.problem import Edit, Problem, remove, shown, write
from models.kubernetes.schema import Field, Form, Schema
from models.stack_file.errors.unknown_keys import nearest
from models.stack_file.limits import MOST_FINDINGS
from models.words import type_in_words

LIMITS = {"int32": 2**31, "int64": 2**63, "IntOrString": 2**31}
"""The limits of whole numbers, by type: a number n is at least -limit and less than the limit."""

_WORDS = {
    "string": "text",
    "int32": "a whole number",
    "int64": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "Quantity": "a quantity such as 500m or 64Mi",
    "IntOrString": "a number or text",
    "Time": "a time such as 2026-01-31T12:00:00Z",
}
"""The expected form of a value in messages, by scalar type."""

_OCTAL = re.compile("0o?[0-7]{1,4}")
"""Rights of a file as shells write them."""

_ABSENT = object()
"""Stands for a value that was refused."""


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


_SCALARS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "int32": is_whole,
    "int64": is_whole,
    "number": lambda value: is_whole(value) or isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "Quantity": lambda value: (
        isinstance(value, str | int | float) and not isinstance(value, bool)
    ),
    "IntOrString": lambda value: is_whole(value) or isinstance(value, str),
    "Time": lambda value: isinstance(value, str) and is_time(value),
    "any": lambda _: True,
}
"""Whether a value has a scalar type."""


class Structure:
    """Compares values with a schema, and collects the problems. After too many of them, no further field is read."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.problems: list[Problem] = []

    def patch(
        self, type_name: str, value: dict[str, Any], path: Path
    ) -> dict[str, Any]:
        """The well-formed part of a patch of an object, in which no field is required."""
        return self._fields(type_name, value, path)

    def object(self, type_name: str, value: dict[str, Any], path: Path) -> Any:
        """The well-formed part of a mapping with the fields of a type."""
        self._require(type_name, value, path)
        return self._fields(type_name, value, path)

    def _fields(
        self, type_name: str, value: dict[str, Any], path: Path
    ) -> dict[str, Any]:
        result = {}
        known = self.schema.fields(type_name)
        for key, item in value.items():
            if len(self.problems) > MOST_FINDINGS:
                break
            key_path = (*path, key)
            field = known.get(key)
            if field is None:
                self._unknown(type_name, key_path, value)
            elif item is not None:
                formed = self.value(field.form, item, key_path)
                if formed is not _ABSENT:
                    result[key] = formed
        return result

    def value(self, form: Form, value: Any, path: Path) -> Any:
        """The well-formed part of a value. A value of a wrong type has none."""
        if form.container == "list":
            return self._list(form, value, path)
        if form.container == "mapping":
            return self._mapping(form, value, path)
        if form.name in _SCALARS:
            return self._scalar(form.name, value, path)
        if not isinstance(value, dict):
            self._wrong_type("a mapping", value, path, self._mapping_edit(form, path))
            return _ABSENT
        return self.object(form.name, value, path)

    def _list(self, form: Form, value: Any, path: Path) -> Any:
        if not isinstance(value, list):
            edits = _list_edit(form, value, path)
            self._wrong_type("a list", value, path, edits)
            return _ABSENT
        items = []
        for index, item in enumerate(value):
            item_path = (*path, str(index))
            if item is None:
                self._add(item_path, "must not be empty", remove(item_path))
                continue
            formed = self.value(Form(form.name), item, item_path)
            if formed is not _ABSENT:
                items.append(formed)
        if len(items) != len(value):
            return _ABSENT
        return items

    def _mapping(self, form: Form, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            self._wrong_type("a mapping", value, path, remove(path))
            return _ABSENT
        result = {}
        for key, item in value.items():
            key_path = (*path, key)
            if item is None:
                if form.name == "Quantity":  # the API server reads it as 0
                    self._add(key_path, "must not be empty", remove(key_path))
                continue
            formed = self.value(Form(form.name), item, key_path)
            if formed is not _ABSENT:
                result[key] = formed
        return result

    def _scalar(self, name: str, value: Any, path: Path) -> Any:
        if not _SCALARS[name](value):
            self._wrong_type(_WORDS[name], value, path, _scalar_edit(name, value, path))
            return _ABSENT
        if name == "Quantity" and quantity(value) is None:
            edits = write(path, nearest_quantity(str(value)))
            self._add(path, f"{shown(path, value)} must be {_WORDS[name]}", edits)
            return _ABSENT
        limit = LIMITS.get(name)
        if limit and is_whole(value) and not -limit <= value < limit:
            words = f"{shown(path, value)} must be less than {limit}"
            self._add(path, words, remove(path))
            return _ABSENT
        return value

    def _require(self, type_name: str, value: dict[str, Any], path: Path) -> None:
        """Report required fields that are not set."""
        for key, field in self.schema.fields(type_name).items():
            if not field.required or value.get(key) is not None:
                continue
            misspelled = any(nearest(other, {key: field}) for other in value)
            if misspelled and key not in value:
                continue  # the unknown key is reported
            edits = write((*path, key), self._example(type_name, key, field))
            self._add((*path, key), "is missing", edits)

    def _example(self, type_name: str, key: str, field: Field) -> Any:
        """A value that a required field may have."""
        example = EXAMPLES.get((type_name, key), EXAMPLES.get(("", key)))
        if example is not None:
            return example
        if field.form.container == "list":
            return []
        if field.form.name in ("int32", "int64"):
            return 1
        if field.form.name in _SCALARS:
            return key
        return {}

    def _unknown(self, type_name: str, path: Path, siblings: dict[str, Any]) -> None:
        """Report a key that the type does not have."""
        name = path[-1]
        every = self.schema.types[type_name]
        edits = remove(path)
        if name in every:
            field = every[name]
            words = f"is a field from Kubernetes 1.{field.since} on"
            if field.since <= self.schema.minor:
                words = f"is a field up to Kubernetes 1.{field.until} only"
            words = f"{words}, not of 1.{self.schema.minor}"
            self._add(path, words, edits)
            return
        near = nearest(name, self.schema.fields(type_name))
        if near and near not in siblings:
            edits = (Edit("rename", path, near),)
        owner = "a pod" if type_name == "PodSpec" else type_name
        self.problems.append(
            Problem(
                path=path,
                words=f"{owner} has no field {name!r}",
                source=f"core/v1, {type_name}",
                edits=edits,
                name=name,
            )
        )

    def _mapping_edit(self, form: Form, path: Path) -> tuple[Edit, ...]:
        """An empty mapping if the type requires no field."""
        fields = self.schema.fields(form.name)
        if any(field.required for field in fields.values()):
            return remove(path)
        return write(path, {})

    def _wrong_type(
        self, expected: str, value: Any, path: Path, edits: tuple[Edit, ...]
    ) -> None:
        words = f"must be {expected}, not {type_in_words(value)}{shown(path, value)}"
        self._add(path, words, edits)

    def _add(self, path: Path, words: str, edits: tuple[Edit, ...]) -> None:
        source = f"OpenAPI schema of Kubernetes 1.{self.schema.minor}"
        self.problems.append(
            Problem(path=path, words=words.strip(), source=source, edits=edits)
        )


EXAMPLES: dict[tuple[str, str], Any] = {
    ("", "name"): "name",
    ("", "key"): "key",
    ("", "topologyKey"): "kubernetes.io/hostname",
    ("", "port"): 8080,
    ("", "containerPort"): 8080,
    ("", "path"): "data",
    ("", "mountPath"): "/data",
    ("", "devicePath"): "/dev/data",
    ("", "ip"): "127.0.0.1",
    ("", "operator"): "Exists",
    ("", "fieldPath"): "metadata.name",
    ("", "resource"): "limits.cpu",
    ("", "type"): "RuntimeDefault",
    ("", "conditionType"): "example.com/ready",
    ("HTTPHeader", "value"): "",
    ("NodeSelector", "nodeSelectorTerms"): [{}],
    ("HostPathVolumeSource", "path"): "/data",
    ("NFSVolumeSource", "path"): "/data",
    ("PodOS", "name"): "linux",
    ("TopologySpreadConstraint", "whenUnsatisfiable"): "ScheduleAnyway",
    ("ContainerResizePolicy", "resourceName"): "cpu",
    ("ContainerResizePolicy", "restartPolicy"): "NotRequired",
}
"""Values of required fields in fixes, by type and key; an entry without a type is for all types."""


def _list_edit(form: Form, value: Any, path: Path) -> tuple[Edit, ...]:
    """The edit that makes a list of a value: the words of a command, or a list with the value."""
    if value is None or holds_hidden(path, value):
        return remove(path)
    if form.name == "string" and isinstance(value, str):
        return write(path, _words_of(value))
    is_item = form.name not in _SCALARS and isinstance(value, dict)
    if is_item:
        return write(path, [value])
    return remove(path)


def _words_of(text: str) -> list[str]:
    """The words of a command line, or the text itself if it has an open quote."""
    try:
        return shlex.split(text)
    except ValueError:
        return [text]


def _scalar_edit(name: str, value: Any, path: Path) -> tuple[Edit, ...]:
    """The edit that gives a value its type, if it can have it."""
    if name == "string" and isinstance(value, bool):
        return write(path, str(value).lower())
    if name == "string" and isinstance(value, int | float):
        return write(path, str(value))
    if name == "boolean" and str(value).lower() in ("true", "yes", "on", "1"):
        return write(path, True)
    if name == "boolean" and str(value).lower() in ("false", "no", "off", "0"):
        return write(path, False)
    if name in ("int32", "int64") and isinstance(value, str):
        return _number_edit(value, path)
    return remove(path)


def _number_edit(text: str, path: Path) -> tuple[Edit, ...]:
    """The edit that makes a whole number of a text. The rights of a file are octal, as shells write them."""
    if path[-1] in ("mode", "defaultMode") and _OCTAL.fullmatch(text):
        return write(path, int(text, 8))
    if text.strip().isdecimal():
        return write(path, int(text[:18]))
    return remove(path)
