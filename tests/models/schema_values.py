"""Values that a JSON Schema of the stack file accepts, and arbitrary changes of them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from models.stack_file import schema as generated
from models.stack_file.merge_patch import merge
from models.yaml_scalar import as_json_number

Schema = dict[str, Any]


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found, as in JavaScript: `$` is the end of the text only, and classes are ASCII."""
    return re.search(re.sub(r"(?<!\\)\$", r"\\Z", pattern), text, re.ASCII) is not None


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern}")


Validator = extend(Draft202012Validator, {"pattern": _pattern})


@cache
def validator(of: str) -> Any:
    schemas = {"service": generated.service_schema, "stack": generated.stack_schema}
    return Validator(schemas[of]())


def is_valid(of: str, value: Any) -> bool:
    accepted: bool = validator(of).is_valid(value)
    return accepted


def resolved(schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = definitions()[schema["$ref"].rpartition("/")[2]]
    return schema


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | texts | st.sampled_from(["/m", "a", "0", "1Gi", "90s", "pta"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["kind", "path", "a"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@cache
def from_pattern(pattern: str) -> st.SearchStrategy[str]:
    lookahead = re.sub(r"\(\?=\.\)", "", pattern)
    strategy = st.from_regex(re.sub(r"(?<!\\)\$", r"\\Z", lookahead), alphabet=st.characters(exclude_categories=["Cs"]))
    return strategy.filter(lambda text: matches(pattern, text))


def values(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that a schema accepts, apart from a few that relations of its keys exclude."""
    return _strategy(json.dumps(schema, sort_keys=True))


@cache
def _strategy(text: str) -> st.SearchStrategy[Any]:
    schema = resolved(json.loads(text))
    strategy = st.deferred(lambda: _values(schema))
    if "not" in schema and schema.get("type") == "string":
        excluded = schema["not"]["pattern"]
        return strategy.filter(lambda value: not matches(excluded, value))
    return strategy


@cache
def definitions() -> Schema:
    """The records of services and of the stack."""
    return {**generated.service_schema()["$defs"], **generated.stack_schema()["$defs"]}


def _values(schema: Schema) -> st.SearchStrategy[Any]:
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema and "properties" not in schema:
            return st.one_of([values(alternative) for alternative in schema[keyword]])
    types = schema.get("type", [])
    if isinstance(types, str):
        types = [types]
    return st.one_of([_of_type(schema, of) for of in types]) if types else anything


def _of_type(schema: Schema, of: str) -> st.SearchStrategy[Any]:
    if of == "string":
        texts_of_length = from_pattern(schema["pattern"]) if "pattern" in schema else texts
        return texts_of_length.filter(lambda text: len(text) <= schema.get("maxLength", 1000))
    if of == "array":
        return st.lists(values(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    if of == "object":
        return _mappings(schema)
    smallest, largest = schema.get("minimum", 0), schema.get("maximum", 99)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(smallest, largest),
        "number": st.sampled_from([0, 0.5, 1, 2, 1.5, 4096]),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    return simple[of]


def _mappings(schema: Schema) -> st.SearchStrategy[Any]:
    properties = {key: values(field) for key, field in schema.get("properties", {}).items()}
    required = schema.get("required", [])
    if properties:
        always = {key: properties.pop(key) for key in required}
        return st.fixed_dictionaries(always, optional=properties)
    if "patternProperties" in schema:
        ((pattern, value),) = schema["patternProperties"].items()
        return st.dictionaries(from_pattern(pattern), values(value), max_size=2)
    return st.dictionaries(texts, anything, max_size=2)


def plain(value: Any) -> Any:
    """A value as it is read from a file: without nulls in mappings, and with whole numbers as integers."""
    return _whole_numbers(merge({}, value))


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, float):
        return as_json_number(value)
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    return value


def edit(draw: st.DrawFn, value: Any) -> Any:
    """A value with an arbitrary change somewhere: a key more or less, or another value."""
    changed = copy.deepcopy(value)
    holders = [holder for holder in _holders(changed) if holder]
    holder = draw(st.sampled_from(holders))
    key = draw(st.sampled_from(sorted(holder)))
    change = draw(st.sampled_from(["remove", "replace", "rename", "add"]))
    if change == "remove":
        del holder[key]
    elif change == "replace":
        holder[key] = draw(anything)
    elif change == "rename":
        holder[draw(st.sampled_from(every_key()))] = holder.pop(key)
    else:
        holder[draw(st.sampled_from(every_key()))] = draw(anything)
    return plain(changed)


def _holders(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _holders(item)


@cache
def every_key() -> list[str]:
    """Every key of the language."""
    keys = {"kind"}
    for definition in definitions().values():
        for schema in (definition, *definition.get("anyOf", [])):
            keys |= schema.get("properties", {}).keys()
    return sorted(keys)
