"""Reviews of touched stacks in several formats, one module each."""

from __future__ import annotations

from enum import StrEnum

from cli.output.formats import render_as
from cli.output.review.reviewed import Review


class ReviewFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def render_review(review: Review, form: ReviewFormat) -> str:
    """The review of all touched stacks in a format."""
    return render_as(form, __name__, review)
