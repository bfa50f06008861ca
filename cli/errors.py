"""How commands end: the exit codes, and the exception of a command that cannot continue."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command."""

    FINE = 0
    FOUND = 1
    USAGE = 2
    COULD_NOT_RUN = 3


class CommandError(Exception):
    """A command cannot continue: the problem, its fix, and the exit code."""

    def __init__(self, message: str, fix: str, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.code = code


class UnreadableStackError(CommandError):
    """Errors hide so much of a stack file that the stack cannot be compared."""
