"""`ascend-vllm drift`: what of a stack was changed in its cluster, and what `pulumi up` would restore."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.errors import ExitCode
from cli.objects import look
from cli.output.drift import Told, as_json, as_text
from cli.refusal import refuse_errors
from cli.stacks import StackArgument, open_stack
from review.drift import drifted


class DriftFormat(StrEnum):
    """How drift is written."""

    TEXT = "text"
    JSON = "json"


def command(
    stack: StackArgument,
    form: Annotated[DriftFormat, typer.Option("--format", help="Output format.")] = DriftFormat.TEXT,
) -> None:
    """Show changes made by hand in a stack's cluster, and how to restore them.

    Compares each field of the objects that `render` prints with the cluster, and
    shows who set the fields that differ. Replicas that an autoscaler sets and
    fields that the stack does not set are not drift.

    Read-only. Exit code 0 without drift, 1 with drift, 3 if the cluster cannot be
    read.

    Examples:
      ascend-vllm drift prod
      ascend-vllm drift prod --format json | jq -r '.objects[].name'
      ascend-vllm drift prod || pulumi up --refresh --stack prod
    """
    resolved = open_stack(stack)
    refuse_errors(resolved)
    wanted, live, unread = look(resolved)
    told = Told(resolved, drifted(wanted, live), unread, len(wanted))
    typer.echo(as_json(told) if form is DriftFormat.JSON else as_text(told))
    for what, why in told.unread.items():
        typer.echo(f"not looked at: {what}: {why}", err=True)
    if told.drift.objects:
        raise typer.Exit(ExitCode.FOUND)
