"""The comparison of an upgrade: the next launch of a service with the present one."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path

import typer

from cli.comparison.run import Pair, Target, compared, questions_of, refuse_too_few
from cli.errors import CommandError, ExitCode
from cli.inputs.named_files import write_named
from cli.output import comparison as output
from cli.reach import run_in, say
from client.comparison.run import Comparison
from client.comparison.speed import SpeedLoad
from client.comparison.verdict import NotComparableError
from client.reach import ConnectOptions
from models.service.companion import companion_name
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.keys.update import UpdateByComparison
from models.words import duration

_REQUESTS = 8
"""Requests of each measurement, as many as `ascend-vllm compare` sends."""

_CONCURRENCY = 4
"""Concurrent requests, as many as `ascend-vllm compare` sends."""

_SEEDS = 1_000_000
"""Number of seeds to choose from."""


@dataclass(frozen=True)
class NextLaunch:
    """A service whose next launch is compared with the present one."""

    wanted: ResolvedService
    """The service in the wanted stack, with the limits of the comparison."""
    stack: ResolvedStack
    """The stack in which both launches run."""
    report: Path
    """The file for the report."""
    key_file: Path | None = None
    """A file with the API key."""

    @property
    def update(self) -> UpdateByComparison:
        """How the launch is replaced.

        Raises:
            TypeError: The launch is replaced in place.
        """
        if not isinstance(self.wanted.update, UpdateByComparison):
            raise TypeError(self.wanted.name)
        return self.wanted.update

    @property
    def pair(self) -> Pair:
        """Both launches."""
        options = ConnectOptions(key_file=self.key_file, say=say)
        name = self.wanted.name
        companion = companion_name(name)
        return Pair(
            a=Target(name, options, self.stack.service(name)),
            b=Target(companion, options, self.stack.service(companion)),
            stack=self.stack,
            own_limits=self.wanted.compare,
        )


def refuse_unready(launch: NextLaunch) -> None:
    """End the command before the first step if the comparison could not be made.

    Raises:
        CommandError: There are too few questions or rounds.
        typer.Exit: The file with the questions has problems, which are printed.
    """
    questions = questions_of(launch.pair, None, None)
    key = f"services.{launch.wanted.name}.update.rounds:"
    limits = launch.wanted.compare
    refuse_too_few(launch.update.rounds, len(questions), limits, key)


def hold_of(launch: NextLaunch) -> str:
    """Compare both launches, print the report and write it to its file.

    Returns:
        Why the next launch does not take the requests; empty if it does.

    Raises:
        CommandError: The comparison could not be made.
    """
    comparison = _comparison(launch)
    typer.echo(output.text(comparison))
    _write_report(launch.report, output.document(comparison) + "\n")
    typer.echo(f"the report with all answers is in {launch.report}")
    if comparison.verdict.word == "promote":
        return ""
    return "; ".join(reason.text for reason in comparison.verdict.reasons)


def _write_report(file: Path, text: str) -> None:
    try:
        write_named(file, text)
    except OSError as problem:
        raise CommandError(
            f"{file} cannot be written: {problem.strerror}",
            "remove it, and make its directory writable; the same command compares again",
            ExitCode.COULD_NOT_RUN,
        ) from None


def _comparison(launch: NextLaunch) -> Comparison:
    try:
        return run_in(_within_timeout(launch), launch.pair.context)
    except NotComparableError as problem:
        raise CommandError(
            str(problem),
            f"check that {launch.wanted.name} answers: ascend-vllm smoke",
            ExitCode.COULD_NOT_RUN,
        ) from None
    except TimeoutError:
        raise CommandError(
            f"the comparison has not ended within {duration(launch.update.timeout)}",
            "deploy a larger update.timeout or fewer rounds in a new upgrade, after --back",
            ExitCode.COULD_NOT_RUN,
        ) from None


async def _within_timeout(launch: NextLaunch) -> Comparison:
    update = launch.update
    questions = questions_of(launch.pair, None, None)
    seed = secrets.randbelow(_SEEDS)
    load = SpeedLoad(update.rounds, _REQUESTS, _CONCURRENCY, seed)
    async with asyncio.timeout(update.timeout):
        return await compared(launch.pair, questions, load, None)
