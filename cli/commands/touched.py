"""`ascend-vllm touched`: the stacks that a change touches, so that a pipeline checks only those."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.inputs.arguments import AgainstOption
from cli.inputs.revision import Revision, revision
from cli.inputs.stacks import find_stack, names_of, project_directory, stack_names
from cli.output.touched import Touched, document, step_output, text
from models.stack_file.load import Read, disk, read_project

PROGRAM = (
    "__main__.py",
    "cluster",
    "components",
    "models",
    "pyproject.toml",
    "requirements.txt",
    "uv.lock",
)
"""Files and directories of the program that deploys every stack, relative to the project."""


class TouchedFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def command(
    against: AgainstOption = None,
    form: Annotated[
        TouchedFormat, typer.Option("--format", help="Output format.")
    ] = TouchedFormat.TEXT,
) -> None:
    """List the stacks that the worktree changes, with the changed files.

    A changed base file touches every stack that uses it. A change of the program
    touches all stacks. --format github prints one line for the outputs of a step:
    stacks=["dev","prod"].

    Exit code 0 with or without touched stacks, 2 for wrong usage.

    Examples:
      ascend-vllm touched
      ascend-vllm touched --against HEAD~1 --format json
      ascend-vllm touched --against main --format github >> "$GITHUB_OUTPUT"
    """
    base = request_base(against)
    stacks = touched(base)
    if form is TouchedFormat.JSON:
        typer.echo(document(base.commit, stacks))
    elif form is TouchedFormat.GITHUB:
        typer.echo(step_output(stacks))
    elif stacks:
        typer.echo(text(stacks))
    else:
        typer.echo(f"no stack is touched since {base.label}", err=True)


def request_base(against: str | None) -> Revision:
    """The commit where the branch of the worktree left a revision, so that later commits there are no changes here.

    Raises:
        CommandError: There is no git, no repository, or no such commit.
    """
    return revision(against, project_directory()).merge_base()


def touched(base: Revision) -> list[Touched]:
    """The stacks of the worktree and of a revision whose files differ, by name.

    Raises:
        CommandError: A file cannot be read.
    """
    project = project_directory()
    program = tuple(base.changed(project, PROGRAM))
    directory = project / read_project(project, base.read).config_directory
    names = {*stack_names(), *names_of(base.names(directory))}
    stacks = []
    for name in sorted(names):
        files = tuple(_changed_files(name, base))
        if files or program:
            stacks.append(Touched(name, files, program))
    return stacks


def _changed_files(name: str, base: Revision) -> Iterator[str]:
    """The files of a stack that differ from the revision, or exist only on one side."""
    now = _texts(name, disk)
    before = _texts(name, base.read)
    for file in sorted({*now, *before}):
        if now.get(file) != before.get(file):
            yield file


def _texts(name: str, read: Read) -> dict[str, str]:
    """The texts of the files that are read for a stack, by path."""
    texts: dict[str, str] = {}

    def remember(file: Path) -> str:
        text = read(file)
        texts[os.path.normpath(file)] = text
        return text

    find_stack(name, remember)
    return texts
