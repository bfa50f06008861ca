"""`ascend-vllm check`: the findings of every rule on stack files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from cli.errors import ExitCode
from cli.live import report_unread, run
from cli.output import Format, render_reports
from cli.output.values import service_values
from cli.stacks import StacksArgument, has_cluster_errors, open_stacks
from cluster.live_check import check_cluster
from models.check import check
from models.finding import Finding
from models.report import Report
from models.service.resolved import ResolvedStack

Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Also print every value with its origin, and the memory fit.",
    ),
]


def command(
    stacks: StacksArgument = None,
    form: Annotated[
        Format, typer.Option("--format", help="Output format.")
    ] = Format.TEXT,
    verbose: Verbose = False,
    live: Annotated[
        bool, typer.Option("--live", help="Also read the cluster of each stack.")
    ] = False,
) -> None:
    """Check stack files against every rule.

    Needs neither a cluster nor Pulumi. With --live, check also reads the cluster of
    each stack: its nodes, queues, kinds of objects, and the objects that the pods
    refer to. It only reads, and of Secrets only their names.

    Exit code 0 without findings, 1 with findings (always 0 with --format sarif), 2
    for wrong usage.

    Examples:
      ascend-vllm check
      ascend-vllm check prod --format json
      ascend-vllm check prod --live
    """
    resolved = list(open_stacks(stacks or []))
    reports = [_report(stack, live) for stack in resolved]
    if verbose:
        for stack in resolved:
            values = [service_values(service) for service in stack.services]
            typer.echo("\n".join(values), err=form != Format.TEXT)
    text = render_reports(reports, form)
    if text:
        typer.echo(text)
    if form != Format.SARIF and any(report.findings for report in reports):
        raise typer.Exit(ExitCode.FOUND)


def _report(stack: ResolvedStack, live: bool) -> Report:
    if not live:
        return check(stack)
    return check(stack, _cluster_findings(stack))


def _cluster_findings(stack: ResolvedStack) -> Sequence[Finding]:
    """The differences between a stack and its cluster."""
    if has_cluster_errors(stack):
        typer.echo(
            f"not read: the cluster of {stack.name}: its section in the stack file has errors",
            err=True,
        )
        return ()
    findings, unread = run(check_cluster(stack), stack.cluster.context)
    report_unread(unread)
    return findings
