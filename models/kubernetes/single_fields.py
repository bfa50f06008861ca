"""Applies the tables of `constraints.py` to an object."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from models.kubernetes import formats
from models.kubernetes.constraints import (
    CHOICES,
    FORMS,
    GROUPS,
    PRESENT,
    RANGES,
    Choices,
    Present,
    TextForm,
)
from models.kubernetes.nodes import Node, Pod
from models.kubernetes.problem import (
    Problem,
    missing,
    not_a_choice,
    refused,
    remove,
    write,
)
from models.words import either


def single_field_problems(node: Node, pod: Pod) -> Iterator[Problem]:
    """The problems of single fields of an object, without regard to other fields."""
    yield from _absent_fields(node)
    for key, value in node.value.items():
        name = (node.type_name, key)
        if isinstance(value, str) and name in CHOICES:
            yield from _choice(node, key, value, pod.minor)
        elif isinstance(value, str) and name in FORMS:
            yield from _form(node, key, value)
        elif name in RANGES:
            yield from _range(node, key, value)
    yield from _one_of(node, pod.minor)


def _absent_fields(node: Node) -> Iterator[Problem]:
    for key, rule in _present_fields().get(node.type_name, {}).items():
        value = node.value.get(key)
        if value is None or value in ("", []):
            yield missing(node.at(key), rule.example, source=rule.source)


@cache
def _present_fields() -> dict[str, dict[str, Present]]:
    """The fields that an object needs, by its type."""
    by_type: dict[str, dict[str, Present]] = {}
    for (type_name, key), rule in PRESENT.items():
        by_type.setdefault(type_name, {})[key] = rule
    return by_type


def _choice(node: Node, key: str, value: str, minor: int) -> Iterator[Problem]:
    rule: Choices = CHOICES[node.type_name, key]
    values = list(rule.values)
    values += [later for later, since in rule.later if minor >= since]
    if value in values or (rule.may_be_empty and not value):
        return
    yield not_a_choice(node.at(key), value, values, source=rule.source)


def _form(node: Node, key: str, value: str) -> Iterator[Problem]:
    rule: TextForm = FORMS[node.type_name, key]
    if not value and rule.may_be_empty:
        return
    words = rule.problem_of(value)
    if words:
        path = node.at(key)
        example = _corrected(rule, value)
        yield refused(
            path, value, words, source=rule.source, edits=write(path, example)
        )


def _corrected(rule: TextForm, value: str) -> str:
    """The text that a refused one probably means, or the example of its form."""
    guess = formats.nearest_label(value)
    if rule.example == "name" and not rule.problem_of(guess):
        return guess
    return rule.example


def _range(node: Node, key: str, value: Any) -> Iterator[Problem]:
    rule = RANGES[node.type_name, key]
    if rule.lowest <= value <= rule.highest:
        return
    path = node.at(key)
    nearest = min(max(value, rule.lowest), rule.highest)
    yield refused(
        path,
        value,
        f"must be {rule.lowest} to {rule.highest}",
        source=rule.source,
        edits=write(path, nearest),
    )


def _one_of(node: Node, minor: int) -> Iterator[Problem]:
    """Exactly one of the fields of a group is set."""
    rule = GROUPS.get(node.type_name)
    if rule is None or minor < rule.since:
        return
    chosen = [key for key in rule.fields if key in node.value]
    if len(chosen) == 1 or (not chosen and rule.may_be_none):
        return
    choices = either(list(rule.fields))
    if not chosen:
        yield refused(
            node.path,
            None,
            f"must have one of {choices}",
            source=rule.source,
            edits=remove(node.path),
        )
        return
    first, *others = chosen
    for key in others:
        yield refused(
            node.at(key),
            None,
            f"must not be set together with {first}: only one of {choices} may be set",
            source=rule.source,
            edits=remove(node.at(key)),
            others=[node.at(first)],
        )
