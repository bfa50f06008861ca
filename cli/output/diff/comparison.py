"""What the formats of `diff` are written from."""

from __future__ import annotations

from dataclasses import dataclass

from models.service.resolved import ResolvedStack
from review import StackChange


@dataclass(frozen=True)
class Comparison:
    """Two stacks, what they are called, and what differs."""

    change: StackChange
    old: ResolvedStack
    new: ResolvedStack
    against: str
    """What the first is: a revision (`main`), or a stack."""
    argument: str
    """How the user named the second."""
    errors: int
    """Errors that `check` finds in the second."""
    gone: bool = False
    """Whether the second is empty since its file is gone."""
