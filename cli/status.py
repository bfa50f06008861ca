"""`ascend-vllm status`: which services of a stack are ready, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from cli.arguments import ServicesArgument, StackArgument
from cli.errors import ExitCode
from cli.live import report_unread, run
from cli.output.status import StackStatus, document, table
from cli.output.text import coloured
from cli.stacks import open_stack, pick_service
from cluster.reader import connected
from cluster.service import WatchedService, look
from cluster.status_text import state_text
from models.service.resolved import ResolvedService, ResolvedStack


class StatusFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"


def command(
    stack: StackArgument,
    services: ServicesArgument = None,
    form: Annotated[
        StatusFormat, typer.Option("--format", help="Output format.")
    ] = StatusFormat.TEXT,
    brief: Annotated[
        bool,
        typer.Option(
            "--brief", "-b", help="Print only the table, without reasons and fixes."
        ),
    ] = False,
) -> None:
    """Show which services are ready, and why the others are not.

    Read-only. Exit code 0 if all services are ready, 1 if one is not, 3 if the
    cluster or the part of a service in the stack file cannot be read.

    Examples:
      ascend-vllm status prod
      ascend-vllm status prod qwen2-72b --brief
      ascend-vllm status prod --format json | jq -r '.services[].state'
    """
    resolved = open_stack(stack)
    chosen: Sequence[ResolvedService] = resolved.services
    unknown = resolved.broken
    if services:
        unknown = ()
        chosen = [pick_service(resolved, name) for name in services]
    status = run(_read(resolved, chosen), resolved.cluster.context)
    not_ready = [state for state in status.states if not state.is_ready]
    if form is StatusFormat.JSON:
        typer.echo(document(status))
    elif status.states:
        typer.echo(table(status))
    if form is StatusFormat.TEXT and not brief:
        for state in not_ready:
            typer.echo("\n" + coloured(state_text(state)))
    report_unread(status.snapshot.unread)
    for name in unknown:
        typer.echo(f"not shown until its schema errors are fixed: {name}", err=True)
    if not_ready:
        raise typer.Exit(ExitCode.FOUND)
    if unknown:
        raise typer.Exit(ExitCode.COULD_NOT_RUN)


async def _read(
    stack: ResolvedStack, services: Sequence[ResolvedService]
) -> StackStatus:
    cluster = stack.cluster
    wanted = []
    for service in services:
        request = WatchedService(
            name=service.name,
            resource=cluster.platform.resource,
            startup=service.startup,
            replicas=service.replicas,
        )
        wanted.append(request)
    async with connected(cluster.context, cluster.namespace.name) as reader:
        snapshot, states = await look(reader, wanted, wide=True)
    return StackStatus(
        stack=stack.name,
        context=cluster.context,
        snapshot=snapshot,
        states=states,
    )
