"""The record from which all formats of `diff` are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.finding import Finding
from models.report import Report
from models.service.resolved import ResolvedStack
from review import StackChange
from review.stepwise import Stepwise


@dataclass(frozen=True)
class Comparison:
    """Two stacks, their names, and their differences."""

    change: StackChange
    old: ResolvedStack
    new: ResolvedStack
    against: str
    """Name of the first: a revision (`main`), or a stack."""
    argument: str
    """The second as the user named it."""
    report: Report
    """The findings of `check` in the second."""
    gone: bool = False
    """Whether the second is empty because its file is deleted."""
    stepwise: Stepwise | None = None
    """The update in steps; None if a single `pulumi up` has no downtime, or the stack has no pools."""

    @property
    def errors(self) -> Sequence[Finding]:
        """The findings because of which `pulumi up` refuses the second."""
        return self.report.errors
