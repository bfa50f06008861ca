"""`ascend-vllm`: the commands, grouped as the help shows them."""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli.errors import CommandError, ExitCode
from cli.lazy_commands import Entry, LazyGroup
from cli.output.terminal import is_forced
from cli.usage import usage_error

_NAME = "ascend-vllm"
_EXAMPLES = """Examples:
  ascend-vllm check
  ascend-vllm diff prod
  ascend-vllm status prod
"""


class _Program(LazyGroup):
    """All commands, in the order of the help."""

    entries = (
        Entry("init", "Start"),
        Entry("convert", "Start"),
        Entry("check", "Check"),
        Entry("rule", "Check"),
        Entry("models", "Check"),
        Entry("schema", "Check"),
        Entry("lock", "Check"),
        Entry("checksums", "Check"),
        Entry("manifest", module="checksums", hidden=True),  # its old name
        Entry("script", "Review"),
        Entry("render", "Review"),
        Entry("diff", "Review"),
        Entry("capacity", "Review"),
        Entry("plan", "Review"),
        Entry("migrate", "Review"),
        Entry("touched", "Pull requests"),
        Entry("review", "Pull requests"),
        Entry("github", "Pull requests"),
        Entry("upgrade", "Operate"),
        Entry("status", "Operate"),
        Entry("smoke", "Operate"),
        Entry("request", "Operate"),
        Entry("bench", "Operate"),
        Entry("compare", "Operate"),
        Entry("drift", "Operate"),
        Entry("dashboard", "Operate"),
        Entry("sandbox", "Laptop"),
    )


app = typer.Typer(
    name=_NAME,
    help="Check, review, deploy and test vLLM services on Ascend NPUs in Kubernetes.",
    epilog=_EXAMPLES,
    cls=_Program,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
