"""`ascend-vllm bench`: how fast a service answers, by the number of concurrent requests."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import ServiceArgument, StackArgument
from cli.inputs.named_files import write_named
from cli.inputs.stacks import open_stack, pick_service
from cli.output.bench import document, table
from cli.output.text import coloured
from cli.reach import KeyFileOption, TimeoutOption, UrlOption, run, say
from cli.refusal import refuse_errors
from client.bench import Load, Measurement, bench, too_long, warm_up
from client.plot import plot
from client.reach import ConnectOptions, reached
from client.request import refusal_text
from models.service.resolved import ResolvedService

_SEEDS = 1_000_000
"""Number of seeds to choose from."""


class BenchFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"


def concurrencies(text: str) -> tuple[int, ...]:
    """Numbers of concurrent requests: `1,4,16`."""
    numbers = []
    for part in text.split(","):
        if not part.strip().isdecimal() or int(part) == 0:
            raise typer.BadParameter(
                f"{text}: expected numbers above 0, such as 8 or 1,4,16"
            )
        numbers.append(int(part))
    return tuple(numbers)


ConcurrencyOption = Annotated[
    Any,
    typer.Option(
        help="Concurrent requests; several numbers are measured in turn.",
        parser=concurrencies,
        metavar="N,N,...",
    ),
]

RequestsOption = Annotated[
    int, typer.Option(metavar="N", help="Requests of each measurement.", min=1)
]

InputLenOption = Annotated[
    int, typer.Option(metavar="N", help="Tokens of each prompt.", min=1)
]

OutputLenOption = Annotated[
    int, typer.Option(metavar="N", help="Tokens of each answer.", min=1)
]

SeedOption = Annotated[
    int | None,
    typer.Option(
        help="Seed of the prompts; the same seed repeats them (default: random).",
        metavar="N",
        min=0,
        show_default=False,
    ),
]

FormOption = Annotated[BenchFormat, typer.Option("--format", help="Output format.")]

PictureOption = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        help="Draw throughput and times into this file.",
        metavar="FILE.svg",
        show_default=False,
    ),
]


def command(  # noqa: PLR0913  each is an argument of the command line
    stack: StackArgument,
    service: ServiceArgument,
    *,
    concurrency: ConcurrencyOption = "1,4,16",
    requests: RequestsOption = 64,
    input_len: InputLenOption = 512,
    output_len: OutputLenOption = 128,
    seed: SeedOption = None,
    form: FormOption = BenchFormat.TEXT,
    picture: PictureOption = None,
    url: UrlOption = "",
    api_key_file: KeyFileOption = None,
    timeout: TimeoutOption = "5m",  # type: ignore[assignment]  # parsed by the option
) -> None:
    """Measure first token (TTFT), further tokens (TPOT), latency and throughput.

    All prompts differ, also from those of earlier runs, and have exactly
    --input-len tokens. Answers have exactly --output-len tokens. One request before
    the measurement warms up the service.

    Exit code 0 if all requests were answered, 1 if one was not, 2 for wrong usage,
    3 if the stack file has errors or the service cannot be reached.

    Examples:
      ascend-vllm bench dev qwen2-7b
      ascend-vllm bench prod qwen2-7b --concurrency 1,8,32 --plot qwen2-7b.svg
      ascend-vllm bench prod qwen2-7b --input-len 2048 --format json
    """
    resolved = open_stack(stack)
    refuse_errors(resolved, service)
    target = pick_service(resolved, service)
    if seed is None:
        seed = secrets.randbelow(_SEEDS)
    loads = []
    for level, number in enumerate(concurrency):
        load = Load(
            concurrency=number,
            requests=max(requests, number),
            input_tokens=input_len,
            output_tokens=output_len,
            level=level,
            seed=seed,
        )
        loads.append(load)
    _refuse_too_long(target, loads[0])
    if not url:
        say(
            "the times include a port-forward; to measure without it, run it in the cluster with --url"
        )
    options = ConnectOptions(url, api_key_file, timeout, say=say)
    measurements = run(_measure(target, loads, options), target)
    if form is BenchFormat.JSON:
        typer.echo(document(resolved.name, service, measurements))
    else:
        typer.echo(table(service, measurements))
    if picture:
        _draw(picture, f"{service}: {input_len} + {output_len} tokens", measurements)
    _report_errors(measurements)


def _refuse_too_long(service: ResolvedService, load: Load) -> None:
    finding = too_long(service, load)
    if finding:
        typer.echo(coloured(refusal_text(finding), stream=sys.stderr), err=True)
        raise typer.Exit(ExitCode.FOUND)


async def _measure(
    service: ResolvedService, loads: Sequence[Load], options: ConnectOptions
) -> list[Measurement]:
    async with reached(service, options) as link:
        first = await warm_up(link, service, loads[0])
        if not first.ok:
            message = f"the server answers {first.status}: {first.error}"
            raise CommandError(message, "fix this error first", ExitCode.FOUND)
        total = sum(load.requests for load in loads)
        with _progress(total) as advance:
            return [await bench(link, service, load, advance) for load in loads]


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TimeRemainingColumn,
    )

    columns = (BarColumn(), MofNCompleteColumn(), "requests", TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


def _draw(file: Path, title: str, measurements: Sequence[Measurement]) -> None:
    try:
        write_named(file, plot(title, measurements))
    except OSError as problem:
        message = f"{file} cannot be written: {problem.strerror}"
        raise CommandError(
            message, "name another file", ExitCode.COULD_NOT_RUN
        ) from None


def _report_errors(measurements: Sequence[Measurement]) -> None:
    """Print each error once, and end with 1 if there are any."""
    errors = []
    for measurement in measurements:
        errors += measurement.errors
    for error in dict.fromkeys(errors):
        typer.echo(f"error: {error}", err=True)
    if errors:
        raise typer.Exit(ExitCode.FOUND)
