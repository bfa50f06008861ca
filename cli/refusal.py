"""What commands do with a stack that the rules refuse."""

from __future__ import annotations

import typer

from cli.errors import ExitCode
from cli.output import text
from models.check import check
from models.report import Report
from models.service.resolved import ResolvedStack


def refuse_errors(stack: ResolvedStack, service: str | None = None) -> None:
    """End the command with the errors of a stack, or of one service of it and of what all share.

    Raises:
        typer.Exit: There are errors; they are on standard error.
    """
    report = check(stack)
    concerning = [finding for finding in report.errors if service is None or finding.service in (service, None)]
    if concerning:
        shown = Report(report.stack, report.services, tuple(concerning), (), report.unchecked)
        typer.echo(text.render([shown]), err=True)
        raise typer.Exit(ExitCode.FOUND)
