"""`ascend-vllm smoke`: prove that what was deployed answers correctly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from cli.output.junit import junit
from cli.reach import KeyFileOption, TimeoutOption, UrlOption, duration, run, say
from cli.refusal import refuse_errors
from cli.stacks import StackArgument, open_stack, pick_service
from client.http import UnreachableError
from client.reach import Way, reached
from client.smoke import Check, Smoked, smoke
from models.service.resolved import ResolvedService

VERSION = 1
"""Of the JSON, see docs/reference/smoke-json.md; raised when a key changes its meaning or goes."""

_SIGNS = {"passed": "✓", "failed": "✗", "skipped": "–"}


class SmokeFormat(StrEnum):
    """How the outcome is written."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


WaitOption = Annotated[
    float | None,
    typer.Option(
        "--wait",
        help="Longest wait for a service (default: the service's startup).",
        parser=duration,
        metavar="DURATION",
        show_default=False,
    ),
]


def command(  # noqa: PLR0913  each is an argument of the command line
    stack: StackArgument,
    services: Annotated[
        list[str] | None, typer.Argument(metavar="SERVICE", help="Services of the stack (default: all).")
    ] = None,
    *,
    form: Annotated[SmokeFormat, typer.Option("--format", help="Output format.")] = SmokeFormat.TEXT,
    wait: WaitOption = None,
    url: UrlOption = "",
    api_key_file: KeyFileOption = None,
    timeout: TimeoutOption = "5m",  # type: ignore[assignment]  # parsed by the option
) -> None:
    """Send small requests that show whether the services answer correctly.

    Waits until the services are ready. A check that does not apply is shown as –
    with the reason. No request is sent that would end the engine.

    Exit code 0 if all checks pass, 1 if one fails, 2 for wrong usage, 3 if the
    cluster cannot be read.

    Examples:
      ascend-vllm smoke dev
      ascend-vllm smoke prod qwen2-7b llava --format junit > smoke.xml
      ascend-vllm smoke dev qwen2-7b --url http://localhost:8080 --wait 30s
    """
    resolved = open_stack(stack)
    chosen = [pick_service(resolved, name) for name in services or []] or [*resolved.services]
    for name in services or [""]:
        refuse_errors(resolved, name or None)
    if url and len(chosen) != 1:
        raise CommandError("--url is the address of one service", "name the SERVICE")
    done = []
    width = max((len(service.name) for service in chosen), default=0)
    for service in chosen:
        way = Way(url, api_key_file, timeout, service.startup if wait is None else wait, say)
        done.append(run(_smoke(service, way), service))
        if form is SmokeFormat.TEXT:
            typer.echo(line(done[-1], width))
    if form is not SmokeFormat.TEXT:
        typer.echo(junit(resolved.name, done) if form is SmokeFormat.JUNIT else document(resolved.name, done))
    if not all(one.ok for one in done):
        raise typer.Exit(ExitCode.FOUND)


async def _smoke(service: ResolvedService, way: Way) -> Smoked:
    """The checks of a service; one that does not get ready failed, and one without pods has none to check."""
    if not service.replicas and not way.url:
        return Smoked(service.name, (Check("ready", "skipped", detail="replicas is 0"),))
    found: list[Check] = []
    try:
        async with reached(service, way) as link:
            found += [check async for check in smoke(link, service)]
    except UnreachableError as problem:
        found.append(Check("ready", "failed", way.wait, f"{problem.message}; {problem.fix}"))
    return Smoked(service.name, tuple(found))


def line(smoked: Smoked, width: int = 0) -> str:
    """A service in a line: `qwen2-7b  health ✓ 3 ms · chat ✓ 0.41 s · guided json – (multi-step is on)`."""
    return f"{smoked.service:<{width}}  {' · '.join(map(_shown, smoked.checks))}"


def _shown(check: Check) -> str:
    told = [f"({check.detail})"] if check.detail else []
    if check.seconds is not None and check.state == "passed":
        told = [f"{check.seconds * 1000:.0f} ms" if check.seconds < 0.1 else f"{check.seconds:.2f} s"]
    speed = [f"ttft {check.first * 1000:.0f} ms"] if check.first is not None else []
    speed += [f"{check.tokens_per_second:.0f} tok/s"] if check.tokens_per_second is not None else []
    told += [f"({', '.join(speed)})"] if speed else []
    return " ".join([check.name, _SIGNS[check.state], *told])


def document(stack: str, done: Sequence[Smoked]) -> str:
    """The contract for programs."""
    record = {
        "version": VERSION,
        "stack": stack,
        "services": [{"name": one.service, "ok": one.ok, "checks": [*map(_check, one.checks)]} for one in done],
    }
    return json.dumps(record, indent=2, ensure_ascii=False)


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "state": check.state,
        "seconds": check.seconds,
        "reason": check.detail or None,
        "ttftSeconds": check.first,
        "tokensPerSecond": check.tokens_per_second,
    }
