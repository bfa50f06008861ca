"""`ascend-vllm capacity`: the NPUs that the services of a stack hold, and how each service is updated."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StackArgument
from cli.inputs.stacks import open_stack
from cli.live import report_unread, run
from cli.output.capacity import json, text
from cluster.api.reader import connected
from cluster.npus.capacity import live_findings, live_nodes
from cluster.snapshot import Snapshot
from models.rules.resources.capacity import packing
from models.service.resolved import ResolvedStack


class CapacityFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"


def command(
    stack: StackArgument,
    form: Annotated[
        CapacityFormat, typer.Option("--format", help="Output format.")
    ] = CapacityFormat.TEXT,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Show the nodes of the cluster and all pods that hold NPUs."
        ),
    ] = False,
) -> None:
    """Show which NPUs each service holds, and how each service is updated.

    Pods are packed as tightly as possible onto the nodes of the stack's pools. The
    scheduler may place them differently. A rollout uses additional NPUs only if
    they are free wherever the scheduler places the pods.

    Exit code 0 if every pod has a node, 1 if not or (with --live) if the cluster
    has fewer NPUs than the pools, 2 for wrong usage, 3 if the cluster or a
    service of the stack file cannot be read.

    Examples:
      ascend-vllm capacity prod
      ascend-vllm capacity prod --format json
      ascend-vllm capacity prod --live
    """
    resolved = open_stack(stack)
    if live:
        _show_cluster(resolved, form)
    else:
        _show_pools(resolved, form)


def _show_pools(stack: ResolvedStack, form: CapacityFormat) -> None:
    if not stack.cluster.pools:
        raise CommandError(
            f"stack {stack.name} has no pools", "list the nodes under cluster.pools"
        )
    packed = packing(stack)
    if form is CapacityFormat.JSON:
        typer.echo(json.render(stack, packed))
    else:
        typer.echo(text.render(stack, packed))
    for name in stack.broken:
        typer.echo(f"not counted until its schema errors are fixed: {name}", err=True)
    if packed.homeless:
        raise typer.Exit(ExitCode.FOUND)
    if stack.broken:
        raise typer.Exit(ExitCode.COULD_NOT_RUN)


def _show_cluster(stack: ResolvedStack, form: CapacityFormat) -> None:
    cluster = stack.cluster
    snapshot = run(_read(cluster.context, cluster.namespace.name), cluster.context)
    _refuse_without_nodes_and_pods(snapshot)
    nodes = live_nodes(stack, snapshot)
    findings = list(live_findings(stack, snapshot, nodes))
    if form is CapacityFormat.JSON:
        typer.echo(json.render_live(stack.name, nodes, findings))
    else:
        typer.echo(text.render_live(cluster.context, nodes, findings))
    report_unread(snapshot.unread)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(ExitCode.FOUND)


async def _read(context: str, namespace: str) -> Snapshot:
    async with connected(context, namespace) as reader:
        return await reader.look(wide=True)


def _refuse_without_nodes_and_pods(snapshot: Snapshot) -> None:
    for kind in ("nodes", "pods"):
        if kind in snapshot.unread:
            raise CommandError(
                f"the {kind} of the cluster cannot be read, so its NPUs are unknown: {snapshot.unread[kind]}",
                "request a role that may list nodes and the pods of all namespaces",
                ExitCode.COULD_NOT_RUN,
            )
