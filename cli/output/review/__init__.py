"""Reviews of touched stacks in several formats, one module each."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from importlib import import_module

from cli.output.review.reviewed import Review


class ReviewFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def render_review(review: Review, form: ReviewFormat) -> str:
    """The review of all touched stacks in a format."""
    render: Callable[[Review], str] = import_module(
        f"cli.output.review.{form.value}"
    ).render
    return render(review)
