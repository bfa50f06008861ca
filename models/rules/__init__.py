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
from functools import cache
from importlib import import_module

from models.finding import Finding, Mark
from models.resolve import ResolvedService
from models.shape import SHAPE_RULES

Check = Callable[[ResolvedService], Iterator[Finding]]

_CHECKS: dict[str, Check] = {}


def rule(check: Check) -> Check:
    """Register a rule across fields under its function's name."""
    _CHECKS[check.__name__.replace("_", "-")] = check
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


def documentation(name: str) -> str:
    """What a rule says, why, and its source; empty for an id that no rule has."""
    check = _checks().get(name)
    return inspect.getdoc(check) or "" if check else SHAPE_RULES.get(name, "")


@cache
def _checks() -> dict[str, Check]:
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(sorted(_CHECKS.items()))
