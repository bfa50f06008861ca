"""Stacks as the commands name them: a stack's name, a path to a stack file, or `-` for standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from models.service.resolve import resolve
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.load import Read, disk, load_stack, load_text, read_project
from sandbox.plan import CONTEXT_PREFIX, Node, Plan


def stack_names() -> list[str]:
    """The stacks that have a file in this project."""
    directory = Path(read_project(Path()).config_directory)
    return names_of(file.name for file in directory.glob("Pulumi.*.yaml") if not file.is_dir())


def names_of(files: Iterable[str]) -> list[str]:
    """The stacks whose files are among these."""
    ours = (name for name in files if name.startswith("Pulumi.") and name.endswith(".yaml") and name != "Pulumi.yaml")
    return sorted(name.removeprefix("Pulumi.").removesuffix(".yaml") for name in ours)


def open_stack(argument: str) -> ResolvedStack:
    """The stack that an argument names, resolved.

    Raises:
        CommandError: There is no such stack, or its file cannot be read.
    """
    if (found := find_stack(argument)) is not None:
        return found
    known = ", ".join(stack_names()) or "none"
    raise CommandError(f"there is no stack {argument!r}", f"name a stack of this project ({known}) or a file")


def find_stack(argument: str, read: Read = disk) -> ResolvedStack | None:
    """The stack that an argument names, resolved, or None when there is none.

    Args:
        argument: A stack's name, a path to a stack file, or `-`.
        read: Where the texts of files come from; the worktree when left out.

    Raises:
        CommandError: Its file cannot be read.
    """
    if argument == "-":
        return resolve(load_text("stdin", "-", sys.stdin.buffer.read().decode("utf-8", "surrogateescape")))
    file = Path(argument)
    try:
        if is_file(argument):
            name = file.stem.removeprefix("Pulumi.")
            return resolve(load_text(name, argument, read(file), read=read))
        return resolve(load_stack(argument, read=read))
    except FileNotFoundError:
        return None
    except OSError as problem:
        message = f"{argument} cannot be read: {problem.strerror}"
        raise CommandError(message, "name a readable stack file", ExitCode.COULD_NOT_RUN) from None


def is_file(argument: str) -> bool:
    """Whether an argument names a stack file, and not a stack of the project."""
    return argument.endswith((".yaml", ".yml")) or "/" in argument


def open_stacks(arguments: Sequence[str]) -> Iterator[ResolvedStack]:
    """The stacks that are named, or all of this project when none is."""
    names = [*arguments] or stack_names()
    if not names:
        raise CommandError("there is no stack file here", "change to the project's directory, or use -C DIRECTORY")
    for name in names:
        yield open_stack(name)


def pick_service(stack: ResolvedStack, name: str) -> ResolvedService:
    """The service of a stack that an argument names.

    Raises:
        CommandError: The stack has no service of this name.
    """
    service = stack.service(name)
    if service is None:
        known = ", ".join(service.name for service in stack.services) or "none"
        raise CommandError(f"stack {stack.name} has no service {name!r}", f"name one of: {known}")
    return service


def sandbox_plan(stack: str, *, real: bool = False) -> Plan:
    """The sandbox that a stack's context and pools ask for; its first node may be a real one.

    Raises:
        CommandError: The stack's context is not that of a sandbox, or its file is not well formed.
    """
    resolved = open_stack(stack)
    cluster = resolved.cluster
    if any(mark.path[:1] == ("cluster",) for finding in resolved.findings for mark in finding.marks):
        raise CommandError(f"the cluster of stack {stack} is not well formed", f"see: ascend-vllm check {stack}")
    if not cluster.context.startswith(CONTEXT_PREFIX):
        raise CommandError(
            f"stack {stack} belongs to the cluster {cluster.context!r}, which is not a sandbox",
            f"name a stack whose context begins with {CONTEXT_PREFIX}",
        )
    if not cluster.pools:
        raise CommandError(f"stack {stack} has no pools", "say under cluster.pools which nodes the sandbox shall have")
    nodes = tuple(
        Node(f"{name}-{number}", cluster.platform.node_selector, cluster.platform.resource, pool.npus_per_node)
        for name, pool in cluster.pools.items()
        for number in range(1, pool.nodes + 1)
    )
    if real:
        nodes = (replace(nodes[0], real=True), *nodes[1:])
    return Plan(cluster.context.removeprefix(CONTEXT_PREFIX), nodes)


def _complete_stack(incomplete: str) -> list[str]:
    return [name for name in stack_names() if name.startswith(incomplete)]


StackArgument = Annotated[
    str,
    typer.Argument(
        metavar="STACK", help="Name of a stack, a stack file, or - for stdin.", autocompletion=_complete_stack
    ),
]
StacksArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STACK",
        help="Names of stacks or stack files (default: all of the project).",
        autocompletion=_complete_stack,
    ),
]
ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help="Service of the stack.")]
