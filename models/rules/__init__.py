"""Rules: what is looked for in a stack file, each with an id, its documentation and its examples.

A rule across fields is a function that looks at a resolved service; its id is the function's name with `-` for `_`,
its docstring is its documentation, its folder below `tests/rules/` holds its tests and its examples. The rules of
shape are applied while the files are read.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, wraps
from importlib import import_module

from models.catalog.facts import ModelFacts
from models.finding import Finding, Mark
from models.resolve import ResolvedService
from models.shape import SHAPE_RULES

Check = Callable[[ResolvedService], Iterator[Finding]]
FactsCheck = Callable[[ResolvedService, ModelFacts], Iterator[Finding]]

_CHECKS: dict[str, Check] = {}
_OF_FACTS: set[str] = set()


def rule(check: Check) -> Check:
    """Register a rule across fields under its function's name."""
    _CHECKS[check.__name__.replace("_", "-")] = check
    return check


def facts_rule(check: FactsCheck) -> FactsCheck:
    """Register a rule that needs the facts of the model; without them it does not run."""

    @wraps(check)
    def with_facts(service: ResolvedService) -> Iterator[Finding]:
        if service.facts:
            yield from check(service, service.facts)

    rule(with_facts)
    _OF_FACTS.add(check.__name__.replace("_", "-"))
    return check


def judge(service: ResolvedService) -> Iterator[Finding]:
    """Everything that the rules across fields find on a service."""
    for name, check in _checks().items():
        for finding in check(service):
            marks = tuple(Mark(("services", service.name, *mark.path), mark.note) for mark in finding.marks)
            yield replace(finding, rule=name, service=service.name, marks=marks)


def rule_ids() -> list[str]:
    """The ids of all rules, in alphabetical order."""
    return sorted([*_checks(), *SHAPE_RULES])


def facts_rule_ids() -> list[str]:
    """The ids of the rules that need the facts of the model."""
    return [name for name in _checks() if name in _OF_FACTS]


def documentation(name: str) -> str:
    """What a rule says, why, and its source; empty for an id that no rule has."""
    check = _checks().get(name)
    return inspect.getdoc(check) or "" if check else SHAPE_RULES.get(name, "")


@cache
def _checks() -> dict[str, Check]:
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(sorted(_CHECKS.items()))
