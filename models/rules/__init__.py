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

Check = Callable[[ResolvedService], Iterator[Finding]]

_CHECKS: dict[str, Check] = {}

_SHAPE = {
    "yaml-syntax": """The file is YAML.

Pulumi's engine reads stack files with Go's yaml.v3; what that cannot read has no values at all.""",
    "yaml-value": """Every value is one that a configuration can hold.

The engine turns the file into JSON: infinite numbers, tags that do not fit their value and anchors that contain
themselves have no JSON.""",
    "duplicate-key": """No key stands twice in one mapping.

Pulumi's engine refuses the file; other readers of YAML take the last value silently.""",
    "unknown-key": """Every key is one of the configuration language.

A key that nothing reads is a mistake: the value that was meant keeps its default. Keys are compared without case, `-`
and `_` to find the one that was meant.""",
    "missing-key": """Every key without a default is given.

A service needs an image, a model and `engine.maxModelLen`; a stack needs a cluster with its context.""",
    "bad-value": """Every value has its key's type and lies in its range.

Text is not a number: the engine hands `"8"` and `8` to the program as they are written.""",
    "base-file": """The file that `base` names can be read.

It is looked for beside the stack file.""",
    "secret-in-services": """No `secure:` value stands below `cluster` or `services`.

Pulumi hands a structured value to the program as plain text, secrets included, so it would end in a ConfigMap.""",
    "unused-accept": """Every waiver under `accept` waives a warning that is there.

Errors cannot be waived. A waiver that waives nothing would hide the next finding.""",
}


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
    return sorted([*_checks(), *_SHAPE])


def documentation(name: str) -> str:
    """What a rule says, why, and its source; empty for an id that no rule has."""
    check = _checks().get(name)
    return inspect.getdoc(check) or "" if check else _SHAPE.get(name, "")


@cache
def _checks() -> dict[str, Check]:
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(sorted(_CHECKS.items()))
