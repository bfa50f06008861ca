"""`ascend-vllm bench`: how fast a service answers, by the number of requests at once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from cli.output.text import coloured
from cli.reach import KeyFileOption, TimeoutOption, UrlOption, run, say
from cli.refusal import refuse_errors
from cli.stacks import ServiceArgument, StackArgument, open_stack, pick_service
from client.bench import PERCENTILES, Load, Measured, Spread, bench, too_long, warm_up
from client.plot import plot
from client.reach import Way, reached
from client.request import refusal_text
from models.service.resolved import ResolvedService

VERSION = 1
"""Of the JSON, see docs/reference/bench-json.md; raised when a key changes its meaning or goes."""


class BenchFormat(StrEnum):
    """How the measurements are written."""

    TEXT = "text"
    JSON = "json"


def concurrencies(text: str) -> tuple[int, ...]:
    """Numbers of requests at once: `1,4,16`."""
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise typer.BadParameter(f"{text}: expected numbers above 0, such as 8 or 1,4,16")
    return tuple(map(int, parts))


def command(  # noqa: PLR0913  each is an argument of the command line
    stack: StackArgument,
    service: ServiceArgument,
    *,
    concurrency: Annotated[
        Any,
        typer.Option(
            help="Concurrent requests; several numbers are measured in turn.", parser=concurrencies, metavar="N,N,..."
        ),
    ] = "1,4,16",
    requests: Annotated[int, typer.Option(metavar="N", help="Requests of each measurement.", min=1)] = 64,
    input_len: Annotated[int, typer.Option(metavar="N", help="Tokens of each prompt.", min=1)] = 512,
    output_len: Annotated[int, typer.Option(metavar="N", help="Tokens of each answer.", min=1)] = 128,
    form: Annotated[BenchFormat, typer.Option("--format", help="Output format.")] = BenchFormat.TEXT,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--plot", help="Draw throughput and times into this file.", metavar="FILE.svg", show_default=False
        ),
    ] = None,
    url: UrlOption = "",
    api_key_file: KeyFileOption = None,
    timeout: TimeoutOption = "5m",  # type: ignore[assignment]  # parsed by the option
) -> None:
    """Measure first token (TTFT), further tokens (TPOT), latency and throughput.

    Prompts differ and have exactly --input-len tokens. Answers have exactly
    --output-len tokens. One request before the measurement warms up the service.

    Exit code 0 if all requests were answered, 1 if one was not, 2 for wrong usage,
    3 if the service cannot be reached.

    Examples:
      ascend-vllm bench dev qwen2-7b
      ascend-vllm bench prod qwen2-7b --concurrency 1,8,32 --plot qwen2-7b.svg
      ascend-vllm bench prod qwen2-7b --input-len 2048 --format json
    """
    resolved = open_stack(stack)
    refuse_errors(resolved, service)
    picked = pick_service(resolved, service)
    loads = [Load(at_once, max(requests, at_once), input_len, output_len) for at_once in concurrency]
    if finding := too_long(picked, loads[0]):
        typer.echo(coloured(refusal_text(finding)), err=True)
        raise typer.Exit(ExitCode.FOUND)
    if not url:
        say("measured through a port-forward, which is part of the times; --url from inside the cluster leaves it out")
    done = run(_bench(picked, loads, Way(url, api_key_file, timeout, say=say)), picked)
    typer.echo(document(resolved.name, service, done) if form is BenchFormat.JSON else table(service, done))
    if picture:
        _draw(picture, f"{service}: {input_len} + {output_len} tokens", done)
    for error in dict.fromkeys(error for one in done for error in one.errors):
        typer.echo(f"error: {error}", err=True)
    if any(one.errors for one in done):
        raise typer.Exit(ExitCode.FOUND)


async def _bench(service: ResolvedService, loads: Sequence[Load], way: Way) -> list[Measured]:
    async with reached(service, way) as link:
        first = await warm_up(link, service, loads[0])
        if not first.ok:
            raise CommandError(f"the server answers {first.status}: {first.error}", "mend that first", ExitCode.FOUND)
        with _progress(sum(load.requests for load in loads)) as tick:
            return [await bench(link, service, load, tick) for load in loads]


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), "requests", TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)


def _draw(file: Path, title: str, done: Sequence[Measured]) -> None:
    try:
        file.write_text(plot(title, done), encoding="utf-8")
    except OSError as problem:
        message = f"{file} cannot be written: {problem.strerror}"
        raise CommandError(message, "name another file", ExitCode.COULD_NOT_RUN) from None


def table(service: str, done: Sequence[Measured]) -> str:
    """A line for each number of requests at once."""
    load = done[0].load
    head = ("at once", "failed", "req/s", "out tok/s", "all tok/s", "ttft ms", "tpot ms", "latency s")
    rows = [head, *map(_row, done)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    sizes = f"{service}: {load.input_tokens} tokens in, {load.output_tokens} out"
    return "\n".join([f"{sizes}; times as {' / '.join(f'p{percent}' for percent in PERCENTILES)}", *lines])


def _row(one: Measured) -> tuple[str, ...]:
    return (
        str(one.load.concurrency),
        str(len(one.samples) - len(one.good)),
        f"{one.requests_per_second:.2f}",
        f"{one.output_per_second:.0f}",
        f"{one.total_per_second:.0f}",
        _spread(one.first, 1000, 0),
        _spread(one.per_token, 1000, 1),
        _spread(one.latency, 1, 2),
    )


def _spread(spread: Spread | None, scale: float, digits: int) -> str:
    return " / ".join(f"{value * scale:.{digits}f}" for value in spread.percentiles) if spread else "-"


def document(stack: str, service: str, done: Sequence[Measured]) -> str:
    """The contract for programs."""
    record = {"version": VERSION, "stack": stack, "service": service, "measurements": [*map(_measured, done)]}
    return json.dumps(record, indent=2, ensure_ascii=False)


def _measured(one: Measured) -> dict[str, Any]:
    return {
        "concurrency": one.load.concurrency,
        "requests": len(one.samples),
        "failed": len(one.samples) - len(one.good),
        "inputTokens": one.load.input_tokens,
        "outputTokens": one.load.output_tokens,
        "seconds": one.seconds,
        "requestsPerSecond": one.requests_per_second,
        "outputTokensPerSecond": one.output_per_second,
        "totalTokensPerSecond": one.total_per_second,
        "ttftSeconds": _figures(one.first),
        "tpotSeconds": _figures(one.per_token),
        "latencySeconds": _figures(one.latency),
        "errors": one.errors,
    }


def _figures(spread: Spread | None) -> dict[str, float] | None:
    if spread is None:
        return None
    named = {f"p{percent}": value for percent, value in zip(PERCENTILES, spread.percentiles, strict=True)}
    return {"mean": spread.mean, **named}
