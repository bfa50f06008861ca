"""Comparisons of stacks in several formats, one module each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib import import_module

from cli.output.diff.comparison import Comparison


class DiffFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    GITHUB = "github"


def render_comparisons(comparisons: Sequence[Comparison], form: DiffFormat) -> str:
    """All comparisons as one text of a format."""
    render: Callable[[Sequence[Comparison]], str] = import_module(
        f"cli.output.diff.{form.value}"
    ).render
    return render(comparisons)
