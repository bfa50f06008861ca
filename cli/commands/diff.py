"""`ascend-vllm diff`: changes in words, against a revision, the cluster, or another stack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError, ExitCode, UnreadableStackError
from cli.inputs.arguments import AgainstOption, StacksArgument
from cli.inputs.named_files import read_named
from cli.inputs.revision import Revision, revision
from cli.inputs.stacks import (
    find_stack,
    is_file,
    open_stack,
    open_stacks,
    project_directory,
    stack_names,
)
from cli.live import report_unread
from cli.objects import read_objects
from cli.output.diff import DiffFormat, render_comparisons
from cli.output.diff.comparison import Comparison
from cli.output.diff.matrix import render_matrix
from models.check import check
from models.finding import Finding
from models.report import Report
from models.service.resolved import ResolvedStack
from plan.stacks import packed
from review import compare
from review.live import compare_live
from review.preview import read_preview, with_preview
from review.stepwise import stepwise

_MOST_BYTES = 100_000_000
"""Of the output of `pulumi preview`."""

# Errors at the top level that hide nothing of the stack.
_HARMLESS = ("unknown-key", "duplicate-key", "unused-accept")


def command(
    stacks: StacksArgument = None,
    against: AgainstOption = None,
    live: Annotated[
        bool, typer.Option("--live", help="Compare the cluster with the stack file.")
    ] = False,
    preview: Annotated[
        Path | None,
        typer.Option(
            "--preview",
            metavar="FILE",
            help="Add deletions and replacements of `pulumi preview --json`.",
        ),
    ] = None,
    form: Annotated[
        DiffFormat, typer.Option("--format", help="Output format.")
    ] = DiffFormat.TEXT,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Show a table of all services and stacks.")
    ] = False,
) -> None:
    """Show changes in words: flags, restarts with reasons, downtime and NPUs.

    With one stack, or without STACK for all stacks: the worktree against a git
    revision. With two stacks: their differences. With --live: what an update
    changes in the cluster.

    Exit code 0 without changes, 1 with changes, 2 for wrong usage, 3 if a stack or
    the cluster cannot be read.

    Examples:
      ascend-vllm diff prod
      ascend-vllm diff staging prod
      ascend-vllm diff prod --against HEAD~1 --format markdown
    """
    names = stacks or []
    _refuse_combinations(
        names, against=against, live=live, preview=preview, matrix=matrix
    )
    if matrix:
        _show_matrix(names, form)
        return
    if live:
        comparisons = [_with_cluster(names[0])]
    else:
        comparisons = list(_comparisons(names, against))
    if preview:
        comparisons = [_with_preview(comparisons[0], preview)]
    typer.echo(render_comparisons(comparisons, form))
    if not all(comparison.change.is_empty for comparison in comparisons):
        raise typer.Exit(ExitCode.FOUND)


def since(name: str, base: Revision) -> Comparison:
    """A stack of the worktree against a revision. If only one of them has the stack, the other one is empty."""
    old = find_stack(name, base.read)
    new = find_stack(name)
    if old is None:
        new = new or open_stack(name)
        old = _without_services(new)
        return _comparison(old, new, against=base.name, argument=name)
    if new is None:
        new = _without_services(old)
        comparison = _comparison(old, new, against=base.name, argument=name)
        nothing_to_check = Report(stack=name, services=0)
        return replace(comparison, report=nothing_to_check, gone=True)
    comparison = _comparison(old, new, against=base.name, argument=name)
    return _with_plan(comparison)


def _refuse_combinations(
    names: Sequence[str],
    *,
    against: str | None,
    live: bool,
    preview: Path | None,
    matrix: bool,
) -> None:
    """Refuse options that cannot be used together."""
    if matrix and (against or live or preview):
        raise CommandError(
            "--matrix cannot be used with --against, --live or --preview",
            "use --matrix alone, or remove it",
        )
    if live and against:
        raise CommandError("--live cannot be used with --against", "remove one of them")
    for option, is_used in (("--live", live), ("--preview", preview is not None)):
        if is_used and len(names) != 1:
            raise CommandError(
                f"{option} needs exactly one STACK",
                f"write: ascend-vllm diff STACK {option}",
            )


def _show_matrix(names: Sequence[str], form: DiffFormat) -> None:
    if form is DiffFormat.GITHUB:
        raise CommandError(
            "--matrix has no format github", "use --format text, json or markdown"
        )
    stacks = list(open_stacks(names))
    for stack in stacks:
        refuse_unreadable(stack, stack.name)
    typer.echo(render_matrix(stacks, form))


def _with_cluster(name: str) -> Comparison:
    """The objects in the cluster against the stack file."""
    stack = open_stack(name)
    refuse_unreadable(stack, stack.name)
    objects = read_objects(stack)
    report_unread(objects.unread)
    change, running = compare_live(stack, objects.live, objects.wanted)
    cluster = stack.cluster
    namespace = cluster.namespace.name
    typer.echo(
        f"compared with the cluster of context {cluster.context}, namespace {namespace}",
        err=True,
    )
    return Comparison(
        change=change,
        old=running,
        new=stack,
        against=cluster.context,
        argument=name,
        report=check(stack),
    )


def _comparisons(names: Sequence[str], against: str | None) -> Iterator[Comparison]:
    if len(names) > 2 or (len(names) == 2 and against):
        raise CommandError(
            "diff compares one stack with a revision, or two stacks",
            "name one stack, or two stacks without --against, or use --matrix",
        )
    if len(names) == 2:
        first, second = names
        old, new = _pair(first, second)
        yield _comparison(old, new, against=first, argument=second)
        return
    if "-" in names:
        raise CommandError(
            "standard input has no revision", "name two stacks: ascend-vllm diff prod -"
        )
    yield from _against_revision(names, against)


def _pair(first: str, second: str) -> tuple[ResolvedStack, ResolvedStack]:
    """Two stacks. A stack from standard input is another state of the other stack."""
    if first == second == "-":
        raise CommandError(
            "only one stack can come from standard input", "name the other stack"
        )
    old = open_stack(first)
    new = open_stack(second)
    if first == "-":
        old = replace(old, name=new.name)
    if second == "-":
        new = replace(new, name=old.name)
    return old, new


def _against_revision(
    names: Sequence[str], against: str | None
) -> Iterator[Comparison]:
    directory = project_directory()
    if names and is_file(names[0]):
        directory = Path(names[0]).parent
    base = revision(against, directory)
    typer.echo(f"the worktree against {base.label}", err=True)
    stacks = names or stack_names()
    if not stacks:
        raise CommandError(
            "there is no stack file here",
            "change to the project's directory, or use -C DIRECTORY",
        )
    for name in stacks:
        yield since(name, base)


def _comparison(
    old: ResolvedStack, new: ResolvedStack, *, against: str, argument: str
) -> Comparison:
    old_name = against
    if against != old.name:
        old_name = f"{old.name} of {against}"
    refuse_unreadable(old, old_name)
    refuse_unreadable(new, argument)
    return Comparison(
        change=compare(old, new),
        old=old,
        new=new,
        against=against,
        argument=argument,
        report=check(new),
    )


def _with_plan(comparison: Comparison) -> Comparison:
    """The comparison with the plan of the update, if a single `pulumi up` has downtime."""
    change = comparison.change
    new = comparison.new
    has_downtime = bool(change.down) and not change.moves
    if not has_downtime or comparison.errors or not new.cluster.pools:
        return comparison
    placed = packed(comparison.old, new)
    if placed.unplaced:
        return comparison
    planned = stepwise(comparison.old, new, change, placed)
    return replace(comparison, stepwise=planned)


def _with_preview(comparison: Comparison, file: Path) -> Comparison:
    stack = comparison.new.name
    command = f"pulumi preview --stack {stack} --json > {file}"
    try:
        preview = read_preview(json.loads(read_named(str(file), _MOST_BYTES)))
    except OSError as problem:
        raise CommandError(
            f"{file} cannot be read: {problem.strerror}", "name a readable file"
        ) from None
    except ValueError as problem:
        raise CommandError(
            f"{file} is not a preview: {problem}", f"run {command}"
        ) from None
    if preview.stack != stack:
        message = f"{file} is a preview of stack {preview.stack}, not of {stack}"
        raise CommandError(message, f"run {command}")
    return replace(comparison, change=with_preview(comparison.change, preview))


def refuse_unreadable(stack: ResolvedStack, name: str) -> None:
    """End the command if errors hide so much of a stack that its services would look removed or moved.

    Raises:
        UnreadableStackError: An error concerns the whole file, its base or its cluster.
    """
    for finding in stack.findings:
        if not _hides_services(finding):
            continue
        reason = finding.message
        if finding.span:
            reason = f"{finding.span.file}:{finding.span.line}: {reason}"
        raise UnreadableStackError(
            f"stack {name} cannot be read: {reason}",
            f"{finding.fix}; see ascend-vllm check {stack.name}",
            ExitCode.COULD_NOT_RUN,
        )


def _hides_services(finding: Finding) -> bool:
    """Whether a finding is an error of the whole file, its base or its cluster."""
    if finding.severity != "error" or finding.service is not None:
        return False
    return finding.rule not in _HARMLESS


def _without_services(stack: ResolvedStack) -> ResolvedStack:
    return replace(stack, services=(), broken=(), findings=())
