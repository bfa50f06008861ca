"""The record from which all formats of `diff` are written."""

from __future__ import annotations

from dataclasses import dataclass

from models.service.resolved import ResolvedStack
from review import StackChange


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
    errors: int
    """Errors that `check` finds in the second."""
    gone: bool = False
    """Whether the second is empty because its file is deleted."""
