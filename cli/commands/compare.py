"""`ascend-vllm compare`: whether one server may take the place of another, by its answers and its speed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StackArgument
from cli.inputs.completion import complete_service
from cli.inputs.stacks import open_stack, pick_service, project_directory
from cli.output import comparison as output
from cli.output.comparison_junit import junit
from cli.output.comparison_markdown import markdown
from cli.progress import shown_progress
from cli.reach import KeyFileOption, TimeoutOption, run_in, say
from cli.refusal import refuse_errors
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
from client.comparison.verdict import NotComparableError, alpha_of
from client.http import get, linked
from client.reach import ConnectOptions, given_key, reached
from models.credentials import masked
from models.engines.requests import Kind
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.confined import confined
from models.stack_file.keys.comparison import Compare
from models.stack_file.texts import disk
from models.words import counted

_SEEDS = 1_000_000
"""Number of seeds to choose from."""


class CompareFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    JUNIT = "junit"


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


FirstArgument = Annotated[
    str,
    typer.Argument(
        metavar="A",
        help="Service that runs today, or the second of two addresses.",
        autocompletion=complete_service,
    ),
]
SecondArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="B",
        help="Service that is to replace it.",
        autocompletion=complete_service,
        show_default=False,
    ),
]
UrlAOption = Annotated[
    str,
    typer.Option(
        "--url-a",
        metavar="URL",
        help="Address of A (default: a port-forward to a pod).",
        show_default=False,
    ),
]
UrlBOption = Annotated[
    str,
    typer.Option(
        "--url-b",
        metavar="URL",
        help="Address of B (default: a port-forward to a pod).",
        show_default=False,
    ),
]
QuestionsOption = Annotated[
    Path | None,
    typer.Option(
        "--questions",
        metavar="FILE",
        help="Your own questions as YAML or JSONL (default: compare.questions of A, then the built-in ones).",
        show_default=False,
    ),
]
LanguageOption = Annotated[
    Language | None,
    typer.Option(
        "--language",
        help="Only the built-in questions of this language.",
        show_default=False,
    ),
]
KindOption = Annotated[
    CompareKind | None,
    typer.Option(
        "--kind",
        help="Kind of the requests (default: by the model of A, and chat for addresses).",
        show_default=False,
    ),
]
RoundsOption = Annotated[
    int,
    typer.Option(
        "--rounds", metavar="N", help="Rounds of load; 0 for answers only.", min=0
    ),
]
RequestsOption = Annotated[
    int,
    typer.Option(
        "--requests", metavar="N", help="Requests of each measurement.", min=1
    ),
]
ConcurrencyOption = Annotated[
    int,
    typer.Option("--concurrency", metavar="N", help="Concurrent requests.", min=1),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        help="Seed of the prompts of the load (default: random).",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class _Target:
    """One of both servers, as the arguments name it."""

    name: str
    """The service, or the address."""
    options: ConnectOptions
    service: ResolvedService | None = None
    """The service of the stack; None for an address without a stack."""


@dataclass(frozen=True)
class _Pair:
    """Both servers, with what the stack file says about their comparison."""

    a: _Target
    b: _Target
    stack: ResolvedStack | None = None

    @property
    def context(self) -> str:
        """The context of the cluster; empty if the arguments are addresses."""
        if self.stack is None:
            return ""
        return self.stack.cluster.context

    @property
    def limits(self) -> Compare:
        """The limits of A."""
        if self.a.service is None:
            return Compare()
        return self.a.service.compare


def command(  # noqa: PLR0913  each is an argument of the command line
    stack: StackArgument,
    first: FirstArgument,
    second: SecondArgument = None,
    *,
    questions: QuestionsOption = None,
    language: LanguageOption = None,
    kind: KindOption = None,
    rounds: RoundsOption = 12,
    requests: RequestsOption = 8,
    concurrency: ConcurrencyOption = 4,
    seed: SeedOption = None,
    url_a: UrlAOption = "",
    url_b: UrlBOption = "",
    api_key_file: KeyFileOption = None,
    timeout: TimeoutOption = "5m",  # type: ignore[assignment]  # parsed by the option
    form: Annotated[
        CompareFormat, typer.Option("--format", help="Output format.")
    ] = CompareFormat.TEXT,
) -> None:
    """Compare two servers by answers and speed: promote the second, or hold it.

    A gets each question twice, and B gets it once. The noise between both answers
    of A is the measure for B. The limits are in the stack file, under compare of A.
    A and B are services of a stack, or two addresses without a stack.

    Exit code 0 for promote, 1 for hold, 2 for wrong usage, 3 if the comparison could
    not run.

    Examples:
      ascend-vllm compare prod qwen qwen-next
      ascend-vllm compare prod qwen qwen-next --questions ours.yaml --rounds 20
      ascend-vllm compare http://10.0.0.1:8080 http://10.0.0.2:8080 --rounds 0
    """
    options_a = ConnectOptions(url_a, api_key_file, timeout, say=say)
    options_b = ConnectOptions(url_b, api_key_file, timeout, say=say)
    if second is None:
        if url_a or url_b:
            raise CommandError(
                "--url-a and --url-b are addresses of services", "name STACK A B"
            )
        pair = _addresses(stack, first, options_a)
    else:
        pair = _services(stack, first, second, options_a, options_b)
    selected = _questions(pair, questions, language)
    _refuse_too_few(rounds, len(selected), pair.limits)
    if seed is None:
        seed = secrets.randbelow(_SEEDS)
    load = SpeedLoad(rounds, requests, concurrency, seed)
    try:
        comparison = run_in(_compared(pair, selected, load, kind), pair.context)
    except NotComparableError as problem:
        raise CommandError(
            str(problem),
            "check that A answers: ascend-vllm smoke, or ask other questions",
            ExitCode.COULD_NOT_RUN,
        ) from None
    typer.echo(_report(comparison, form))
    if comparison.verdict.word == "hold":
        raise typer.Exit(ExitCode.FOUND)


def _addresses(first: str, second: str, options: ConnectOptions) -> _Pair:
    """Two servers without a stack.

    Raises:
        CommandError: One of both is not an address.
    """
    for text in (first, second):
        if not text.startswith(("http://", "https://")):
            raise CommandError(
                "B is missing",
                "name STACK A B, or two addresses such as http://HOST:8080",
            )
    return _Pair(
        a=_Target(first, replace(options, url=first)),
        b=_Target(second, replace(options, url=second)),
    )


def _services(
    stack: str,
    first: str,
    second: str,
    options_a: ConnectOptions,
    options_b: ConnectOptions,
) -> _Pair:
    """Two services of a stack. Errors of other services do not matter."""
    resolved = open_stack(stack)
    for name in (first, second):
        refuse_errors(resolved, name)
    return _Pair(
        a=_Target(first, options_a, pick_service(resolved, first)),
        b=_Target(second, options_b, pick_service(resolved, second)),
        stack=resolved,
    )


def _questions(
    pair: _Pair, file: Path | None, language: Language | None
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


def _refuse_too_few(rounds: int, questions: int, limits: Compare) -> None:
    """Refuse a comparison that could not hold B, whatever it shows.

    Raises:
        CommandError: There are too few questions or rounds.
    """
    fewest = fewest_blocks(alpha_of(limits))
    probability = f"an error probability of {limits.error_probability:g}"
    if 0 < rounds < fewest:
        raise CommandError(
            f"--rounds {rounds}: {probability} needs {fewest}",
            f"write --rounds {fewest} or more, or --rounds 0 for answers only",
        )
    if questions < fewest:
        raise CommandError(
            f"the file has {counted(questions, 'question')}: {probability} needs {fewest}",
            f"write at least {fewest} questions",
        )


async def _compared(
    pair: _Pair,
    questions: Sequence[Question],
    load: SpeedLoad,
    kind: CompareKind | None,
) -> Comparison:
    async with _side(pair.a, kind) as a, _side(pair.b, kind) as b:
        if a.has_texts != b.has_texts:
            raise CommandError(
                f"{a.name} and {b.name} do different things: {a.kind} and {b.kind}",
                "name two services that do the same",
            )
        async with shown_progress("compare") as progress:
            return await compare(a, b, questions, load, pair.limits, progress)


@asynccontextmanager
async def _side(target: _Target, kind: CompareKind | None) -> AsyncIterator[Side]:
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


def _report(comparison: Comparison, form: CompareFormat) -> str:
    if form is CompareFormat.JSON:
        return output.document(comparison)
    if form is CompareFormat.MARKDOWN:
        return markdown(comparison)
    if form is CompareFormat.JUNIT:
        return junit(comparison)
    return output.text(comparison)
