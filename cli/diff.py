"""`ascend-vllm diff`: what changes in words, against a revision or between two environments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode
from cli.objects import look
from cli.output.diff import DiffFormat, render_comparisons
from cli.output.diff.comparison import Comparison
from cli.output.diff.matrix import render_matrix
from cli.revision import Revision, revision
from cli.stacks import StacksArgument, find_stack, is_file, open_stack, open_stacks, stack_names
from models.check import check
from models.service.resolved import ResolvedStack
from review import compare
from review.live import compare_live
from review.preview import read_preview, with_preview

_HARMLESS = ("unknown-key", "duplicate-key", "unused-accept")


def command(
    stacks: StacksArgument = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="REF", help="Compare with this commit (default: main, origin/main or HEAD)."),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Compare the cluster with the stack file.")] = False,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE", help="Add deletions and replacements of `pulumi preview --json`."),
    ] = None,
    form: Annotated[DiffFormat, typer.Option("--format", help="Output format.")] = DiffFormat.TEXT,
    matrix: Annotated[bool, typer.Option("--matrix", help="Show a table of all services and stacks.")] = False,
) -> None:
    """Show changes in words: flags, restarts with reasons, downtime and NPUs.

    With one stack, or without STACK for all stacks: the worktree against a git
    revision. With two stacks: their differences. With --live: what an update
    changes in the cluster.

    Exit code 0 without changes, 1 with changes, 2 for wrong usage, 3 if the cluster
    cannot be read.

    Examples:
      ascend-vllm diff prod
      ascend-vllm diff staging prod
      ascend-vllm diff prod --against HEAD~1 --format markdown
    """
    named = stacks or []
    _refuse_mixtures(named, against=against, live=live, preview=preview, matrix=matrix)
    if matrix:
        typer.echo(render_matrix([*_readable(named)], form))
        return
    comparisons = [_running(named[0])] if live else [*_comparisons(named, against)]
    if preview:
        comparisons = [_with_preview(comparisons[0], preview)]
    typer.echo(render_comparisons(comparisons, form))
    if not all(one.change.is_empty for one in comparisons):
        raise typer.Exit(ExitCode.FOUND)


def _refuse_mixtures(
    named: Sequence[str], *, against: str | None, live: bool, preview: Path | None, matrix: bool
) -> None:
    """Refuse options that do not go together."""
    if matrix and (against or live or preview):
        raise CommandError("a matrix is of the worktree", "leave --against, --live, --preview or --matrix out")
    if live and against:
        raise CommandError("--live compares with what runs, --against with a revision", "leave one of them out")
    if (live or preview) and len(named) != 1:
        option = "--live" if live else "--preview"
        raise CommandError(f"{option} is about one stack", f"name it: ascend-vllm diff STACK {option}")


def _running(name: str) -> Comparison:
    """What runs against the stack file."""
    stack = open_stack(name)
    _refuse_unreadable(stack, stack.name)
    seen = look(stack)
    for what, why in seen.unread.items():
        typer.echo(f"not looked at: {what}: {why}", err=True)
    change, running = compare_live(stack, seen.live, seen.wanted)
    typer.echo(f"what runs in {stack.cluster.context}, namespace {stack.cluster.namespace.name}", err=True)
    return Comparison(change, running, stack, stack.cluster.context, name, len(check(stack).errors))


def _with_preview(comparison: Comparison, file: Path) -> Comparison:
    try:
        preview = read_preview(json.loads(file.read_text(encoding="utf-8")))
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem.strerror}", "name a readable file") from None
    except ValueError as problem:
        fix = "write one: pulumi preview --stack STACK --json > FILE"
        raise CommandError(f"{file} is no preview: {problem}", fix) from None
    if preview.stack != comparison.new.name:
        message = f"{file} is a preview of stack {preview.stack}, not of {comparison.new.name}"
        raise CommandError(message, f"pulumi preview --stack {comparison.new.name} --json")
    return replace(comparison, change=with_preview(comparison.change, preview))


def _readable(named: Sequence[str]) -> Iterator[ResolvedStack]:
    for stack in open_stacks(named):
        _refuse_unreadable(stack, stack.name)
        yield stack


def _comparisons(named: Sequence[str], against: str | None) -> Iterator[Comparison]:
    if len(named) > 2 or (len(named) == 2 and against):
        raise CommandError(
            "diff takes one stack and a revision, or two stacks",
            "name one stack, or two without --against; ascend-vllm diff --matrix shows more",
        )
    if len(named) == 2:
        first, second = _pair(*named)
        yield _comparison(first, second, named[0], named[1])
        return
    if "-" in named:
        raise CommandError("standard input has no revision to compare with", "name two: ascend-vllm diff prod -")
    base = revision(against, Path(named[0]).parent if named and is_file(named[0]) else Path())
    typer.echo(f"the worktree against {base.name} ({base.commit[:10]})", err=True)
    names = [*named] or stack_names()
    if not names:
        raise CommandError("there is no stack file here", "change to the project's directory, or use -C DIRECTORY")
    yield from (since(name, base) for name in names)


def _pair(first: str, second: str) -> tuple[ResolvedStack, ResolvedStack]:
    """Two stacks; what comes from standard input is a state of the other one."""
    if first == second == "-":
        raise CommandError("standard input is one stack only", "name the other one")
    old, new = open_stack(first), open_stack(second)
    return (
        (replace(old, name=new.name), new)
        if first == "-"
        else (old, replace(new, name=old.name) if second == "-" else new)
    )


def since(name: str, base: Revision) -> Comparison:
    """A stack of the worktree against a revision; where only one of them has it, the other is empty."""
    old, new = find_stack(name, base.read), find_stack(name)
    if old is None:
        new = new or open_stack(name)
        return _comparison(_empty(new), new, base.name, name)
    return replace(_comparison(old, new or _empty(old), base.name, name), gone=new is None)


def _comparison(old: ResolvedStack, new: ResolvedStack, against: str, argument: str) -> Comparison:
    _refuse_unreadable(old, f"{old.name} of {against}" if against != old.name else against)
    _refuse_unreadable(new, argument)
    return Comparison(compare(old, new), old, new, against, argument, len(check(new).errors))


def _refuse_unreadable(stack: ResolvedStack, called: str) -> None:
    """End where so much of a stack is unknown that what is there would look removed or moved.

    Raises:
        CommandError: An error concerns the whole file, its base or its cluster.
    """
    for finding in stack.findings:
        if finding.severity == "error" and finding.service is None and finding.rule not in _HARMLESS:
            place = f"{finding.span.file}:{finding.span.line}: " if finding.span else ""
            message = f"stack {called} cannot be read: {place}{finding.message}"
            raise CommandError(message, f"{finding.fix}; see ascend-vllm check {stack.name}", ExitCode.FOUND)


def _empty(stack: ResolvedStack) -> ResolvedStack:
    """The same stack without services."""
    return replace(stack, services=(), broken=(), findings=())
