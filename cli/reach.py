"""The options of commands that send requests to a service, and how they end if it cannot be reached."""

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
    """Seconds of a duration as in the stack file: `100s`, `25m`."""
    try:
        return float(seconds(text))
    except ValueError:
        raise typer.BadParameter(
            f"{text}: expected a duration with its unit, such as 100s, 25m or 1h30m"
        ) from None


TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout",
        help="Longest wait for the next byte of an answer.",
        parser=duration,
        metavar="DURATION",
    ),
]


def run(work: Coroutine[Any, Any, Result], service: ResolvedService) -> Result:
    """Run work that needs a service.

    Raises:
        CommandError: The service cannot be reached, or a file of the user cannot be read.
    """
    return run_in(work, service.cluster.context)


def run_in(work: Coroutine[Any, Any, Result], context: str) -> Result:
    """Run work that needs servers, with the cluster of a context if it has one.

    Raises:
        CommandError: A server cannot be reached, or a file of the user cannot be read.
    """
    try:
        return live.run(work, context)
    except UnreachableError as problem:
        raise CommandError(
            problem.message, problem.fix, ExitCode.COULD_NOT_RUN
        ) from None
    except BadInputError as problem:
        raise CommandError(problem.message, problem.fix) from None


def say(line: str) -> None:
    """Print a remark on standard error, because standard output is for data."""
    typer.echo(line, err=True)
