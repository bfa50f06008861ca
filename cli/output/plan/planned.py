"""The record from which all formats of `plan` are written."""

from __future__ import annotations

from dataclasses import dataclass

from review.stepwise import Stepwise


@dataclass(frozen=True)
class PlannedUpdate:
    """The plan of a stack's update."""

    stack: str
    against: str
    """What runs: a revision (`main`), or the context of a cluster."""
    stepwise: Stepwise
