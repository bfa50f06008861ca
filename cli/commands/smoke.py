"""`ascend-vllm smoke`: small requests that show whether the services of a stack answer correctly."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.arguments import ServicesArgument, StackArgument
from cli.inputs.stacks import open_stack, pick_service
from cli.output.junit import junit
from cli.output.smoke import document, lines
from cli.reach import KeyFileOption, TimeoutOption, UrlOption, duration, run, say
from cli.refusal import refuse_errors
from client.http import UnreachableError
from client.reach import ConnectOptions, reached
from client.smoke import Check, SmokeResult, smoke
from models.service.resolved import ResolvedService, ResolvedStack


class SmokeFormat(StrEnum):
    """Output formats."""

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
    services: ServicesArgument = None,
    *,
    form: Annotated[
        SmokeFormat, typer.Option("--format", help="Output format.")
    ] = SmokeFormat.TEXT,
    wait: WaitOption = None,
    url: UrlOption = "",
    api_key_file: KeyFileOption = None,
    timeout: TimeoutOption = "5m",  # type: ignore[assignment]  # parsed by the option
) -> None:
    """Send small requests that show whether the services answer correctly.

    Waits until the services are ready. A check that does not apply is shown as –
    with the reason. No request is sent that would end the engine.

    Exit code 0 if all checks pass, 1 if one fails, 2 for wrong usage, 3 if the
    stack file has errors or the cluster cannot be read.

    Examples:
      ascend-vllm smoke dev
      ascend-vllm smoke prod qwen2-7b llava --format junit > smoke.xml
      ascend-vllm smoke dev qwen2-7b --url http://localhost:8080 --wait 30s
    """
    resolved = open_stack(stack)
    chosen = _chosen(resolved, services or [])
    if url and len(chosen) != 1:
        raise CommandError("--url is the address of one service", "name one SERVICE")
    width = max((len(service.name) for service in chosen), default=0)
    results = []
    for service in chosen:
        options = ConnectOptions(
            url=url,
            key_file=api_key_file,
            timeout=timeout,
            wait=service.startup if wait is None else wait,
            say=say,
        )
        result = run(_smoke(service, options), service)
        results.append(result)
        if form is SmokeFormat.TEXT:
            typer.echo("\n".join(lines(result, width)))
    if form is SmokeFormat.JUNIT:
        typer.echo(junit(resolved.name, results))
    if form is SmokeFormat.JSON:
        typer.echo(document(resolved.name, results))
    if not all(result.ok for result in results):
        raise typer.Exit(ExitCode.FOUND)


def _chosen(stack: ResolvedStack, names: Sequence[str]) -> list[ResolvedService]:
    """The named services, or all. Errors of a service that is not chosen do not matter."""
    if not names:
        refuse_errors(stack)
        return list(stack.services)
    for name in names:
        refuse_errors(stack, name)
    return [pick_service(stack, name) for name in names]


async def _smoke(service: ResolvedService, options: ConnectOptions) -> SmokeResult:
    """The checks of a service. A service that does not become ready fails, and one without pods is skipped."""
    if not service.replicas and not options.url:
        skipped = Check("ready", "skipped", detail="replicas is 0")
        return SmokeResult(service.name, (skipped,))
    checks: list[Check] = []
    try:
        async with reached(service, options) as link:
            async for check in smoke(link, service):
                checks.append(check)
    except UnreachableError as problem:
        reason = f"{problem.message}; {problem.fix}"
        checks.append(Check("ready", "failed", options.wait, reason))
    return SmokeResult(service.name, tuple(checks))
