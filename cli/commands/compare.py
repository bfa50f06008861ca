"""`ascend-vllm compare`: whether one server may take the place of another, by its answers and its speed."""

from __future__ import annotations

import secrets
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.comparison.run import (
    CompareKind,
    Language,
    Pair,
    Target,
    compared,
    questions_of,
    refuse_too_few,
)
from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import StackArgument
from cli.inputs.completion import complete_service
from cli.inputs.stacks import open_stack, pick_service
from cli.output import comparison as output
from cli.output.comparison_junit import junit
from cli.output.comparison_markdown import markdown
from cli.reach import KeyFileOption, TimeoutOption, run_in, say
from cli.refusal import refuse_errors
from client.comparison.run import Comparison
from client.comparison.speed import SpeedLoad
from client.comparison.verdict import NotComparableError
from client.reach import ConnectOptions

_SEEDS = 1_000_000
"""Number of seeds to choose from."""


class CompareFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    JUNIT = "junit"


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
    selected = questions_of(pair, questions, language)
    refuse_too_few(rounds, len(selected), pair.limits)
    if seed is None:
        seed = secrets.randbelow(_SEEDS)
    load = SpeedLoad(rounds, requests, concurrency, seed)
    try:
        comparison = run_in(compared(pair, selected, load, kind), pair.context)
    except NotComparableError as problem:
        raise CommandError(
            str(problem),
            "check that A answers: ascend-vllm smoke, or ask other questions",
            ExitCode.COULD_NOT_RUN,
        ) from None
    typer.echo(_report(comparison, form))
    if comparison.verdict.word == "hold":
        raise typer.Exit(ExitCode.FOUND)


def _addresses(first: str, second: str, options: ConnectOptions) -> Pair:
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
    return Pair(
        a=Target(first, replace(options, url=first)),
        b=Target(second, replace(options, url=second)),
    )


def _services(
    stack: str,
    first: str,
    second: str,
    options_a: ConnectOptions,
    options_b: ConnectOptions,
) -> Pair:
    """Two services of a stack. Errors of other services do not matter."""
    resolved = open_stack(stack)
    for name in (first, second):
        refuse_errors(resolved, name)
    return Pair(
        a=Target(first, options_a, pick_service(resolved, first)),
        b=Target(second, options_b, pick_service(resolved, second)),
        stack=resolved,
    )


def _report(comparison: Comparison, form: CompareFormat) -> str:
    if form is CompareFormat.JSON:
        return output.document(comparison)
    if form is CompareFormat.MARKDOWN:
        return markdown(comparison)
    if form is CompareFormat.JUNIT:
        return junit(comparison)
    return output.text(comparison)
