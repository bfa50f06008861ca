"""`ascend-vllm github`: comments of a pull request and the issue about drift, each created once and then updated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from cli import gh
from cli.errors import CommandError, ExitCode
from cli.help import HelpfulGroup, add_command
from cli.output.diff.markdown import fenced
from models.stack_file.texts import beginning

_EXAMPLES = """Examples:
  ascend-vllm github drift prod drift.txt --code 1
  ascend-vllm github comment --help
"""

app = typer.Typer(
    help="Keep comments and issues on GitHub up to date, in workflows.",
    epilog=_EXAMPLES,
    cls=HelpfulGroup,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)

LONGEST = 65_000
"""Most characters of a posted comment; GitHub accepts 65,536."""

_MOST_COMMENTS = 50
_REVIEW = "<!-- ascend-vllm review: "
"""Begins every comment of a review."""

_NO_LONGER_TOUCHED = "This pull request no longer touches the stack."

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

RepositoryOption = Annotated[
    str,
    typer.Option(
        "--repository",
        metavar="OWNER/NAME",
        envvar="GITHUB_REPOSITORY",
        help="Repository to write to.",
    ),
]


DirectoryArgument = Annotated[
    Path,
    typer.Argument(metavar="DIRECTORY", help="Directory that `review -o` has written."),
]

HeadRepositoryOption = Annotated[
    str,
    typer.Option(
        "--head-repository",
        metavar="OWNER/NAME",
        help="Repository of the branch of the pull request.",
    ),
]

HeadBranchOption = Annotated[
    str,
    typer.Option("--head-branch", metavar="BRANCH", help="Branch of the pull request."),
]

HeadCommitOption = Annotated[
    str, typer.Option("--head-commit", metavar="SHA", help="Reviewed commit.")
]

BaseOption = Annotated[
    str,
    typer.Option("--base", metavar="BRANCH", help="Target branch of the pull request."),
]


@add_command(app, "comment")
def put_comments(
    directory: DirectoryArgument,
    *,
    head_repository: HeadRepositoryOption,
    head_branch: HeadBranchOption,
    head_commit: HeadCommitOption,
    repository: RepositoryOption,
    base: BaseOption = "main",
) -> None:
    """Post the comments of a review to its pull request, and update them later.

    For a workflow with write permission that receives the files of a workflow
    without it. It reads only the comment files of the directory, asks GitHub for
    the pull request, and posts nothing if the pull request has a newer commit.
    Needs gh and GH_TOKEN.

    Examples:
      ascend-vllm github comment comments --head-repository me/fork \\
        --head-branch topic --head-commit "$HEAD_COMMIT"
      ascend-vllm github comment comments --head-repository me/fork \\
        --head-branch topic --head-commit "$HEAD_COMMIT" --base release
    """
    texts = _comments(directory)
    head = _Head(head_repository, head_branch, head_commit)
    number = _pull_request(repository, head, base)
    if number is None:
        typer.echo(
            f"no open pull request of {head_branch} to {base} is at {head_commit[:10]}",
            err=True,
        )
        return
    new = {}
    for name, text in texts.items():
        marker = f"{_REVIEW}{name} -->"
        new[marker] = f"{marker}\n{text}"
    issues = f"repos/{repository}/issues"
    for comment in _our_comments(issues, number):
        marker = comment["body"].partition("\n")[0]
        body = new.pop(marker, f"{marker}\n{_NO_LONGER_TOUCHED}")
        if comment["body"] != body:
            identifier = comment["id"]
            gh.send("PATCH", f"{issues}/comments/{identifier}", {"body": body})
    for body in new.values():
        gh.send("POST", f"{issues}/{number}/comments", {"body": body})


@add_command(app, "drift")
def put_drift(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="Name of the stack.")],
    report: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="File with the output of `ascend-vllm drift`."
        ),
    ],
    *,
    code: Annotated[
        int,
        typer.Option(
            "--code", metavar="CODE", help="Exit code of `ascend-vllm drift`."
        ),
    ],
    repository: RepositoryOption,
) -> None:
    """Open, update or close the issue about the drift of a stack.

    Exit code 1 of drift opens or updates the issue, and 0 closes it. With any other
    code the issue stays unchanged, and this command ends with 3. Needs gh and
    GH_TOKEN.

    Examples:
      ascend-vllm github drift prod drift.txt --code 1
      ascend-vllm drift prod > d.txt; ascend-vllm github drift prod d.txt --code $?
    """
    text = _text(report)
    if code not in (ExitCode.FINE, ExitCode.FOUND) or not text.strip():
        raise CommandError(
            f"the drift of {stack} is unknown: ascend-vllm drift ended with {code}",
            "see its standard error; the issue stays unchanged",
            ExitCode.COULD_NOT_RUN,
        )
    marker = f"<!-- ascend-vllm drift: {stack} -->"
    issues = f"repos/{repository}/issues"
    open_issues = _our_open_issues(issues, marker)
    if code == ExitCode.FINE:
        for issue in open_issues:
            number = issue["number"]
            gh.send("PATCH", f"{issues}/{number}", {"state": "closed"})
        return
    description = _issue_text(stack, text)
    wanted = {
        "title": f"Drift in stack {stack}",
        "body": f"{marker}\n{description}",
    }
    if not open_issues:
        gh.send("POST", issues, wanted)
    elif open_issues[0]["body"] != wanted["body"]:
        number = open_issues[0]["number"]
        gh.send("PATCH", f"{issues}/{number}", wanted)


@dataclass(frozen=True)
class _Head:
    """The reviewed commit, and where it comes from."""

    repository: str
    branch: str
    commit: str


def _comments(directory: Path) -> dict[str, str]:
    """The comments by stack, in order. Other files of the directory are not read.

    Raises:
        CommandError: There is no review, or `review` did not write these files.
    """
    if not directory.is_dir():
        raise CommandError(
            f"{directory} is not a directory",
            "name the directory of ascend-vllm review -o",
        )
    files = sorted(directory.glob("*.md"))
    if len(files) > _MOST_COMMENTS:
        raise CommandError(
            f"{len(files)} comments are too many",
            f"a pull request gets at most {_MOST_COMMENTS}",
        )
    for file in files:
        if not _NAME.fullmatch(file.stem):
            fix = "names have letters, digits, '.', '_' and '-'"
            raise CommandError(f"{file.name!r} is not the comment of a stack", fix)
    return {file.stem: _text(file) for file in files}


def _text(file: Path) -> str:
    """The text of a file from an unknown author. A link could lead to a file that only this job may read."""
    if file.is_symlink() or not file.is_file():
        raise CommandError(f"{file} is not a file", "name a text file")
    most = 4 * (LONGEST + 1)  # a character has at most four bytes
    try:
        data = beginning(file, most)
    except OSError as problem:
        raise CommandError(
            f"{file} cannot be read: {problem.strerror}", "name a text file"
        ) from None
    text = data.decode("utf-8", "replace").rstrip("\n")
    if len(text) > LONGEST:
        return f"{text[:LONGEST]}\n\n(cut off)"
    return text


def _pull_request(repository: str, head: _Head, base: str) -> int | None:
    """The open pull request of a branch, if the commit is its newest. The number comes from GitHub only."""
    owner = head.repository.partition("/")[0]
    query = {
        "state": "open",
        "base": base,
        "head": f"{owner}:{head.branch}",
        "per_page": 100,
    }
    for pull in gh.pages(f"repos/{repository}/pulls?{urlencode(query)}"):
        source = pull["head"]
        fork = source["repo"] or {}
        if source["sha"] == head.commit and fork.get("full_name") == head.repository:
            return int(pull["number"])
    return None


def _our_comments(issues: str, number: int) -> list[dict[str, Any]]:
    comments = gh.pages(f"{issues}/{number}/comments?per_page=100")
    return [comment for comment in comments if gh.is_ours(comment, _REVIEW)]


def _our_open_issues(issues: str, marker: str) -> list[dict[str, Any]]:
    ours = []
    for entry in gh.pages(f"{issues}?state=open&per_page=100"):
        is_issue = "pull_request" not in entry
        if is_issue and gh.is_ours(entry, f"{marker}\n"):
            ours.append(entry)
    return ours


def _issue_text(stack: str, drift: str) -> str:
    """The text of the issue, with the commands that end it."""
    block = fenced(drift[: LONGEST - 1000], "text")
    return (
        f"Objects of `{stack}` were changed by hand:\n\n{block}\n\n"
        f"Restore them with `pulumi up --refresh --stack {stack}`, or write the changes to the stack file. "
        "This issue is updated while there is drift, and closed when there is none."
    )
