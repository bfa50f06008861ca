"""`ascend-vllm touched`: which stacks a change touches, so that a pipeline looks at those and at no others."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.output.table import columns
from cli.revision import Revision, revision
from cli.stacks import find_stack, names_of, stack_names
from models.stack_file.load import Read, disk, read_project

VERSION = 1
"""Of the JSON; raised when a key changes its meaning or goes."""

PROGRAM = ("__main__.py", "cluster", "components", "models", "pyproject.toml", "uv.lock")
"""What every stack is deployed with; paths in the project's directory."""

_MOST_FILES = 3


class TouchedFormat(StrEnum):
    """How the stacks are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@dataclass(frozen=True)
class Touched:
    """A stack that a change touches."""

    name: str
    files: tuple[str, ...]
    """What is read for it and differs: its stack file, its base file, Pulumi.yaml, a config.json, a manifest."""
    program: tuple[str, ...]
    """What of the program differs, which touches every stack."""

    @property
    def because(self) -> str:
        """The files in a line; many are counted."""
        files = [*self.files, *self.program]
        more = len(files) - _MOST_FILES
        return ", ".join(files[:_MOST_FILES]) + (f" and {more} more" if more > 0 else "")


AgainstOption = Annotated[
    str | None,
    typer.Option("--against", metavar="REF", help="Compare with this commit (default: main, origin/main or HEAD)."),
]


def command(
    against: AgainstOption = None,
    form: Annotated[TouchedFormat, typer.Option("--format", help="Output format.")] = TouchedFormat.TEXT,
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
    base = revision(against, Path())
    found = touched(base)
    if form is TouchedFormat.JSON:
        typer.echo(document(base, found))
    elif form is TouchedFormat.GITHUB:
        typer.echo(f"stacks={json.dumps([one.name for one in found], separators=(',', ':'))}")
    elif found:
        typer.echo("\n".join(columns((one.name, one.because) for one in found)))
    else:
        typer.echo(f"no stack is touched since {base.name} ({base.commit[:10]})", err=True)


def touched(base: Revision) -> list[Touched]:
    """The stacks of the worktree and of a revision for which something else is read now, by name.

    Raises:
        CommandError: A file cannot be read.
    """
    program = tuple(base.changed(Path(), PROGRAM))
    before = names_of(base.names(Path(read_project(Path(), base.read).config_directory)))
    names = sorted({*stack_names(), *before})
    every = [Touched(name, tuple(_differing(name, base)), program) for name in names]
    return [one for one in every if one.files or one.program]


def document(base: Revision, found: Sequence[Touched]) -> str:
    """The stacks for programs."""
    stacks = [{"name": one.name, "files": one.files, "program": one.program} for one in found]
    return json.dumps({"version": VERSION, "against": base.commit, "stacks": stacks}, indent=2, ensure_ascii=False)


def _differing(name: str, base: Revision) -> Iterator[str]:
    """The files that are read for a stack and have another text, or are not there, in the revision."""
    now, before = _texts(name, disk), _texts(name, base.read)
    yield from (file for file in sorted({*now, *before}) if now.get(file) != before.get(file))


def _texts(name: str, read: Read) -> dict[str, str]:
    """What is read for a stack: the text of each file that there is."""
    texts: dict[str, str] = {}

    def remembered(file: Path) -> str:
        text = read(file)
        texts[os.path.normpath(file)] = text
        return text

    find_stack(name, remembered)
    return texts
