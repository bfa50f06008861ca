"""`ascend-vllm review`: what a pull request does to every stack that it touches, as annotations and as comments."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.diff import since
from cli.errors import CommandError, ExitCode
from cli.output import Format, render_reports
from cli.output.diff import DiffFormat, render_comparisons
from cli.output.review import Reviewed, comment
from cli.revision import Revision, revision
from cli.stacks import find_stack
from cli.touched import AgainstOption, Touched, document, touched
from models.check import check


class ReviewFormat(StrEnum):
    """How the review is written to standard output."""

    TEXT = "text"
    GITHUB = "github"


def command(
    against: AgainstOption = None,
    form: Annotated[ReviewFormat, typer.Option("--format", help="Output format.")] = ReviewFormat.TEXT,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write a comment STACK.md for each touched stack.", metavar="DIRECTORY"),
    ] = None,
) -> None:
    """Check and compare every stack that the worktree changes.

    -o writes a comment in Markdown for each touched stack, and touched.json, which
    shows that the review ran even if no stack is touched.

    Exit code 0 without findings (a change is not a finding), 1 with findings, 2 for
    wrong usage.

    Examples:
      ascend-vllm review
      ascend-vllm review --against origin/main --format github -o comments
    """
    base = revision(against, Path())
    found = touched(base)
    typer.echo(f"{_counted(found)} touched since {base.name} ({base.commit[:10]})", err=True)
    reviewed = [_reviewed(one, base) for one in found]
    for one in reviewed:
        typer.echo(_said(one, form))
    if output is not None:
        _write(output, {f"{one.name}.md": comment(one) for one in reviewed} | {"touched.json": document(base, found)})
    if any(one.unreadable or (one.report and one.report.findings) for one in reviewed):
        raise typer.Exit(ExitCode.FOUND)


def _reviewed(one: Touched, base: Revision) -> Reviewed:
    """A stack with its findings and its changes; one that cannot be compared does not hide the others."""
    stack = find_stack(one.name)
    report = check(stack) if stack else None
    try:
        return Reviewed(one, base.name, report, since(one.name, base))
    except CommandError as problem:
        if problem.code is not ExitCode.FOUND:
            raise
        return Reviewed(one, base.name, report, None, problem.message)


def _said(one: Reviewed, form: ReviewFormat) -> str:
    parts = [render_reports([one.report], Format(form.value))] if one.report else []
    if one.comparison:
        parts.append(render_comparisons([one.comparison], DiffFormat(form.value)))
    if form is ReviewFormat.GITHUB:
        return "\n".join(parts)
    head = f"{one.name}, touched by {one.touched.because}:"
    return "\n\n".join([head, *parts, *([f"not compared: {one.unreadable}"] if one.unreadable else [])]) + "\n"


def _counted(found: Sequence[Touched]) -> str:
    return f"{len(found)} stack{'' if len(found) == 1 else 's'}" if found else "no stack is"


def _write(directory: Path, texts: dict[str, str]) -> None:
    """Write files to a directory of their own; what an earlier review left there would be taken for this one's.

    Raises:
        CommandError: The directory has files already, or cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise CommandError(f"{directory} is not empty", "name a new directory")
        for name, text in texts.items():
            (directory / name).write_text(f"{text}\n", encoding="utf-8")
    except OSError as problem:
        message = f"{directory} cannot be written: {problem.strerror}"
        raise CommandError(message, "name a directory that can be", ExitCode.COULD_NOT_RUN) from None
