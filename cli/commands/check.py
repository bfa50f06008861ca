"""`ascend-vllm check`: the findings of every rule on stack files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StacksArgument
from cli.inputs.completion import complete_service
from cli.inputs.stacks import has_cluster_errors, open_stacks, service_names
from cli.live import report_unread, run
from cli.output import Format, render_reports
from cli.output.values import service_values
from models.check import check
from models.finding import Finding
from models.report import Report
from models.service.resolved import ResolvedStack

ServicesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--service",
        "-s",
        metavar="SERVICE",
        help="Only this service, and the stack as a whole; can be repeated.",
        autocompletion=complete_service,
    ),
]

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
    services: ServicesOption = None,
    live: Annotated[
        bool, typer.Option("--live", help="Also read the cluster of each stack.")
    ] = False,
) -> None:
    """Check stack files against every rule.

    Needs neither a cluster nor Pulumi. With --live, check also reads the cluster of
    each stack: its nodes, queues, kinds of objects, and the objects that the pods
    refer to. It writes nothing. Of Secrets, it reads only the names.

    Exit code 0 without findings, 1 with findings (always 0 with --format sarif), 2
    for wrong usage.

    Examples:
      ascend-vllm check
      ascend-vllm check prod --live --format json
      ascend-vllm check prod -v --service qwen2-7b
    """
    resolved = list(open_stacks(stacks or []))
    chosen = services or _names(resolved)
    _refuse_unknown(resolved, chosen)
    reports = [_report(stack, live) for stack in resolved]
    if services:
        reports = [_part(report, services) for report in reports]
    if verbose:
        for stack in resolved:
            values = [
                service_values(service)
                for service in stack.services
                if service.name in chosen
            ]
            typer.echo("\n".join(values), err=form != Format.TEXT)
    text = render_reports(reports, form)
    if text:
        typer.echo(text)
    if form != Format.SARIF and any(report.findings for report in reports):
        raise typer.Exit(ExitCode.FOUND)


def _names(stacks: Sequence[ResolvedStack]) -> list[str]:
    """The services of all stacks, also those with schema errors."""
    names = []
    for stack in stacks:
        names += service_names(stack)
    return names


def _refuse_unknown(stacks: Sequence[ResolvedStack], chosen: Sequence[str]) -> None:
    """Refuse a service that no stack has."""
    known = _names(stacks)
    for name in chosen:
        if name not in known:
            services = ", ".join(dict.fromkeys(known)) or "none"
            raise CommandError(
                f"no checked stack has a service {name!r}", f"name one of: {services}"
            )


def _part(report: Report, services: Sequence[str]) -> Report:
    """The part of a report about some services and about the stack as a whole."""
    shown = (*services, None)
    findings = [finding for finding in report.findings if finding.service in shown]
    accepted = [waived for waived in report.accepted if waived.finding.service in shown]
    return replace(
        report,
        services=len(set(services)),
        findings=tuple(findings),
        accepted=tuple(accepted),
        unchecked=tuple(name for name in report.unchecked if name in services),
    )


def _report(stack: ResolvedStack, live: bool) -> Report:
    if not live:
        return check(stack)
    return check(stack, _cluster_findings(stack))


def _cluster_findings(stack: ResolvedStack) -> Sequence[Finding]:
    """The differences between a stack and its cluster."""
    from cluster.live_check import check_cluster

    if has_cluster_errors(stack):
        typer.echo(
            f"not read: the cluster of {stack.name}: its section in the stack file has errors",
            err=True,
        )
        return ()
    findings, unread = run(check_cluster(stack), stack.cluster.context)
    report_unread(unread)
    return findings
