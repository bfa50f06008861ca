"""The plan of an update in several formats, one module each."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module

from cli.output.plan.planned import PlannedUpdate


class PlanFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def render_plan(planned: PlannedUpdate, form: PlanFormat) -> str:
    """The plan as a text of a format."""
    render: Callable[[PlannedUpdate], str] = import_module(
        f"cli.output.plan.{form.value}"
    ).render
    return render(planned)
