"""The options by which commands reach a service, and how they end when they cannot."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import live
from cli.errors import CommandError, ExitCode
from cli.live import Result
from client.body import BadInputError
from client.http import UnreachableError
from models.record import seconds
from models.service.resolved import ResolvedService

UrlOption = Annotated[
    str,
    typer.Option(
        "--url",
        metavar="URL",
        help="Address of the service, such as http://localhost:8080 (default: a port-forward to a pod).",
        show_default=False,
    ),
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        metavar="FILE",
        help="File with the API key (default: VLLM_API_KEY, then the Secret of the stack).",
        show_default=False,
    ),
]


def duration(text: str) -> float:
    """A time as the stack file has it: `100s`, `25m`."""
    try:
        return float(seconds(text))
    except ValueError:
        raise typer.BadParameter(f"{text}: expected a duration with its unit, such as 100s, 25m or 1h30m") from None


TimeoutOption = Annotated[
    float,
    typer.Option("--timeout", help="Longest wait for the next byte of an answer.", parser=duration, metavar="DURATION"),
]


def run(work: Coroutine[Any, Any, Result], service: ResolvedService) -> Result:
    """Do what needs a service.

    Raises:
        CommandError: It cannot be reached, or what the user gave cannot be read.
    """
    try:
        return live.run(work, service.cluster.context)
    except UnreachableError as problem:
        raise CommandError(problem.message, problem.fix, ExitCode.COULD_NOT_RUN) from None
    except BadInputError as problem:
        raise CommandError(problem.message, problem.fix) from None


def say(line: str) -> None:
    """Talk, which goes to standard error."""
    typer.echo(line, err=True)
