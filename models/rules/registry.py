"""The registry of rules: one entry for each id that a finding can have.

An entry comes from one of two places. A function with a decorator of this module is a rule: its name with `-` for `_`
is the id, its docstring is the documentation. The tables of `models/rules` have the ids that no function stands for:
schema errors, and findings about requests and about a cluster. Rules about requests are added when `client.check` is
imported. An engine release adds its own rules (`models/engines/rules.py`).
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, wraps
from importlib import import_module
from typing import Any, Literal, TypeVar

from models import rules
from models.catalog.facts import ModelFacts
from models.engines.release import Release
from models.engines.releases import VERSIONS, release
from models.finding import Finding, Mark, Severity
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.base_file import service_at

Check = Callable[[ResolvedService], Iterator[Finding]]
FactsCheck = Callable[[ResolvedService, ModelFacts], Iterator[Finding]]
StackCheck = Callable[[ResolvedStack], Iterator[Finding]]
AnyCheck = TypeVar("AnyCheck", bound=Callable[..., Iterator[Finding]])

Subject = Literal["stack file", "request", "cluster"]
"""The object that a rule judges: a stack file, a request to a service, or a live cluster."""


@dataclass(frozen=True)
class Rule:
    """An entry of the registry."""

    id: str
    severities: tuple[Severity, ...]
    """The severities that its findings can have."""
    subject: Subject
    documentation: str
    """The requirement, then the reason with its source."""
    needs_facts: bool = False
    """Whether the rule runs only if the facts of the model are known."""
    right_keys: tuple[str, ...] = ()
    """The keys of the stack file that give the pods a right which they do not have by default. List indices are left
    out. Empty if the findings are about something else."""

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.partition("\n")[0]


_RULES: dict[str, Rule] = {}
_CHECKS: dict[str, Check] = {}
_STACK_CHECKS: dict[str, StackCheck] = {}


def rule(*severities: Severity) -> Callable[[Check], Check]:
    """Register a function that checks one service."""

    def register(check: Check) -> Check:
        entry = _entry_of(check, severities, "stack file")
        _add(entry)
        _CHECKS[entry.id] = check
        return check

    return register


def right_rule(*keys: str) -> Callable[[Check], Check]:
    """Register a function that reports rights which the pods of a service have in addition to the default.

    A right is a warning. Whoever accepts it writes down the reason, and `review` shows it as a right of the service.
    docs/security.md has a table of these rules: the first line of the documentation is the default.

    Args:
        keys: The keys that give the right, without list indices.
    """

    def register(check: Check) -> Check:
        entry = _entry_of(check, ("warning",), "stack file")
        alternative = f"write accept.{entry.id}: 'the reason'"

        @wraps(check)
        def with_alternative(service: ResolvedService) -> Iterator[Finding]:
            for finding in check(service):
                yield replace(finding, fix=f"{finding.fix}, or {alternative}")

        _add(replace(entry, right_keys=keys))
        _CHECKS[entry.id] = with_alternative
        return check

    return register


def stack_right_rule(*keys: str) -> Callable[[StackCheck], StackCheck]:
    """Register a function that reports rights which a key of the cluster gives to the pods of all services."""

    def register(check: StackCheck) -> StackCheck:
        entry = _entry_of(check, ("warning",), "stack file")
        _add(replace(entry, right_keys=keys))
        _STACK_CHECKS[entry.id] = check
        return check

    return register


def facts_rule(*severities: Severity) -> Callable[[FactsCheck], FactsCheck]:
    """Register a function that checks one service, if the facts of its model are known."""

    def register(check: FactsCheck) -> FactsCheck:
        @wraps(check)
        def with_facts(service: ResolvedService) -> Iterator[Finding]:
            if service.facts:
                yield from check(service, service.facts)

        entry = _entry_of(check, severities, "stack file")
        _add(replace(entry, needs_facts=True))
        _CHECKS[entry.id] = with_facts
        return check

    return register


def stack_rule(*severities: Severity) -> Callable[[StackCheck], StackCheck]:
    """Register a function that checks all services together.

    The paths of its marks start at the top of the stack file. The first mark shows which service a finding belongs to.
    """

    def register(check: StackCheck) -> StackCheck:
        entry = _entry_of(check, severities, "stack file")
        _add(entry)
        _STACK_CHECKS[entry.id] = check
        return check

    return register


def request_rule(*severities: Severity) -> Callable[[AnyCheck], AnyCheck]:
    """Register a function that checks a request."""

    def register(check: AnyCheck) -> AnyCheck:
        _add(_entry_of(check, severities, "request"))
        return check

    return register


def add_rules(
    subject: Subject, severities: tuple[Severity, ...], documentation: Mapping[str, str]
) -> None:
    """Register ids that no function stands for, each with its documentation."""
    for name, text in documentation.items():
        _add(Rule(name, severities, subject, text))


def find_rule(name: str) -> Rule | None:
    """The entry of an id, or None."""
    _load()
    return _RULES.get(name)


def rules_about(subject: Subject) -> list[Rule]:
    """All entries about one subject, in alphabetical order."""
    _load()
    entries = [entry for entry in _RULES.values() if entry.subject == subject]
    return sorted(entries, key=lambda entry: entry.id)


def rule_ids() -> list[str]:
    """The ids of the rules about stack files, in alphabetical order."""
    return [entry.id for entry in rules_about("stack file")]


def is_about_stack_files(name: str) -> bool:
    """Whether a name is the id of a rule about stack files."""
    entry = find_rule(name)
    return entry is not None and entry.subject == "stack file"


def facts_rule_ids(engine_release: Release) -> list[str]:
    """The ids of the rules that need the facts of the model and that run for a release."""
    of_this_release = {entry.id for entry in engine_release.rules}
    names = []
    for entry in rules_about("stack file"):
        runs = entry.id in _CHECKS or entry.id in of_this_release
        if entry.needs_facts and runs:
            names.append(entry.id)
    return names


def documentation(name: str) -> str:
    """The documentation of a rule; empty for an unknown id."""
    entry = find_rule(name)
    return entry.documentation if entry else ""


def reports_right(name: str) -> bool:
    """Whether the findings of a rule are rights of a service."""
    entry = find_rule(name)
    return entry is not None and bool(entry.right_keys)


def id_of(check: Callable[..., Any]) -> str:
    """The id of a rule that is a function."""
    return check.__name__.replace("_", "-")


def judge(service: ResolvedService) -> Iterator[Finding]:
    """The findings of all rules that check one service."""
    _load()
    release_checks = {
        engine_rule.id: engine_rule.check for engine_rule in service.release.rules
    }
    checks = {**_CHECKS, **release_checks}
    for name, check in sorted(checks.items()):
        for finding in check(service):
            marks = tuple(_in_service(mark, service.name) for mark in finding.marks)
            yield replace(
                finding,
                rule=name,
                service=service.name,
                marks=marks,
            )


def _in_service(mark: Mark, service: str) -> Mark:
    """A mark of a service with its path from the top of the stack file."""
    path = ("services", service, *mark.path)
    return Mark(path, mark.note)


def judge_stack(stack: ResolvedStack) -> Iterator[Finding]:
    """The findings of all rules that check all well-formed services together."""
    _load()
    for name, check in sorted(_STACK_CHECKS.items()):
        for finding in check(stack):
            service = service_at(finding.marks[0].path)
            yield replace(finding, rule=name, service=service)


def _entry_of(
    check: Callable[..., Any], severities: tuple[Severity, ...], subject: Subject
) -> Rule:
    return Rule(
        id=id_of(check),
        severities=severities,
        subject=subject,
        documentation=inspect.getdoc(check) or "",
    )


def _add(entry: Rule) -> None:
    known = _RULES.setdefault(entry.id, entry)
    if known != entry:
        raise ValueError(f"two rules have the id {entry.id}")


@cache
def _load() -> None:
    """Import all modules below this package, which register their rules."""
    for module in pkgutil.walk_packages(rules.__path__, f"{rules.__name__}."):
        import_module(module.name)
    for version in VERSIONS:
        _add_rules_of(release(version))


def _add_rules_of(engine_release: Release) -> None:
    """Register the rules of an engine release."""
    for service_rule in engine_release.rules:
        entry = Rule(
            id=service_rule.id,
            severities=service_rule.severities,
            subject="stack file",
            documentation=service_rule.documentation,
            needs_facts=service_rule.needs_facts,
        )
        _add(entry)
    for engine_request_rule in engine_release.request_rules:
        entry = Rule(
            id=engine_request_rule.id,
            severities=engine_request_rule.severities,
            subject="request",
            documentation=engine_request_rule.documentation,
        )
        _add(entry)
