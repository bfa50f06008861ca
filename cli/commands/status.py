"""`ascend-vllm status`: which services of a stack are ready, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from textwrap import fill
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import ServicesArgument, StackArgument
from cli.inputs.stacks import open_stack, pick_service
from cli.live import report_unread, run
from cli.output.fitted import terminal_width
from cli.output.status import StackStatus, document, table
from cli.output.text import coloured
from cli.reach import say
from cli.watch import Screen, watch
from cluster.api.errors import ClusterError
from cluster.api.outage import OutageReport, reported
from cluster.api.reader import SECONDS, Reader, connected
from cluster.kv_transfer import PairState, pair_state
from cluster.service import WatchedService, look
from cluster.snapshot import Snapshot
from cluster.status_text import state_text
from models.service.resolved import ResolvedService, ResolvedStack

_GIVES_UP = f"status gives up after {SECONDS} s without an answer"
_ASKS_AGAIN = "status tries again until it answers, and shows the last state meanwhile"


class StatusFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"


def command(
    stack: StackArgument,
    services: ServicesArgument = None,
    form: Annotated[
        StatusFormat,
        typer.Option(
            "--format",
            "-o",
            help="Output format; wide adds nodes, NPUs and the URL.",
        ),
    ] = StatusFormat.TEXT,
    brief: Annotated[
        bool,
        typer.Option(
            "--brief", "-b", help="Print only the table, without reasons and fixes."
        ),
    ] = False,
    follow: Annotated[
        bool,
        typer.Option(
            "--watch", "-w", help="Show every change until Ctrl-C, including outages."
        ),
    ] = False,
) -> None:
    """Show which services are ready, and why the others are not.

    READY counts the pods that take requests, and UPDATED the pods of the current
    template. For a service over several nodes, both count groups of pods.

    Read-only. Exit code 0 if all services are ready, 1 if one is not, 3 if the
    cluster or a service of the stack file cannot be read.

    Examples:
      ascend-vllm status prod -o wide
      ascend-vllm status prod qwen2-72b --brief --watch
      ascend-vllm status prod --format json | jq -r '.services[].state'
    """
    resolved = open_stack(stack)
    chosen: Sequence[ResolvedService] = resolved.services
    unknown = resolved.broken
    if services:
        unknown = ()
        chosen = [pick_service(resolved, name) for name in services]
    context = resolved.cluster.context
    if follow:
        status = run(_follow(resolved, chosen, form, brief=brief), context)
    else:
        status = run(_read(stack, resolved, chosen), context)
        text = _text(status, form, brief=brief)
        if text:
            typer.echo(text)
    report_unread(status.snapshot.unread)
    for name in unknown:
        typer.echo(f"not shown until its schema errors are fixed: {name}", err=True)
    if not status.is_ready:
        raise typer.Exit(ExitCode.FOUND)
    if unknown:
        raise typer.Exit(ExitCode.COULD_NOT_RUN)


def _text(status: StackStatus, form: StatusFormat, *, brief: bool) -> str:
    if form is StatusFormat.JSON:
        return document(status)
    if not status.states:
        return ""
    wide = form is StatusFormat.WIDE
    parts = [table(status, wide=wide, width=terminal_width())]
    if status.pair:
        parts.append(fill(status.pair.words, terminal_width()))
    not_ready = [state for state in status.states if not state.is_ready]
    if not brief:
        parts += [coloured(state_text(state)) for state in not_ready]
    return "\n\n".join(parts)


async def _read(
    argument: str, stack: ResolvedStack, services: Sequence[ResolvedService]
) -> StackStatus:
    """The states of the services.

    Raises:
        CommandError: The API server does not answer.
        ClusterError: The cluster cannot be read for another reason.
    """
    cluster = stack.cluster
    async with connected(cluster.context, cluster.namespace.name) as reader:
        report = OutageReport(cluster.context, _GIVES_UP, say)
        work = _look(reader, stack, services)
        try:
            return await reported(work, reader.contact, report)
        except ClusterError as problem:
            if not problem.passing:
                raise
            raise _outage(argument, problem) from None


def _outage(argument: str, problem: ClusterError) -> CommandError:
    command = f"ascend-vllm status {argument} --watch"
    return CommandError(
        problem.message,
        f"{problem.fix}; the services keep running, and {command} asks until it answers",
        ExitCode.COULD_NOT_RUN,
    )


async def _follow(
    stack: ResolvedStack,
    services: Sequence[ResolvedService],
    form: StatusFormat,
    *,
    brief: bool,
) -> StackStatus:
    """Show the states whenever they change, until the user interrupts."""
    cluster = stack.cluster
    screen = Screen(
        text=lambda status: _text(status, form, brief=brief),
        is_redrawn=form is not StatusFormat.JSON,
    )
    async with connected(cluster.context, cluster.namespace.name) as reader:
        return await watch(
            lambda: _look(reader, stack, services),
            reader.contact,
            show=screen.show,
            report=OutageReport(cluster.context, _ASKS_AGAIN, say),
        )


async def _look(
    reader: Reader, stack: ResolvedStack, services: Sequence[ResolvedService]
) -> StackStatus:
    watched = [_watched(service) for service in services]
    snapshot, states = await look(reader, watched, wide=True)
    return StackStatus(
        stack=stack.name,
        context=stack.cluster.context,
        services={service.name: service for service in services},
        snapshot=snapshot,
        states=states,
        pair=_pair_state(stack, services, snapshot),
    )


def _pair_state(
    stack: ResolvedStack, services: Sequence[ResolvedService], snapshot: Snapshot
) -> PairState | None:
    """The state of the stack's pair; None if it has none, or if only one of its services is shown."""
    paired = [service for service in services if service.kv_transfer]
    if stack.kv_transfer is None or len(paired) < 2:
        return None
    return pair_state(snapshot, stack.kv_transfer)


def _watched(service: ResolvedService) -> WatchedService:
    return WatchedService(
        name=service.name,
        resource=service.cluster.platform.resource,
        startup=service.startup,
        replicas=service.replicas,
        nodes=service.nodes,
    )
