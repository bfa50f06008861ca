"""`ascend-vllm review`: findings and changes of every stack that a pull request touches."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.diff import since
from cli.errors import CommandError, ExitCode, UnreadableStackError
from cli.output import Format, render_reports
from cli.output.diff import DiffFormat, render_comparisons
from cli.output.review import Reviewed, comment
from cli.output.review import document as review_document
from cli.output.rights import rights_annotations, rights_text
from cli.output.touched import Touched, document
from cli.revision import Revision, revision
from cli.stacks import find_stack, project_directory
from cli.touched import AgainstOption, touched
from models.check import check
from models.report import Report


class ReviewFormat(StrEnum):
    """Output formats."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


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
    base = revision(against, project_directory())
    stacks = touched(base)
    typer.echo(f"{_number(stacks)} touched since {base.label}", err=True)
    reviews = [_review(stack, base) for stack in stacks]
    if form is ReviewFormat.JSON:
        typer.echo(review_document(base.commit, reviews))
    else:
        for review in reviews:
            typer.echo(_text(review, form))
    if output is not None:
        files = {}
        for review in reviews:
            files[f"{review.name}.md"] = comment(review)
        files["touched.json"] = document(base.commit, stacks)
        _write(output, files)
    if any(_has_findings(review) for review in reviews):
        raise typer.Exit(ExitCode.FOUND)


def _number(stacks: Sequence[Touched]) -> str:
    if not stacks:
        return "no stack is"
    if len(stacks) == 1:
        return "1 stack"
    return f"{len(stacks)} stacks"


def _review(touched: Touched, base: Revision) -> Reviewed:
    """A stack with its findings and changes. A stack that cannot be compared does not hide the others."""
    report = None
    stack = find_stack(touched.name)
    if stack:
        report = check(stack)
    try:
        comparison = since(touched.name, base)
    except UnreadableStackError as problem:
        return Reviewed(
            touched=touched,
            against=base.name,
            report=report,
            comparison=None,
            unreadable=problem.message,
        )
    return Reviewed(
        touched=touched,
        against=base.name,
        report=report,
        comparison=comparison,
    )


def _text(review: Reviewed, form: ReviewFormat) -> str:
    parts = []
    if review.report:
        parts.append(render_reports([review.report], Format(form.value)))
        parts += _rights(review.report, form)
    if review.comparison:
        parts.append(render_comparisons([review.comparison], DiffFormat(form.value)))
    if form is ReviewFormat.GITHUB:
        return "\n".join(parts)
    title = f"{review.name}, touched by {review.touched.because}:"
    if review.unreadable:
        parts.append(f"not compared: {review.unreadable}")
    return "\n\n".join([title, *parts]) + "\n"


def _rights(report: Report, form: ReviewFormat) -> list[str]:
    if form is ReviewFormat.GITHUB:
        return list(rights_annotations(report))
    text = rights_text(report)
    return [text] if text else []


def _has_findings(review: Reviewed) -> bool:
    if review.unreadable:
        return True
    return review.report is not None and bool(review.report.findings)


def _write(directory: Path, files: dict[str, str]) -> None:
    """Write files to a new or empty directory. Files of an earlier review would look like files of this one.

    Raises:
        CommandError: The directory has files already, or cannot be written.
    """
    try:
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
