"""Why a stack cannot be migrated."""

from __future__ import annotations


class MigrationError(Exception):
    """A stack cannot be migrated, with a message and a fix."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
