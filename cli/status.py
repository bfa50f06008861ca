"""`ascend-vllm status`: which services of a stack are ready, and why the others are not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.errors import ExitCode
from cli.live import run
from cli.output.text import coloured
from cli.stacks import StackArgument, open_stack, pick_service
from cluster.reader import connected
from cluster.service import State, Wanted, look
from cluster.snapshot import Seen
from cluster.status_text import state_text
from models.service.resolved import ResolvedService, ResolvedStack
from models.words import duration

VERSION = 1
"""Of the JSON, see docs/reference/status-json.md; raised when a key changes its meaning or goes."""


class StatusFormat(StrEnum):
    """How the status is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class Told:
    """What was found out of the services of a stack."""

    stack: str
    context: str
    seen: Seen
    states: tuple[State, ...]


def command(
    stack: StackArgument,
    services: Annotated[
        list[str] | None, typer.Argument(metavar="SERVICE", help="Services of the stack (default: all).")
    ] = None,
    form: Annotated[StatusFormat, typer.Option("--format", help="Output format.")] = StatusFormat.TEXT,
    brief: Annotated[
        bool, typer.Option("--brief", "-b", help="Print only the table, without reasons and fixes.")
    ] = False,
) -> None:
    """Show which services are ready, and why the others are not.

    Read-only. Exit code 0 if all services are ready, 1 if one is not, 3 if the
    cluster cannot be read.

    Examples:
      ascend-vllm status prod
      ascend-vllm status prod qwen2-72b --brief
      ascend-vllm status prod --format json | jq -r '.services[].state'
    """
    resolved = open_stack(stack)
    chosen = [pick_service(resolved, name) for name in services or []] or resolved.services
    told = run(_ask(resolved, chosen), resolved.cluster.context)
    if form is StatusFormat.JSON:
        typer.echo(json.dumps(document(told), indent=2, ensure_ascii=False))
    elif told.states:
        typer.echo(table(told))
        for state in () if brief else told.states:
            if not state.is_ready:
                typer.echo("\n" + coloured(state_text(state)))
    for kind, why in told.seen.unread.items():
        typer.echo(f"not read: {kind}: {why}", err=True)
    if not all(state.is_ready for state in told.states):
        raise typer.Exit(ExitCode.FOUND)


async def _ask(stack: ResolvedStack, services: Sequence[ResolvedService]) -> Told:
    cluster = stack.cluster
    wanted = [
        Wanted(service.name, cluster.platform.resource, service.startup, service.replicas) for service in services
    ]
    async with connected(cluster.context, cluster.namespace.name) as reader:
        seen, states = await look(reader, wanted, wide=True)
    return Told(stack.name, cluster.context, seen, states)


def table(told: Told) -> str:
    """One line a service: `qwen2-72b  0/1  Pending  8 min  no node has 8 free NPUs: …`."""
    rows = [
        (
            state.service,
            f"{state.ready}/{state.wanted}",
            state.state,
            duration((told.seen.at - state.since).total_seconds()) if state.since else "",
            " ".join(state.finding.message.split()) if state.finding else "",
        )
        for state in told.states
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[4]]).rstrip() for row in rows)


def document(told: Told) -> dict[str, Any]:
    """The contract for programs."""
    return {
        "version": VERSION,
        "stack": told.stack,
        "context": told.context,
        "namespace": told.seen.namespace,
        "services": [_service(state) for state in told.states],
        "unread": dict(told.seen.unread),
    }


def _service(state: State) -> dict[str, Any]:
    finding = state.finding
    diagnosis = {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "why": finding.why,
        "fix": finding.fix,
        "pod": state.pod or None,
        "log": list(state.log),
    } if finding else None  # fmt: skip
    return {
        "name": state.service,
        "ready": state.ready,
        "replicas": state.wanted,
        "state": state.state,
        "since": state.since.isoformat() if state.since else None,
        "diagnosis": diagnosis,
    }
