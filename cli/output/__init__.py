"""Reports in several formats, one module each. Every format has the same content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib import import_module

from models.report import Report


class Format(StrEnum):
    """Output formats of reports."""

    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def render_reports(reports: Sequence[Report], form: Format) -> str:
    """All reports as one text of a format."""
    render: Callable[[Sequence[Report]], str] = import_module(
        f"cli.output.{form.value}"
    ).render
    return render(reports)
