"""Rules that only some releases have. The registry (`models/rules/registry.py`) lists them with all other rules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from models.engines.model_server import ModelServer
from models.engines.parameters import Parameters
from models.engines.requests import Request
from models.finding import Finding, Severity

RequestCheck = Callable[[Request, Parameters, ModelServer], Iterator[Finding]]


@dataclass(frozen=True)
class RequestRule:
    """A rule about requests to a server."""

    check: RequestCheck
    severities: tuple[Severity, ...]
    """The severities that its findings can have."""

    @property
    def id(self) -> str:
        """The name of the function, with `-` for `_`."""
        return _id_of(self.check)

    @property
    def documentation(self) -> str:
        """The docstring of the function."""
        return inspect.getdoc(self.check) or ""


def request_rule(*severities: Severity) -> Callable[[RequestCheck], RequestRule]:
    """Make a rule of a function that checks a request."""

    def make(check: RequestCheck) -> RequestRule:
        return RequestRule(check, severities)

    return make


def _id_of(check: Callable[..., Any]) -> str:
    return check.__name__.replace("_", "-")
