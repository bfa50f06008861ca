"""`ascend-vllm drift`: what of a stack was changed in its cluster, and what `pulumi up` would restore."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from changes.drift import Live, drifted
from cli.errors import CommandError, ExitCode
from cli.output.drift import Told, as_json, as_text
from cli.refusal import refuse_errors
from cli.stacks import StackArgument, find_stack, open_stack, stack_names
from models.manifests import Manifest, stack_objects
from models.resolve import ResolvedStack
from operations.cluster import connected
from operations.errors import ClusterError
from operations.made import Made, read_made


class DriftFormat(StrEnum):
    """How drift is written."""

    TEXT = "text"
    JSON = "json"


def command(
    stack: StackArgument,
    form: Annotated[DriftFormat, typer.Option("--format", help="How the drift is written.")] = DriftFormat.TEXT,
) -> None:
    """Show what was changed by hand in a stack's cluster, on which object, and what pulumi up would restore.

    Compares the objects that `render` prints with those of the cluster, field by field, and says who set what differs.
    Replicas that an autoscaler sets and fields that the stack does not give are left to those who set them.

    Read-only. Exit code 0 without drift, 1 with drift, 3 when the cluster cannot be read.

    \b
    Examples:
      ascend-vllm drift prod
      ascend-vllm drift prod --format json | jq -r '.objects[] | "\\(.state) \\(.kind) \\(.name)"'
      ascend-vllm drift prod || pulumi up --refresh --stack prod
    """
    resolved = open_stack(stack)
    refuse_errors(resolved)
    told = told_of(resolved)
    typer.echo(as_json(told) if form is DriftFormat.JSON else as_text(told))
    for what, why in told.unread.items():
        typer.echo(f"not looked at: {what}: {why}", err=True)
    if told.drift.objects:
        raise typer.Exit(ExitCode.FOUND)


def told_of(stack: ResolvedStack) -> Told:
    """The drift of a stack.

    Raises:
        CommandError: The cluster cannot be read.
    """
    wanted, made = read(stack)
    live = Live(made.objects, made.autoscaled, frozenset(_elsewhere(stack)))
    return Told(stack, drifted(wanted, live), made.unread, len(wanted))


def read(stack: ResolvedStack) -> tuple[list[Manifest], Made]:
    """The objects that a stack gives, but for those that may not be read, and the cluster's.

    Raises:
        CommandError: The cluster cannot be read.
    """
    wanted = [*stack_objects(stack)]
    keys = [(item["kind"], item["metadata"]["name"]) for item in wanted]
    try:
        made = asyncio.run(_read(stack, keys))
    except ClusterError as failure:
        raise CommandError(failure.message, failure.fix, ExitCode.COULD_NOT_RUN) from failure
    return [item for item, key in zip(wanted, keys, strict=True) if " ".join(key) not in made.unread], made


async def _read(stack: ResolvedStack, keys: list[tuple[str, str]]) -> Made:
    async with connected(stack.cluster.context, stack.cluster.namespace.name) as reader:
        return await read_made(reader, keys)


def _elsewhere(stack: ResolvedStack) -> Iterator[str]:
    """The services of this project's other stacks that share the namespace."""
    place = (stack.cluster.context, stack.cluster.namespace.name)
    for name in stack_names():
        other = find_stack(name) if name != stack.name else None
        if other and (other.cluster.context, other.cluster.namespace.name) == place:
            yield from (service.name for service in other.services)
            yield from other.broken
