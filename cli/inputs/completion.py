"""Completion of arguments in the shell: stacks, services and git revisions.

Completion prints no errors: where something cannot be read, it offers nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import typer

from cli.errors import CommandError
from cli.inputs.stacks import find_stack, service_names, stack_names

_ALWAYS = ("HEAD", "HEAD~1")


def complete_stack(context: typer.Context, incomplete: str) -> list[str]:
    """The stacks of this project."""
    _enter_directory(context)
    return _matching(stack_names(), incomplete)


def complete_service(context: typer.Context, incomplete: str) -> list[str]:
    """The services of the stack that the arguments before name, or of all stacks of the project."""
    _enter_directory(context)
    names: list[str] = []
    for stack in _named_stacks(context) or stack_names():
        names += _services(stack)
    return _matching(dict.fromkeys(names), incomplete)


def complete_revision(context: typer.Context, incomplete: str) -> list[str]:
    """The branches and tags of the repository."""
    _enter_directory(context)
    command = ["git", "for-each-ref", "--format=%(refname:short)"]
    names = []
    with suppress(OSError):
        answer = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
        names = answer.stdout.split()
    return _matching([*_ALWAYS, *names], incomplete)


def _enter_directory(context: typer.Context) -> None:
    """Change to the directory of `-C`, as the command does."""
    directory = context.find_root().params.get("directory")
    if directory:
        with suppress(OSError):
            os.chdir(Path(directory).expanduser())


def _named_stacks(context: typer.Context) -> Sequence[str]:
    named = context.params.get("stack")
    if named:
        return [named]
    # In front of an option without its value, Typer has not yet sorted out the arguments.
    words = context.params.get("stacks") or context.args
    return [word for word in words if not word.startswith("-")]


def _services(name: str) -> list[str]:
    if name == "-":
        return []
    with suppress(CommandError):
        stack = find_stack(name)
        if stack:
            return service_names(stack)
    return []


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
