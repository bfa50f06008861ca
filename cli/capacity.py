"""`ascend-vllm capacity`: which NPUs the services of a stack hold, and how each of them is updated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from cli.live import run
from cli.output.text import coloured
from cli.stacks import StackArgument, open_stack
from cluster.capacity import live_findings, live_nodes
from cluster.reader import connected
from cluster.snapshot import Seen
from models.report import finding_text
from models.rules.capacity import packing
from models.service.capacity import Node, Packing
from models.service.deadlines import downtime
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.operation import Recreate
from models.words import counted, duration

VERSION = 1
"""Of the JSON; raised when a key changes its meaning or goes."""

_SHADES = "█▒▓░"


class CapacityFormat(StrEnum):
    """How the capacity is written."""

    TEXT = "text"
    JSON = "json"


def command(
    stack: StackArgument,
    form: Annotated[CapacityFormat, typer.Option("--format", help="How it is written.")] = CapacityFormat.TEXT,
    live: Annotated[bool, typer.Option("--live", help="Show the cluster's own nodes and all that holds NPUs.")] = False,
) -> None:
    """Show which NPUs the services of a stack hold, and how each of them is updated.

    The nodes are those of the stack's pools, with the pods packed as tightly as they can be; the scheduler may spread
    them. An update counts on NPUs only where they are free however the pods are spread.

    Exit code 0 when every pod has a place, 1 when one has none or (with --live) the cluster has fewer NPUs than the
    pools, 2 for wrong usage, 3 when the cluster cannot be reached.

    \b
    Examples:
      ascend-vllm capacity prod
      ascend-vllm capacity prod --format json  # for a program
      ascend-vllm capacity prod --live         # who holds the NPUs now, other teams too
    """
    resolved = open_stack(stack)
    if live:
        _live(resolved, form)
        return
    if not resolved.cluster.pools:
        raise CommandError(f"stack {resolved.name} has no pools", "say under cluster.pools which nodes there are")
    packed = packing(resolved)
    lines = _text(resolved, packed) if form == CapacityFormat.TEXT else [_json(resolved, packed)]
    typer.echo("\n".join(lines))
    for name in resolved.broken:
        typer.echo(f"not counted, since its shape is refused: {name}", err=True)
    if packed.homeless:
        raise typer.Exit(ExitCode.FOUND)


def _live(stack: ResolvedStack, form: CapacityFormat) -> None:
    cluster = stack.cluster
    seen = run(_look(cluster.context, cluster.namespace.name), cluster.context)
    for kind in ("nodes", "pods"):
        if kind in seen.unread:
            message = f"without the {kind} of the cluster nothing is known of its NPUs: {seen.unread[kind]}"
            raise CommandError(message, "ask for a role that may list nodes and all pods", ExitCode.COULD_NOT_RUN)
    nodes = live_nodes(stack, seen)
    findings = [*live_findings(stack, seen, nodes)]
    if form == CapacityFormat.TEXT:
        used = sum(node.npus - node.free for node in nodes)
        total = sum(node.npus for node in nodes)
        typer.echo(f"cluster {cluster.context}: {counted(len(nodes), 'node')}, {used} of {total} NPUs used")
        typer.echo("\n".join(columns(_node_rows(nodes))))
        for finding in findings:
            typer.echo("\n" + coloured(finding_text(finding)))
    else:
        record = {"version": VERSION, "stack": stack.name, "nodes": [_node(node) for node in nodes]}
        told = [{"rule": one.rule, "severity": one.severity, "message": one.message} for one in findings]
        typer.echo(json.dumps({**record, "findings": told}, ensure_ascii=False, indent=2))
    for kind, why in seen.unread.items():
        typer.echo(f"not looked at: {kind}: {why}", err=True)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(ExitCode.FOUND)


async def _look(context: str, namespace: str) -> Seen:
    async with connected(context, namespace) as reader:
        return await reader.look(wide=True)


def pool_lines(stack: ResolvedStack, packed: Packing) -> Iterator[str]:
    """The nodes of each pool with the pods that they hold, and the pods that have no room."""
    for name, pool in stack.cluster.pools.items():
        nodes = [node for node in packed.nodes if node.pool == name]
        used = sum(node.npus - node.free for node in nodes)
        total = pool.nodes * pool.npus_per_node
        size = f"{counted(pool.nodes, 'node')} × {counted(pool.npus_per_node, 'NPU')}"
        yield f"pool {name}: {size}, {used} of {total} used"
        yield from columns(_node_rows(nodes))
    for name, queue in stack.cluster.queues.items():
        held = sum(one.npus * one.replicas for one in stack.services if one.in_queue == name)
        yield f"queue {name}: {held} {f'of {queue.npus} ' if queue.npus else ''}NPUs used"
    for name, pods in Counter(name for name, _ in packed.homeless).items():
        yield f"no room for {counted(pods, 'pod')} of {name}"


def _text(stack: ResolvedStack, packed: Packing) -> Iterator[str]:
    yield from pool_lines(stack, packed)
    yield ""
    yield from columns((service.name, rollout_in_words(service)) for service in stack.services)


def _node_rows(nodes: Sequence[Node]) -> Iterator[tuple[str, ...]]:
    """A line a node; nodes one after the other that hold the same are one line."""
    for pods, same in groupby(nodes, key=lambda node: node.pods):
        alike = [*same]
        name = alike[0].name if len(alike) == 1 else f"{alike[0].name} … {alike[-1].name}"
        services = ", ".join(f"{service} ×{count}" if count > 1 else service for service, count in _counted(pods))
        yield f"  {name}", _bar(alike[0]), services


def _bar(node: Node) -> str:
    """A character an NPU, another shade for the next service."""
    names = [*dict.fromkeys(service for service, _ in node.pods)]
    shades = (_SHADES[names.index(service) % len(_SHADES)] * npus for service, npus in node.pods)
    return f"{''.join(shades)}{'·' * node.free}"


def rollout_in_words(service: ResolvedService) -> str:
    """How a service is updated, why, and how long nothing of it answers, as a line of its own."""
    return f"rollout: {update_in_words(service)}"


def update_in_words(service: ResolvedService) -> str:
    """How a service is updated, why, and how long nothing of it answers."""
    rollout = service.rollout
    because = service.origins["rollout.kind"].source
    reason = f" ({because})" if because != "default" else ""
    if isinstance(rollout, Recreate):
        how = "delete first"
    elif rollout.max_surge:
        how = f"surge {rollout.max_surge}"
    else:
        how = f"delete first, {counted(rollout.max_unavailable, 'pod')} at a time"
    down = downtime(service)
    return f"{how}{reason}, {f'downtime up to {duration(down)}' if down else 'no downtime'}"


def _json(stack: ResolvedStack, packed: Packing) -> str:
    record: dict[str, Any] = {
        "version": VERSION,
        "stack": stack.name,
        "nodes": [{**_node(node), "pool": node.pool} for node in packed.nodes],
        "withoutRoom": [{"service": service, "npus": npus} for service, npus in packed.homeless],
        "services": [_service(service) for service in stack.services],
        "notCounted": list(stack.broken),
    }
    return json.dumps(record, ensure_ascii=False, indent=2)


def _node(node: Node) -> dict[str, Any]:
    held = [{"service": service, "npus": npus} for service, npus in node.pods]
    return {"name": node.name, "npus": node.npus, "free": node.free, "pods": held}


def _service(service: ResolvedService) -> dict[str, Any]:
    rollout = service.rollout.model_dump(by_alias=True, exclude_none=True)
    return {
        "name": service.name,
        "npus": service.npus,
        "replicas": service.replicas,
        "queue": service.queue,
        "rollout": {**rollout, "because": service.origins["rollout.kind"].source},
        "downtimeSeconds": downtime(service),
        "startupSeconds": service.startup,
    }


def _counted(pods: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return [*Counter(service for service, _ in pods).items()]


def columns(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Rows as lines whose cells stand below each other."""
    table = [*rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
