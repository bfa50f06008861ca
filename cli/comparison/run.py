"""Compares two servers: services of a stack, or addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.stacks import project_directory
from cli.progress import shown_progress
from client.comparison.block_test import fewest_blocks
from client.comparison.questions import (
    LANGUAGES,
    BadQuestionsError,
    Question,
    built_in,
    read_file,
)
from client.comparison.run import Comparison, compare
from client.comparison.side import Side, described, kind_of
from client.comparison.speed import SpeedLoad
from client.comparison.verdict import alpha_of
from client.http import get, linked
from client.reach import ConnectOptions, given_key, reached
from models.credentials import masked
from models.engines.requests import Kind
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.confined import confined
from models.stack_file.keys.comparison import Compare
from models.stack_file.texts import disk
from models.words import counted


class CompareKind(StrEnum):
    """Kinds of requests to choose from."""

    CHAT = "chat"
    COMPLETE = "complete"
    EMBED = "embed"
    RERANK = "rerank"


class Language(StrEnum):
    """Languages of the built-in questions."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True)
class Target:
    """One of both servers, as the arguments name it."""

    name: str
    """The service, or the address."""
    options: ConnectOptions
    service: ResolvedService | None = None
    """The service of the stack; None for an address without a stack."""


@dataclass(frozen=True)
class Pair:
    """Both servers, with what the stack file says about their comparison."""

    a: Target
    b: Target
    stack: ResolvedStack | None = None
    own_limits: Compare | None = None
    """Limits in place of those of A."""

    @property
    def context(self) -> str:
        """The context of the cluster; empty if the arguments are addresses."""
        if self.stack is None:
            return ""
        return self.stack.cluster.context

    @property
    def limits(self) -> Compare:
        """The limits: those of A, unless others are set."""
        if self.own_limits is not None:
            return self.own_limits
        if self.a.service is None:
            return Compare()
        return self.a.service.compare


def questions_of(
    pair: Pair, file: Path | None, language: Language | None
) -> Sequence[Question]:
    """The questions: of a file of the command line, of the stack file, or the built-in ones.

    Raises:
        CommandError: There is a choice among the built-in questions, which are not asked.
        typer.Exit: A file has problems, which are printed.
    """
    has_file = file is not None or bool(pair.limits.questions)
    if language is not None and has_file:
        raise CommandError(
            "--language selects built-in questions, but the questions come from a file",
            "leave out --language",
        )
    try:
        if file is not None:
            return read_file(file, disk)
        if pair.stack is not None and pair.limits.questions:
            return _questions_of_stack(pair.stack, pair.limits.questions)
    except BadQuestionsError as problem:
        typer.echo("\n".join(f"error: {found}" for found in problem.problems), err=True)
        code = ExitCode.COULD_NOT_RUN if file is None else ExitCode.USAGE
        raise typer.Exit(code) from None
    if language is not None:
        return built_in(language.value)
    questions: list[Question] = []
    for known in LANGUAGES:
        questions += built_in(known)
    return questions


def _questions_of_stack(stack: ResolvedStack, name: str) -> Sequence[Question]:
    """The questions of a file that the stack file names. It is one of the project."""
    directory = Path()
    if stack.file != "-":
        directory = Path(stack.file).parent
    read = confined(disk, directory, project_directory(directory))
    return read_file(directory / name, read)


def refuse_too_few(
    rounds: int, questions: int, limits: Compare, key: str = "--rounds"
) -> None:
    """Refuse a comparison that could not hold B, whatever it shows.

    Args:
        rounds: Rounds of load.
        questions: Number of questions.
        limits: The limits.
        key: The option or the key that sets the rounds.

    Raises:
        CommandError: There are too few questions or rounds.
    """
    fewest = fewest_blocks(alpha_of(limits))
    probability = f"an error probability of {limits.error_probability:g}"
    if 0 < rounds < fewest:
        raise CommandError(
            f"{key} {rounds}: {probability} needs {fewest}",
            f"write {key} {fewest} or more, or {key} 0 for answers only",
        )
    if questions < fewest:
        raise CommandError(
            f"the file has {counted(questions, 'question')}: {probability} needs {fewest}",
            f"write at least {fewest} questions",
        )


async def compared(
    pair: Pair,
    questions: Sequence[Question],
    load: SpeedLoad,
    kind: CompareKind | None,
) -> Comparison:
    """Compare both servers.

    Args:
        pair: Both servers.
        questions: The questions.
        load: The load.
        kind: The kind of requests; by the models and their servers if None.

    Raises:
        CommandError: The servers do different things.
        NotComparableError: A answered too few questions.
        UnreachableError: A server cannot be reached.
    """
    async with _side(pair.a, kind) as a, _side(pair.b, kind) as b:
        if a.has_texts != b.has_texts:
            raise CommandError(
                f"{a.name} and {b.name} do different things: {a.kind} and {b.kind}",
                "name two services that do the same",
            )
        async with shown_progress("compare") as progress:
            return await compare(a, b, questions, load, pair.limits, progress)


@asynccontextmanager
async def _side(target: Target, kind: CompareKind | None) -> AsyncIterator[Side]:
    """Connect to a server."""
    if target.service is not None:
        chosen = Kind(kind) if kind else kind_of(target.service)
        async with reached(target.service, target.options) as link:
            await get(link, target.service.release.health_path)  # to end early
            yield Side(target.name, target.service, link, chosen)
        return
    options = target.options
    key = given_key(options)
    async with linked(options.url, key, timeout=options.timeout) as link:
        service = await described(link)
        yield Side(masked(target.name), service, link, Kind(kind or CompareKind.CHAT))
