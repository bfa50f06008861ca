"""How commands end for a stack with errors."""

from __future__ import annotations

import sys
from dataclasses import replace

import typer

from cli.errors import ExitCode
from cli.output import text
from models.check import check
from models.service.resolved import ResolvedStack


def refuse_errors(
    stack: ResolvedStack,
    service: str | None = None,
    code: ExitCode = ExitCode.COULD_NOT_RUN,
) -> None:
    """Print the errors of a stack on standard error, and end.

    Args:
        stack: The stack.
        service: Only errors of this service and of the stack as a whole; None for all errors.
        code: The exit code. For a command with its own verdict, such as drift, it means that the command could not run.

    Raises:
        typer.Exit: There are errors.
    """
    report = check(stack)
    errors = report.errors
    if service is not None:
        errors = tuple(
            finding for finding in errors if finding.service in (service, None)
        )
    if not errors:
        return
    refused = replace(report, findings=errors, accepted=())
    typer.echo(text.render([refused], sys.stderr), err=True)
    raise typer.Exit(code)
