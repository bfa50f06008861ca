"""Comparisons of stacks in several formats, one module each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from cli.output.diff.comparison import Comparison
from cli.output.formats import render_as


class DiffFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"


def render_comparisons(comparisons: Sequence[Comparison], form: DiffFormat) -> str:
    """All comparisons as one text of a format."""
    return render_as(form, __name__, comparisons)
