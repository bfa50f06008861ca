"""The report of a migration: text, JSON and markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from textwrap import wrap

from migrate.report import Change, Consequence, MigratedService, Migration

VERSION = 1
"""Of the JSON document."""

_WIDTH = 80
_COLUMN = 11
"""Characters of the column with the kinds of changes."""

_OPEN = ("weights", "left")
"""Kinds of changes that are left to the user."""


def is_open(service: MigratedService) -> bool:
    """Whether something is left to do for a service."""
    return any(change.kind in _OPEN for change in service.changes)


def text(migration: Migration) -> str:
    """The report for a terminal, in 80 columns."""
    lines: list[str] = []
    for service in migration.services:
        lines.append(f"{service.name}   {service.old} → {service.new}")
        for change in service.changes:
            lines += _entry(change.kind, change.subject, change.outcome)
    if migration.consequences:
        lines.append("around the services")
        for item in migration.consequences:
            lines += _entry(item.topic, item.old, item.new)
    if migration.unchanged:
        lines.append(f"unchanged: {', '.join(migration.unchanged)}")
    return "\n".join(lines)


def _entry(kind: str, subject: str, outcome: str) -> Iterator[str]:
    """A line with the kind and the subject, and indented lines with the outcome."""
    indent = " " * (2 + _COLUMN + 2)
    first = f"  {kind:<{_COLUMN}}  "
    subject_lines = wrap(subject, _WIDTH - len(indent), break_on_hyphens=False) or [""]
    yield first + subject_lines[0]
    for line in subject_lines[1:]:
        yield indent + line
    for line in wrap(outcome, _WIDTH - len(indent) - 2, break_on_hyphens=False):
        yield f"{indent}  {line}"


def markdown(migration: Migration) -> str:
    """The report for a pull request."""
    lines: list[str] = []
    for service in migration.services:
        lines += [
            f"### {service.name}: {service.old} → {service.new}",
            "",
            "| | setting | result |",
            "| --- | --- | --- |",
            *map(_row, service.changes),
            "",
        ]
    if migration.consequences:
        lines += [
            "### Around the services",
            "",
            "| | before | after |",
            "| --- | --- | --- |",
            *map(_consequence_row, migration.consequences),
        ]
    return "\n".join(lines)


def _row(change: Change) -> str:
    return f"| {change.kind} | {_code(change.subject)} | {_cell(change.outcome)} |"


def _consequence_row(item: Consequence) -> str:
    return f"| {item.topic} | {_cell(item.old)} | {_cell(item.new)} |"


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def document(migration: Migration) -> str:
    """The report as JSON. The text of the stack file is not in it."""
    content = {
        "version": VERSION,
        "stack": migration.stack,
        "file": migration.file,
        "services": [asdict(service) for service in migration.services],
        "consequences": [asdict(item) for item in migration.consequences],
        "unchanged": list(migration.unchanged),
    }
    return json.dumps(content, indent=1, ensure_ascii=False)
