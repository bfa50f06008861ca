"""Stacks as commands name them: a stack's name, a path to a stack file, or `-` for standard input."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cli.errors import CommandError, ExitCode
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.confined import confined
from models.stack_file.limits import MOST_BYTES
from models.stack_file.load import Read, disk, load_stack, load_text, read_project
from models.stack_file.texts import text_of
from models.words import either


def project_directory(start: Path | None = None) -> Path:
    """The directory of the project: of the nearest Pulumi.yaml, from a directory upwards, as Pulumi finds it.

    Args:
        start: The directory to begin with; the working directory by default.

    Returns:
        A path relative to the working directory; the working directory if there is no project.
    """
    here = Path.cwd()
    first = here / (start or "")
    for directory in (first, *first.parents):
        if (directory / "Pulumi.yaml").is_file():
            return Path(os.path.relpath(directory, here))
    return Path()


def stack_names() -> list[str]:
    """The stacks that have a file in this project."""
    project = project_directory()
    directory = project / read_project(project).config_directory
    files = [file.name for file in directory.glob("Pulumi.*.yaml") if not file.is_dir()]
    return names_of(files)


def names_of(files: Iterable[str]) -> list[str]:
    """The stacks of the stack files among some file names."""
    names = []
    for file in files:
        if (
            file.startswith("Pulumi.")
            and file.endswith(".yaml")
            and file != "Pulumi.yaml"
        ):
            names.append(file.removeprefix("Pulumi.").removesuffix(".yaml"))
    return sorted(names)


def open_stack(argument: str) -> ResolvedStack:
    """The resolved stack that an argument names.

    Raises:
        CommandError: There is no such stack, or its file cannot be read.
    """
    stack = find_stack(argument)
    if stack is None:
        known = ", ".join(stack_names()) or "none"
        kind = "file" if is_file(argument) else "stack"
        raise CommandError(
            f"there is no {kind} {argument!r}",
            f"name a stack of this project ({known}) or a file",
        )
    return stack


def find_stack(argument: str, read: Read = disk) -> ResolvedStack | None:
    """The resolved stack that an argument names, or None if there is no such stack.

    Args:
        argument: A stack's name, a path to a stack file, or `-`.
        read: Reads the text of a file; the default reads the worktree.

    Raises:
        CommandError: Its file cannot be read.
    """
    if argument == "-":
        text = text_of(sys.stdin.buffer.read(MOST_BYTES + 1))
        return resolve(load_text("stdin", "-", text, project=project_directory()))
    try:
        if is_file(argument):
            file = Path(argument)
            name = file.stem.removeprefix("Pulumi.")
            text = confined(read, file.parent, Path())(file)
            _refuse_base_file(argument, text)
            project = project_directory(file.parent)
            return resolve(load_text(name, argument, text, project=project, read=read))
        return resolve(load_stack(argument, project=project_directory(), read=read))
    except FileNotFoundError:
        return None
    except OSError as problem:
        message = f"{argument} cannot be read: {problem.strerror}"
        raise CommandError(
            message, "name a readable stack file", ExitCode.COULD_NOT_RUN
        ) from None


def _refuse_base_file(argument: str, text: str) -> None:
    """End the command if a file has the services of several stacks, and no stack.

    Raises:
        CommandError: It is a base file.
    """
    has_config = re.search(r"^config\s*:", text, re.MULTILINE)
    has_services = re.search(r"^services\s*:", text, re.MULTILINE)
    if has_services and not has_config:
        known = either(stack_names()) if stack_names() else "STACK"
        raise CommandError(
            f"{argument} is a base file, which has services and no stack",
            f"name a stack that uses it under base: {known}",
        )


def is_file(argument: str) -> bool:
    """Whether an argument names a stack file, and not a stack of the project."""
    return argument.endswith((".yaml", ".yml")) or "/" in argument


def open_stacks(arguments: Sequence[str]) -> Iterator[ResolvedStack]:
    """The named stacks, or all stacks of this project if none is named."""
    names = arguments or stack_names()
    if not names:
        raise CommandError(
            "there is no stack file here",
            "change to the project's directory, or use -C DIRECTORY",
        )
    for name in names:
        yield open_stack(name)


def pick_service(stack: ResolvedStack, name: str) -> ResolvedService:
    """The service of a stack that an argument names.

    Raises:
        CommandError: The stack has no service of this name, or the service has schema errors.
    """
    service = stack.service(name)
    if name in stack.broken:
        raise CommandError(
            f"service {name} of stack {stack.name} has schema errors",
            f"run ascend-vllm check {stack.name}",
            ExitCode.COULD_NOT_RUN,
        )
    if service is None:
        known = ", ".join(service.name for service in stack.services) or "none"
        raise CommandError(
            f"stack {stack.name} has no service {name!r}", f"name one of: {known}"
        )
    return service


def has_cluster_errors(stack: ResolvedStack) -> bool:
    """Whether the section `cluster` of the stack file has errors."""
    paths = [mark.path for finding in stack.findings for mark in finding.marks]
    return any(path[:1] == ("cluster",) for path in paths)


def service_names(stack: ResolvedStack) -> list[str]:
    """The services of a stack, including those with schema errors."""
    names = [service.name for service in stack.services]
    return [*names, *stack.broken]
