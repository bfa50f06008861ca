"""The schema of a stack file and `check` agree about the keys of the stack: `cluster`, `kvTransfer`, `accept`."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from models.finding import Finding
from models.stack_file import schema as generated
from models.stack_file.parse import parse_stack
from tests.models.schema_values import edit, is_valid, plain, values

thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

PREFIX = "ascend-vllm:"
KEYS = ("cluster", "kvTransfer", "accept")
NOT_IN_THE_SCHEMA = (
    "must be at least",  # a bound of a quantity, which is a text
    "must be at most",
    "is less than 1Mi",  # the bound of an amount of memory, as a text
    "the pools have",  # sums of numbers
    "two mounts are under",  # paths that are equal after normalizing
    "of the container is not free",  # a directory of the system, which nothing may cover
    "queue default is Volcano's own",
)
"""What only `check` knows, by its words."""


@cache
def schemas_of_keys() -> dict[str, Any]:
    found: dict[str, Any] = generated.stack_schema()["properties"]["config"]["properties"]
    return found


def schema_of(key: str) -> dict[str, Any]:
    found: dict[str, Any] = schemas_of_keys()[PREFIX + key]
    return found


@st.composite
def stacks(draw: st.DrawFn) -> Any:
    """The keys of a stack; each has its turn."""
    stack = {"cluster": {"context": "prod"}, "services": {}}
    for key in draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True)):
        stack[key] = draw(values(schema_of(key)))
    return plain(stack)


@st.composite
def edited(draw: st.DrawFn) -> Any:
    """The keys of a stack with an arbitrary change somewhere below them."""
    stack = draw(stacks())
    key = draw(st.sampled_from(sorted(key for key in stack if stack[key] and key != "services")))
    changed = edit(draw, {key: stack[key]})
    assume(list(changed) == [key])
    return {**stack, **changed}


def problems(stack: Any) -> list[Finding]:
    return list(parse_stack("dev", "Pulumi.dev.yaml", stack, {}).findings)


def is_accepted(stack: Any) -> bool:
    return all(is_inexpressible(finding) for finding in problems(stack))


def is_inexpressible(finding: Finding) -> bool:
    return any(words in finding.message for words in NOT_IN_THE_SCHEMA)


def is_valid_file(stack: Any) -> bool:
    return is_valid("stack", {"config": {PREFIX + key: value for key, value in stack.items()}})


@thorough
@given(stacks())
def test_check_accepts_the_keys_of_a_stack_that_the_schema_accepts(stack: Any) -> None:
    assume(is_valid_file(stack))

    assert [finding.message for finding in problems(stack) if not is_inexpressible(finding)] == []


@thorough
@given(edited())
def test_the_schema_and_check_agree_about_an_edited_key_of_a_stack(stack: Any) -> None:
    assume(not any(is_inexpressible(finding) for finding in problems(stack)))

    assert is_valid_file(stack) == is_accepted(stack), [finding.message for finding in problems(stack)]
