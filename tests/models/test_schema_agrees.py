"""The schema of a service and `check` agree: each value that one of them accepts, the other accepts, too."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from models.finding import Finding
from models.stack_file import schema as generated
from models.stack_file.parse import parse_service
from tests.models.schema_values import edit, is_valid, plain, resolved, values

thorough = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

NOT_IN_THE_SCHEMA = (
    "must be at least",  # a bound of a duration or a quantity, which are texts
    "must be at most",
    "is less than 1Mi",  # the bound of an amount of memory, as a text
    "write at most 10000 CPUs",
    "write more than 0 CPUs",
    "does not appear to be an IPv4 or IPv6 network",  # the numbers of an address
    "has host bits set",
    "endpoint is https://",  # the bucket's name is not in the host
    "is above promptLookupMax",
    "has more than 800000 bytes",
)
"""What only `check` knows, by its words: relations of numbers and texts, for which JSON Schema has no keyword."""


def accepted(service: Any) -> bool:
    """Whether `check` accepts the shape of a service, apart from what no schema can say."""
    return [finding for finding in problems(service) if not is_inexpressible(finding)] == []


def problems(service: Any) -> list[Finding]:
    return parse_service("qwen", service)[1]


def is_inexpressible(finding: Finding) -> bool:
    return any(words in finding.message for words in NOT_IN_THE_SCHEMA)


@cache
def keys_of_services() -> dict[str, Any]:
    properties: dict[str, Any] = resolved(generated.service_schema())["properties"]
    return properties


@st.composite
def services(draw: st.DrawFn) -> Any:
    """A whole service with a few of its keys; each key has its turn."""
    properties = keys_of_services()
    chosen = draw(st.lists(st.sampled_from(sorted(properties)), max_size=3, unique=True))
    service = {"image": "a:1", "model": "/m", "engine": {"maxModelLen": 4096}}
    for key in chosen:
        service[key] = draw(values(properties[key]))
    return plain(service)


@st.composite
def edited(draw: st.DrawFn) -> Any:
    """A service with an arbitrary change somewhere."""
    return edit(draw, draw(services()))


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
