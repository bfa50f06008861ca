"""Arguments and options that several commands have, with their completion in the shell."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.models import OptionInfo

from cli.inputs.completion import complete_revision, complete_service, complete_stack

StackArgument = Annotated[
    str,
    typer.Argument(
        metavar="STACK",
        help="Name of a stack, a stack file, or - for stdin.",
        autocompletion=complete_stack,
    ),
]
StacksArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STACK",
        help="Names of stacks or stack files (default: all of the project).",
        autocompletion=complete_stack,
    ),
]
ServiceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SERVICE",
        help="Service of the stack.",
        autocompletion=complete_service,
    ),
]
ServicesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SERVICE",
        help="Services of the stack (default: all).",
        autocompletion=complete_service,
    ),
]
AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="REF",
        help="Compare with this commit (default: main, origin/main or HEAD).",
        autocompletion=complete_revision,
    ),
]


def from_option(help_text: str) -> OptionInfo:
    """The option `--from`, which names what runs before an update."""
    option: OptionInfo = typer.Option(
        "--from",
        metavar="REVISION",
        help=help_text,
        autocompletion=complete_revision,
    )
    return option
