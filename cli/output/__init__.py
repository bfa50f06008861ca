"""Reports in several formats, one module each. Every format has the same content."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from cli.output.formats import render_as
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
    return render_as(form, __name__, reports)
