"""A difference between the launch or the pod of the files and that of the stack file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """A flag, a variable or a part of the pod that changes."""

    name: str
    old: str | None
    """The value in the files; None if they have none."""
    new: str | None
    """The value of the stack file; None if it sets none."""
    why: str
