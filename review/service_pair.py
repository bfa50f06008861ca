"""A service in two stacks, and why its values differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.service.resolved import ResolvedService, ResolvedStack
from review.changes import NO_LONGER_SET
from review.origins import field_source

Source = Callable[[ResolvedStack, ResolvedService, str], str]
"""A function that finds the source of a named value: `field_source`, `flag_source` or `variable_source`."""


@dataclass(frozen=True)
class ServicePair:
    """An old and a new service, each with its stack."""

    old_stack: ResolvedStack
    new_stack: ResolvedStack
    old: ResolvedService
    new: ResolvedService

    def because(
        self,
        source: Source,
        name: str,
        *,
        gone: bool,
    ) -> str:
        """Why a value changed or, if it is gone, why there is none."""
        reason = source(self.new_stack, self.new, name)
        if gone and reason == "default":
            return NO_LONGER_SET
        return reason

    def field(self, name: str, *, gone: bool = False) -> str:
        """Why the value of a field of the stack file changed."""
        return self.because(field_source, name, gone=gone)
