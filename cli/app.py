"""`ascend-vllm`: the commands, grouped as the help shows them."""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli.commands import (
    bench,
    capacity,
    check,
    checksums,
    compare,
    convert,
    dashboard,
    diff,
    drift,
    github,
    init,
    lock,
    migrate,
    models,
    plan,
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
    upgrade,
)
from cli.errors import CommandError, ExitCode
from cli.help import HelpfulGroup, add_command
from cli.output.terminal import is_forced
from cli.usage import usage_error

_NAME = "ascend-vllm"
_EXAMPLES = """Examples:
  ascend-vllm check
  ascend-vllm diff prod
  ascend-vllm status prod
"""

app = typer.Typer(
    name=_NAME,
    help="Check, review, deploy and test vLLM services on Ascend NPUs in Kubernetes.",
    epilog=_EXAMPLES,
    cls=HelpfulGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
add_command(app, "init", rich_help_panel="Start")(init.command)
add_command(app, "convert", rich_help_panel="Start")(convert.command)
add_command(app, "check", rich_help_panel="Check")(check.command)
add_command(app, "rule", rich_help_panel="Check")(rule.command)
add_command(app, "models", rich_help_panel="Check")(models.command)
add_command(app, "schema", rich_help_panel="Check")(schema.command)
add_command(app, "lock", rich_help_panel="Check")(lock.command)
add_command(app, "checksums", rich_help_panel="Check")(checksums.command)
add_command(app, "manifest", hidden=True)(checksums.command)  # its old name
add_command(app, "script", rich_help_panel="Review")(script.command)
add_command(app, "render", rich_help_panel="Review")(render.command)
add_command(app, "diff", rich_help_panel="Review")(diff.command)
add_command(app, "capacity", rich_help_panel="Review")(capacity.command)
add_command(app, "plan", rich_help_panel="Review")(plan.command)
add_command(app, "migrate", rich_help_panel="Review")(migrate.command)
add_command(app, "touched", rich_help_panel="Pull requests")(touched.command)
add_command(app, "review", rich_help_panel="Pull requests")(review.command)
app.add_typer(github.app, name="github", rich_help_panel="Pull requests")
add_command(app, "upgrade", rich_help_panel="Operate")(upgrade.command)
add_command(app, "status", rich_help_panel="Operate")(status.command)
add_command(app, "smoke", rich_help_panel="Operate")(smoke.command)
add_command(app, "request", rich_help_panel="Operate")(request.command)
add_command(app, "bench", rich_help_panel="Operate")(bench.command)
add_command(app, "compare", rich_help_panel="Operate")(compare.command)
add_command(app, "drift", rich_help_panel="Operate")(drift.command)
add_command(app, "dashboard", rich_help_panel="Operate")(dashboard.command)
add_command(sandbox.app, "rehearse")(rehearse.command)
app.add_typer(sandbox.app, name="sandbox", rich_help_panel="Laptop")


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"{_NAME} {version(_NAME)}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Option("--cwd", "-C", help="Run in this directory.", metavar="DIRECTORY"),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    if is_forced():
        context.color = True  # otherwise Typer removes colours from a pipe
    if directory:
        try:
            os.chdir(directory)
        except OSError as problem:
            raise CommandError(
                f"{directory}: {problem.strerror}", "name a directory"
            ) from None


def main() -> None:
    """Run the command line. Expected failures end with a message and its fix, not with a traceback."""
    try:
        code = app(prog_name=_NAME, standalone_mode=False)
    except typer.TyperException as problem:
        code = _report_usage(problem)
    except CommandError as failure:
        code = _report(failure)
    except SystemExit as ended:
        # Typer exits with 1 if the reader closed the output. That is not a result of the command.
        code = ExitCode.COULD_NOT_RUN if ended.code else ExitCode.FINE
    except OSError as problem:
        _report_unwritable_output(problem)
    except Exception:  # noqa: BLE001  Python would end with 1, which a script takes for drift or a failed check
        code = _report_defect()
    sys.exit(code)


def _report_usage(problem: typer.TyperException) -> ExitCode:
    text = problem.format_message()
    if text.startswith("Usage: "):  # a command without arguments prints its help
        typer.echo(text, err=True)
        return ExitCode.USAGE
    return _report(usage_error(problem))


def _report(failure: CommandError) -> ExitCode:
    typer.echo(f"error: {failure.message}\nfix: {failure.fix}", err=True)
    return failure.code


def _report_defect() -> ExitCode:
    """A defect of this program: the traceback, for a bug report."""
    traceback.print_exc()
    problem = "this is a defect of ascend-vllm"
    fix = "report it with the lines above and the stack file"
    return _report(CommandError(problem, fix, ExitCode.COULD_NOT_RUN))


def _report_unwritable_output(problem: OSError) -> NoReturn:
    """End without a flush: the output in the buffer cannot be written either."""
    reason = problem.strerror
    sys.stderr.write(
        f"error: the output cannot be written: {reason}\nfix: free some space, or write elsewhere\n"
    )
    os._exit(ExitCode.COULD_NOT_RUN)
