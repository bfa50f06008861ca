"""`ascend-vllm drift`: the changes made by hand in a stack's cluster, and how to restore them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.errors import ExitCode
from cli.inputs.arguments import StackArgument
from cli.inputs.stacks import open_stack
from cli.live import report_unread
from cli.objects import read_objects
from cli.output.drift import json, text
from cli.output.drift.report import DriftReport
from cli.refusal import refuse_errors
from review.drift import drifted


class DriftFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"


def command(
    stack: StackArgument,
    form: Annotated[
        DriftFormat, typer.Option("--format", help="Output format.")
    ] = DriftFormat.TEXT,
) -> None:
    """Show changes made by hand in a stack's cluster, and how to restore them.

    Compares each field of the objects that `render` prints with the cluster, and
    shows who set the fields that differ. Replicas that an autoscaler sets and
    fields that the stack does not set are not drift.

    Read-only. Exit code 0 without drift, 1 with drift, 3 if the stack file has
    errors or the cluster cannot be read.

    Examples:
      ascend-vllm drift prod
      ascend-vllm drift prod --format json | jq -r '.objects[].name'
      ascend-vllm drift prod; [ $? = 1 ] && pulumi up --refresh --stack prod
    """
    resolved = open_stack(stack)
    refuse_errors(resolved)
    objects = read_objects(resolved)
    drift = drifted(objects.wanted, objects.live)
    report = DriftReport(
        stack=resolved,
        drift=drift,
        unread=objects.unread,
        objects=len(objects.wanted),
    )
    if form is DriftFormat.JSON:
        typer.echo(json.render(report))
    else:
        typer.echo(text.render(report))
    report_unread(objects.unread)
    if drift.objects:
        raise typer.Exit(ExitCode.FOUND)
