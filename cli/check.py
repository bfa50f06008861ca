"""`ascend-vllm check`: everything that is wrong or doubtful in stack files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from cli.errors import ExitCode
from cli.output import Format, render_reports
from cli.stacks import StacksArgument, open_stacks
from models.check import check
from models.resolve import ResolvedService

Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also print every value of every service and its origin.")
]


def command(
    stacks: StacksArgument = None,
    form: Annotated[Format, typer.Option("--format", help="How the findings are written.")] = Format.TEXT,
    verbose: Verbose = False,
) -> None:
    """Judge stack files by every rule; no cluster, no Pulumi.

    Exit code 0 when nothing is found, 1 when something is (with --format sarif always 0), 2 for wrong usage.

    \b
    Examples:
      ascend-vllm check                     # all stacks of the project
      ascend-vllm check prod --format json  # for a program
      cat Pulumi.prod.yaml | ascend-vllm check -
    """
    resolved = list(open_stacks(stacks or []))
    reports = [check(stack) for stack in resolved]
    if verbose:
        for stack in resolved:
            typer.echo(
                "\n".join(line for service in stack.services for line in _origins(service)), err=form != Format.TEXT
            )
    if text := render_reports(reports, form):
        typer.echo(text)
    if form != Format.SARIF and any(report.findings for report in reports):
        raise typer.Exit(ExitCode.FOUND)


def _origins(service: ResolvedService) -> Iterator[str]:
    """One line a field: its value, and where that comes from."""
    yield service.name
    rows = [(field, _shown(origin.value), origin.source) for field, origin in service.origins.items()]
    width, room = max(len(field) for field, _, _ in rows), max(len(value) for _, value, _ in rows)
    for field, value, source in rows:
        yield f"  {field:<{width}}  {value:<{min(room, 48)}}  {source}"
    yield ""


def _shown(value: object) -> str:
    if value is None or value in ([], {}):
        return "-"
    return str(value).lower() if isinstance(value, bool) else repr(value) if "\n" in str(value) else str(value)
