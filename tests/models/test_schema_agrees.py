"""The schema of a service and `check` agree: each value that one of them accepts, the other accepts, too."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from models.finding import Finding
from models.stack_file import schema as generated
from models.stack_file.merge_patch import merge
from models.stack_file.parse import parse_service
from models.yaml_scalar import as_json_number

Schema = dict[str, Any]

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

NOT_IN_THE_SCHEMA = (
    "must be at least",  # a bound of a duration or a quantity, which are texts
    "must be at most",
    "write at most 10000 CPUs",
    "write more than 0 CPUs",
    "does not appear to be an IPv4 or IPv6 network",  # the numbers of an address
    "has host bits set",
    "endpoint is https://",  # the bucket's name is not in the host
    "is above promptLookupMax",
    "has more than 800000 bytes",
)
"""What only `check` knows, by its words: relations of numbers and texts, for which JSON Schema has no keyword."""


@cache
def service_schema() -> Schema:
    return generated.service_schema()


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found, as in JavaScript: `$` is the end of the text only, and classes are ASCII."""
    return re.search(re.sub(r"(?<!\\)\$", r"\\Z", pattern), text, re.ASCII) is not None


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern}")


Validator = extend(Draft202012Validator, {"pattern": _pattern})


@cache
def validator(of: str) -> Any:
    schemas = {"service": service_schema, "stack": generated.stack_schema}
    return Validator(schemas[of]())


def is_valid(of: str, value: Any) -> bool:
    accepted: bool = validator(of).is_valid(value)
    return accepted


def accepted(service: Any) -> bool:
    """Whether `check` accepts the shape of a service, apart from what no schema can say."""
    return [finding for finding in problems(service) if not is_inexpressible(finding)] == []


def problems(service: Any) -> list[Finding]:
    return parse_service("qwen", service)[1]


def is_inexpressible(finding: Finding) -> bool:
    return any(words in finding.message for words in NOT_IN_THE_SCHEMA)


def resolved(schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = service_schema()["$defs"][schema["$ref"].rpartition("/")[2]]
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
    found: Schema = service_schema()["$defs"]
    return found


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


@st.composite
def services(draw: st.DrawFn) -> Any:
    """A whole service with a few of its keys; each key has its turn."""
    properties = resolved(service_schema())["properties"]
    chosen = draw(st.lists(st.sampled_from(sorted(properties)), max_size=3, unique=True))
    service = {"image": "a:1", "model": "/m", "engine": {"maxModelLen": 4096}}
    for key in chosen:
        service[key] = draw(values(properties[key]))
    return plain(service)


@st.composite
def edited(draw: st.DrawFn) -> Any:
    """A service with an arbitrary change somewhere: a key more or less, or another value."""
    service = copy.deepcopy(draw(services()))
    holders = [holder for holder in _holders(service) if holder]
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
    return plain(service)


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


@thorough
@given(services())
def test_check_accepts_what_the_schema_accepts(service: Any) -> None:
    assume(is_valid("service", service))

    assert [finding.message for finding in problems(service) if not is_inexpressible(finding)] == []


@thorough
@given(edited())
def test_the_schema_and_check_agree_about_an_edited_service(service: Any) -> None:
    assume(not any(is_inexpressible(finding) for finding in problems(service)))

    assert is_valid("service", service) == accepted(service), [finding.message for finding in problems(service)]


@thorough
@given(services(), st.data())
def test_the_schema_of_a_file_accepts_every_part_of_an_accepted_service(service: Any, data: st.DataObject) -> None:
    assume(problems(service) == [])
    stack = {"config": {"ascend-vllm:services": {"qwen": part_of(service, data)}}}

    assert is_valid("stack", stack)


def part_of(value: Any, data: st.DataObject) -> Any:
    """Some keys of a mapping, and of the mappings in it; the base file has the rest."""
    if not isinstance(value, dict) or not data.draw(st.booleans()):
        return value
    kept = [key for key in value if data.draw(st.booleans())]
    return {key: part_of(value[key], data) for key in kept}
