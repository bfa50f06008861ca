"""The argument of the sandbox commands, and how they report failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.completion import complete_stack
from sandbox.errors import SandboxError

Stack = Annotated[
    str,
    typer.Argument(
        metavar="STACK",
        help="Stack whose context names the sandbox.",
        autocompletion=complete_stack,
    ),
]


def stack_name(stack: str) -> str:
    """The name of a stack for Pulumi, also if the argument is a file of this project."""
    if stack == "-":
        raise CommandError(
            "Pulumi cannot read a stack from standard input",
            "name a stack of this project",
        )
    if stack.endswith((".yaml", ".yml")):
        return Path(stack).stem.removeprefix("Pulumi.")
    return stack


@contextmanager
def reported_failures(
    interrupted: str = "all started processes were stopped",
) -> Iterator[None]:
    """Turn failures of a sandbox into failures of the command line."""
    try:
        yield
    except SandboxError as failure:
        raise CommandError(
            failure.message, failure.fix, ExitCode(failure.exit_code)
        ) from failure
    except KeyboardInterrupt:
        message = f"interrupted; {interrupted}"
        raise CommandError(
            message, "run the same command again", ExitCode.COULD_NOT_RUN
        ) from None
