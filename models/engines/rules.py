"""Rules that only some releases have. The registry (`models/rules/registry.py`) lists them with all other rules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from types import ModuleType

from models.catalog.facts import ModelFacts
from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.engines.requests import Request
from models.finding import Finding, Severity

ServiceCheck = Callable[[ModelServer], Iterator[Finding]]
FactsCheck = Callable[[ModelServer, ModelFacts], Iterator[Finding]]
RequestCheck = Callable[[Request, Parameters, ModelServer], Iterator[Finding]]


@dataclass(frozen=True)
class ServiceRule:
    """A rule about a service of the stack file."""

    id: str
    check: ServiceCheck
    severities: tuple[Severity, ...]
    """The severities that its findings can have."""
    documentation: str
    needs_facts: bool = False
    """Whether it runs only if the facts of the model are known."""


@dataclass(frozen=True)
class RequestRule:
    """A rule about requests to a server."""

    id: str
    check: RequestCheck
    severities: tuple[Severity, ...]
    """The severities that its findings can have."""
    documentation: str


def rule(*severities: Severity) -> Callable[[ServiceCheck], ServiceRule]:
    """Make a rule of a function that checks a service. Its name is the id, its docstring the documentation."""

    def make(check: ServiceCheck) -> ServiceRule:
        return ServiceRule(
            _id_of(check), check, severities, inspect.getdoc(check) or ""
        )

    return make


def facts_rule(*severities: Severity) -> Callable[[FactsCheck], ServiceRule]:
    """Make a rule of a function that checks a service, if the facts of its model are known."""

    def make(check: FactsCheck) -> ServiceRule:
        @wraps(check)
        def with_facts(server: ModelServer) -> Iterator[Finding]:
            if server.facts:
                yield from check(server, server.facts)

        return ServiceRule(
            _id_of(check),
            with_facts,
            severities,
            inspect.getdoc(check) or "",
            needs_facts=True,
        )

    return make


def request_rule(*severities: Severity) -> Callable[[RequestCheck], RequestRule]:
    """Make a rule of a function that checks a request."""

    def make(check: RequestCheck) -> RequestRule:
        return RequestRule(
            _id_of(check), check, severities, inspect.getdoc(check) or ""
        )

    return make


def rules_in(*modules: ModuleType) -> tuple[ServiceRule, ...]:
    """All rules about services in these modules."""
    values = [value for module in modules for value in vars(module).values()]
    return tuple(value for value in values if isinstance(value, ServiceRule))


def _id_of(check: Callable[..., Iterator[Finding]]) -> str:
    return check.__name__.replace("_", "-")
