"""A failed check of the smoke test."""

from __future__ import annotations


class FailedCheckError(Exception):
    """The service behaves differently than expected. The message says how."""


def expect(holds: bool, message: str) -> None:
    """Fail a check unless a condition holds.

    Raises:
        FailedCheckError: The condition does not hold.
    """
    if not holds:
        raise FailedCheckError(message)
