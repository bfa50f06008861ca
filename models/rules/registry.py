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

from models import rules
from models.catalog.facts import ModelFacts
from models.finding import Finding, Mark
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.messages import SHAPE_RULES

Check = Callable[[ResolvedService], Iterator[Finding]]
FactsCheck = Callable[[ResolvedService, ModelFacts], Iterator[Finding]]

StackCheck = Callable[[ResolvedStack], Iterator[Finding]]

_CHECKS: dict[str, Check] = {}
_STACK_CHECKS: dict[str, StackCheck] = {}
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


def stack_rule(check: StackCheck) -> StackCheck:
    """Register a rule across services under its function's name; its marks are paths from the top, and the first says
    which service it is shown at."""
    _STACK_CHECKS[check.__name__.replace("_", "-")] = check
    return check


def judge_stack(stack: ResolvedStack) -> Iterator[Finding]:
    """Everything that the rules across services find on those whose shape is right."""
    _load()
    for name, check in sorted(_STACK_CHECKS.items()):
        for finding in check(stack):
            path = finding.marks[0].path
            yield replace(finding, rule=name, service=path[1] if path[0] == "services" else None)


def judge(service: ResolvedService) -> Iterator[Finding]:
    """Everything that the rules across fields find on a service."""
    for name, check in _checks().items():
        for finding in check(service):
            marks = tuple(Mark(("services", service.name, *mark.path), mark.note) for mark in finding.marks)
            yield replace(finding, rule=name, service=service.name, marks=marks)


def rule_ids() -> list[str]:
    """The ids of all rules, in alphabetical order."""
    return sorted([*_checks(), *_STACK_CHECKS, *SHAPE_RULES])


def facts_rule_ids() -> list[str]:
    """The ids of the rules that need the facts of the model."""
    return [name for name in _checks() if name in _OF_FACTS]


def documentation(name: str) -> str:
    """What a rule says, why, and its source; empty for an id that no rule has."""
    check = _checks().get(name) or _STACK_CHECKS.get(name)
    return inspect.getdoc(check) or "" if check else SHAPE_RULES.get(name, "")


@cache
def _load() -> None:
    for module in pkgutil.iter_modules(rules.__path__):
        import_module(f"{rules.__name__}.{module.name}")


def _checks() -> dict[str, Check]:
    _load()
    return dict(sorted(_CHECKS.items()))
