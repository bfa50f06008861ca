"""`ascend-vllm review`: findings and changes of every stack that a pull request touches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.diff import since
from cli.commands.touched import request_base, touched
from cli.errors import CommandError, ExitCode, UnreadableStackError
from cli.inputs.arguments import AgainstOption
from cli.inputs.named_files import refuse_link_out
from cli.inputs.revision import Revision
from cli.inputs.stacks import find_stack
from cli.output.review import ReviewFormat, render_review
from cli.output.review.markdown import comments
from cli.output.review.reviewed import ChangedLines, Review, Reviewed
from cli.output.touched import Touched, document
from models.check import check


def command(
    against: AgainstOption = None,
    form: Annotated[
        ReviewFormat, typer.Option("--format", help="Output format.")
    ] = ReviewFormat.TEXT,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write a comment STACK.md for each touched stack.",
            metavar="DIRECTORY",
        ),
    ] = None,
) -> None:
    """Check and compare every stack that the worktree changes.

    The rights of services that `accept` waives are listed after the findings.

    -o writes a comment in Markdown for each touched stack, and touched.json, which
    shows that the review ran even if no stack is touched.

    Exit code 0 without findings (a change is not a finding), 1 with findings, 2 for
    wrong usage.

    Examples:
      ascend-vllm review
      ascend-vllm review --against origin/main --format github -o comments
    """
    base = request_base(against)
    stacks = touched(base)
    typer.echo(f"{_number(stacks)} touched since {base.label}", err=True)
    review = Review(
        commit=base.commit,
        stacks=[_review(stack, base) for stack in stacks],
        changed_lines=_changed_lines(stacks, base),
    )
    if stacks or form is ReviewFormat.JSON:
        typer.echo(render_review(review, form))
    if output is not None:
        files = {}
        for name, comment in comments(review).items():
            files[f"{name}.md"] = comment
        files["touched.json"] = document(base.commit, stacks)
        _write(output, files)
    if any(_has_findings(reviewed) for reviewed in review.stacks):
        raise typer.Exit(ExitCode.FOUND)


def _number(stacks: Sequence[Touched]) -> str:
    if not stacks:
        return "no stack is"
    if len(stacks) == 1:
        return "1 stack"
    return f"{len(stacks)} stacks"


def _review(touched: Touched, base: Revision) -> Reviewed:
    """A stack with its findings and changes. A stack that cannot be compared does not hide the others."""
    stack = find_stack(touched.name)
    try:
        comparison = since(touched.name, base)
    except UnreadableStackError as problem:
        return Reviewed(
            touched=touched,
            against=base.name,
            stack=stack,
            report=check(stack) if stack else None,
            comparison=None,
            unreadable=problem.message,
        )
    return Reviewed(
        touched=touched,
        against=base.name,
        stack=stack,
        report=comparison.report if stack else None,
        comparison=comparison,
    )


def _changed_lines(
    stacks: Sequence[Touched], base: Revision
) -> dict[str, ChangedLines]:
    """The changed lines of all files of the stacks, by the file's name."""
    names = {file for stack in stacks for file in stack.files}
    found = {}
    for name in sorted(names):
        lines = base.changed_lines(Path(name))
        if lines:
            found[name] = lines
    return found


def _has_findings(reviewed: Reviewed) -> bool:
    """Whether the stack of the worktree has findings. A revision that cannot be read is not a finding about it."""
    return reviewed.report is not None and bool(reviewed.report.findings)


def _write(directory: Path, files: dict[str, str]) -> None:
    """Write files to a new or empty directory. Files of an earlier review would look like files of this one.

    Raises:
        CommandError: The directory has files already, or cannot be written.
    """
    try:
        refuse_link_out(directory)
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise CommandError(f"{directory} is not empty", "name a new directory")
        for name, text in files.items():
            with (directory / name).open("x", encoding="utf-8") as content:
                content.write(f"{text}\n")
    except OSError as problem:
        message = f"{directory} cannot be written: {problem.strerror}"
        raise CommandError(
            message, "name a writable directory", ExitCode.COULD_NOT_RUN
        ) from None
