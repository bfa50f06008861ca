"""A finding: what is wrong or doubtful in a stack file, where, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Path = tuple[str, ...]
"""Where a value stands in the configuration: its keys from the top, list indices as text."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Span:
    """A piece of one line of a file; line and column count from 1, length in characters."""

    file: str
    line: int
    column: int
    length: int
    text: str
    """The whole line, for the excerpt."""


@dataclass(frozen=True)
class Mark:
    """A place that a finding points at, with what is to be seen there."""

    path: Path
    note: str = ""
    span: Span | None = None

    @property
    def field(self) -> str:
        """The keys joined by dots, without the service they belong to."""
        keys = self.path[2:] if self.path[:1] == ("services",) else self.path
        return ".".join(keys)


@dataclass(frozen=True)
class Finding:
    """One thing that `check` and `pulumi preview` say; the first mark is where to mend it."""

    rule: str
    severity: Severity
    message: str
    why: str
    fix: str
    marks: tuple[Mark, ...] = ()
    service: str | None = None

    @property
    def span(self) -> Span | None:
        """Where the finding is shown, or None when nothing of it stands in a file."""
        return next((mark.span for mark in self.marks if mark.span), None)


def at(field: str, note: str = "", *, key: str | None = None) -> Mark:
    """A mark on a field of the service, `at("engine.maxModelLen", "4096 tokens")`, or on a user's own key below it."""
    return Mark((*field.split("."), *([] if key is None else [key])), note)


def error(message: str, *, why: str, fix: str, marks: Sequence[Mark]) -> Finding:
    """Something that cannot work; the rule that yields it gives it its id."""
    return Finding("", "error", message, why, fix, tuple(marks))


def warning(message: str, *, why: str, fix: str, marks: Sequence[Mark]) -> Finding:
    """Something that works and is hardly meant; it may be waived under `accept`."""
    return Finding("", "warning", message, why, fix, tuple(marks))
