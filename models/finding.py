"""A finding: a problem in a stack file, with its position, the reason and a fix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Path = tuple[str, ...]
"""The path of a value in the configuration: its keys from the top, list indices as text."""

Severity = Literal["error", "warning", "no-effect"]
"""`error`: the deployment stops. `warning`: it starts, but not as expected. `no-effect`: the engine drops a setting."""


@dataclass(frozen=True)
class Span:
    """A part of one line of a file; line and column count from 1, length in characters."""

    file: str
    line: int
    column: int
    length: int
    text: str
    """The whole line, for the excerpt."""


@dataclass(frozen=True)
class Mark:
    """A value that a finding points at, with a note about it."""

    path: Path
    note: str = ""
    span: Span | None = None

    @property
    def field(self) -> str:
        """The keys joined by dots, without the service they belong to."""
        keys = self.path
        if keys[:1] == ("services",):
            keys = keys[2:]
        return ".".join(keys)


@dataclass(frozen=True)
class Finding:
    """One problem that `check` and `pulumi preview` report; the first mark is where to fix it."""

    rule: str
    severity: Severity
    message: str
    why: str
    fix: str
    marks: tuple[Mark, ...] = ()
    service: str | None = None

    @property
    def span(self) -> Span | None:
        """The position of the finding, or None if none of its marks is in a file."""
        for mark in self.marks:
            if mark.span:
                return mark.span
        return None


def at(field: str, note: str = "", *, key: str | None = None) -> Mark:
    """A mark on a field of the service, `at("engine.maxModelLen", "4096 tokens")`, or on a user key below it."""
    path = tuple(field.split("."))
    if key is not None:
        path = (*path, key)
    return Mark(path, note)


def error(message: str, *, why: str, fix: str, marks: Sequence[Mark]) -> Finding:
    """A problem that stops the deployment. The registry adds the id of the rule."""
    return Finding("", "error", message, why, fix, tuple(marks))


def warning(message: str, *, why: str, fix: str, marks: Sequence[Mark]) -> Finding:
    """A problem that does not stop the deployment; `accept` can waive it. The registry adds the id of the rule."""
    return Finding("", "warning", message, why, fix, tuple(marks))


def no_effect(message: str, *, why: str, fix: str, marks: Sequence[Mark]) -> Finding:
    """A setting that the engine ignores or replaces; `accept` can waive it. The registry adds the id of the rule."""
    return Finding("", "no-effect", message, why, fix, tuple(marks))
