"""`ascend-vllm`: the commands, grouped as the help shows them."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from cli import (
    bench,
    capacity,
    check,
    convert,
    diff,
    drift,
    github,
    manifest,
    models,
    rehearse,
    render,
    request,
    review,
    rule,
    sandbox,
    schema,
    script,
    smoke,
    status,
    touched,
)
from cli.errors import CommandError, ExitCode

app = typer.Typer(
    name="ascend-vllm",
    help="Ascend-vLLM inference services on Kubernetes: check, review and try stacks before they cost NPUs.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check", rich_help_panel="Check")(check.command)
app.command("rule", rich_help_panel="Check")(rule.command)
app.command("models", rich_help_panel="Check")(models.command)
app.command("schema", rich_help_panel="Check")(schema.command)
app.command("manifest", rich_help_panel="Check")(manifest.command)
app.command("script", rich_help_panel="Review")(script.command)
app.command("render", rich_help_panel="Review")(render.command)
app.command("diff", rich_help_panel="Review")(diff.command)
app.command("capacity", rich_help_panel="Review")(capacity.command)
app.command("convert", rich_help_panel="Review")(convert.command)
app.command("touched", rich_help_panel="Pull requests")(touched.command)
app.command("review", rich_help_panel="Pull requests")(review.command)
app.add_typer(github.app, name="github", rich_help_panel="Pull requests")
app.command("status", rich_help_panel="Operate")(status.command)
app.command("smoke", rich_help_panel="Operate")(smoke.command)
app.command("request", rich_help_panel="Operate")(request.command)
app.command("bench", rich_help_panel="Operate")(bench.command)
app.command("drift", rich_help_panel="Operate")(drift.command)
sandbox.app.command("rehearse")(rehearse.command)
app.add_typer(sandbox.app, name="sandbox", rich_help_panel="Laptop")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ascend-vllm {version('ascend-vllm')}")
        raise typer.Exit


@app.callback()
def _options(
    directory: Annotated[
        Path | None, typer.Option("--cwd", "-C", help="Run as if started in this directory.", metavar="DIRECTORY")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if directory:
        try:
            os.chdir(directory)
        except OSError as problem:
            raise CommandError(f"{directory}: {problem.strerror}", "name a directory") from None


def main() -> None:
    """Run the command line; failures that a user can mend end without a traceback."""
    try:
        app()
    except CommandError as failure:
        typer.echo(f"error: {failure.message}\nfix: {failure.fix}", err=True)
        sys.exit(failure.code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.FOUND)
    except OSError as problem:
        sys.stderr.write(
            f"error: the output cannot be written: {problem.strerror}\nfix: make room, or write elsewhere\n"
        )
        os._exit(ExitCode.COULD_NOT_RUN)  # what is buffered cannot be written either
