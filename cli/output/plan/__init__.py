"""The plan of an update in several formats, one module each."""

from __future__ import annotations

from enum import StrEnum

from cli.output.formats import render_as
from cli.output.plan.planned import PlannedUpdate


class PlanFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def render_plan(planned: PlannedUpdate, form: PlanFormat) -> str:
    """The plan as a text of a format."""
    return render_as(form, __name__, planned)
