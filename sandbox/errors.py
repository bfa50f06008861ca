"""The one exception of the sandbox: what went wrong, what to do about it, and the exit code it means."""

FOUND_SOMETHING = 1
WRONG_USAGE = 2
COULD_NOT_RUN = 3


class SandboxError(Exception):
    """A failure that a user can act on.

    `message` says what happened, `fix` what to do about it, `exit_code` what the process should return:
    1 the deployment found something, 2 wrong usage, 3 the sandbox could not run.
    """

    def __init__(self, message: str, fix: str, exit_code: int = COULD_NOT_RUN) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.message}\nfix: {self.fix}"
