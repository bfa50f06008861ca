"""`ascend-vllm github`: comments of a pull request and the issue about drift, each made once and then updated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from cli import gh
from cli.errors import CommandError, ExitCode
from cli.output.diff.markdown import fenced

app = typer.Typer(no_args_is_help=True, help="Keep comments and issues on GitHub up to date; for workflows.")

LONGEST = 65_000
"""Most characters of a comment that is posted; GitHub takes 65,536."""

_MOST_COMMENTS = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

RepositoryOption = Annotated[
    str,
    typer.Option("--repository", metavar="OWNER/NAME", envvar="GITHUB_REPOSITORY", help="The repository to write to."),
]


@app.command("comment")
def put_comments(
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="What `review -o` has written.")],
    *,
    head_repository: Annotated[
        str, typer.Option("--head-repository", metavar="OWNER/NAME", help="Where the pull request comes from.")
    ],
    head_branch: Annotated[str, typer.Option("--head-branch", metavar="BRANCH", help="Its branch.")],
    head_commit: Annotated[str, typer.Option("--head-commit", metavar="SHA", help="The commit that was reviewed.")],
    repository: RepositoryOption,
    base: Annotated[str, typer.Option("--base", metavar="BRANCH", help="The branch that it goes to.")] = "main",
) -> None:
    """Put a review's comments on its pull request: one for each stack, updated in place.

    For a run with write permission that is given what a run without it has made. It takes nothing from the directory
    but texts of its own names, finds the pull request by what GitHub says of the run, and leaves alone one that has
    a newer commit. Needs gh and GH_TOKEN.

    \b
    Examples:
      ascend-vllm github comment comments --head-repository me/fork --head-branch topic --head-commit "$HEAD_COMMIT"
    """
    texts = _comments(directory)
    number = _pull_request(repository, head_repository, head_branch, head_commit, base)
    if number is None:
        typer.echo(f"no open pull request of {head_branch} to {base} is at {head_commit[:10]}", err=True)
        return
    marked = {_marker(name): f"{_marker(name)}\n{text}" for name, text in texts.items()}
    old = gh.pages(f"repos/{repository}/issues/{number}/comments?per_page=100")
    for entry in old:
        marker = str(entry.get("body") or "").partition("\n")[0]
        if not gh.is_ours(entry, "<!-- ascend-vllm review: "):
            continue
        body = marked.pop(marker, f"{marker}\nThis pull request does not touch the stack any more.")
        if entry["body"] != body:
            gh.send("PATCH", f"repos/{repository}/issues/comments/{entry['id']}", {"body": body})
    for body in marked.values():
        gh.send("POST", f"repos/{repository}/issues/{number}/comments", {"body": body})


@app.command("drift")
def put_drift(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack's name.")],
    report: Annotated[Path, typer.Argument(metavar="FILE", help="What `ascend-vllm drift` has printed.")],
    *,
    code: Annotated[int, typer.Option("--code", metavar="CODE", help="The exit code that it ended with.")],
    repository: RepositoryOption,
) -> None:
    """Open or update the issue about a stack's drift (code 1), or close it (code 0). Needs gh and GH_TOKEN.

    Where the drift could not be told the issue stays as it is: exit code 3.

    \b
    Examples:
      ascend-vllm github drift prod drift.txt --code 1
    """
    text = _text(report)
    if code not in (ExitCode.FINE, ExitCode.FOUND) or not text.strip():
        raise CommandError(
            f"drift of {stack} could not be told: ascend-vllm drift ended with {code}",
            "see what it said on standard error; the issue stays as it is",
            ExitCode.COULD_NOT_RUN,
        )
    marker = f"<!-- ascend-vllm drift: {stack} -->"
    listed = gh.pages(f"repos/{repository}/issues?state=open&per_page=100")
    open_ones = [entry for entry in listed if "pull_request" not in entry and gh.is_ours(entry, f"{marker}\n")]
    if code == ExitCode.FINE:
        for entry in open_ones:
            gh.send("PATCH", f"repos/{repository}/issues/{entry['number']}", {"state": "closed"})
        return
    wanted = {"title": f"Drift in stack {stack}", "body": f"{marker}\n{_about_drift(stack, text)}"}
    if not open_ones:
        gh.send("POST", f"repos/{repository}/issues", wanted)
    elif open_ones[0]["body"] != wanted["body"]:
        gh.send("PATCH", f"repos/{repository}/issues/{open_ones[0]['number']}", wanted)


def _comments(directory: Path) -> dict[str, str]:
    """The comments by stack, in order; nothing else that lies there is looked at.

    Raises:
        CommandError: There is no review, or what lies there is none that `review` writes.
    """
    if not directory.is_dir():
        raise CommandError(f"{directory} is no directory", "name what ascend-vllm review -o has written")
    files = sorted(directory.glob("*.md"))
    if len(files) > _MOST_COMMENTS:
        raise CommandError(f"{len(files)} comments are too many", f"a pull request gets {_MOST_COMMENTS} at most")
    for file in files:
        if not _NAME.fullmatch(file.stem):
            raise CommandError(f"{file.name!r} is no stack's comment", "names have letters, digits, '.', '_' and '-'")
    return {file.stem: _text(file) for file in files}


def _text(file: Path) -> str:
    """The text of a file that may be anybody's: a link would show what the job may read."""
    if file.is_symlink() or not file.is_file():
        raise CommandError(f"{file} is no file", "give a file with a text")
    text = file.read_text("utf-8", "replace").rstrip("\n")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n\n(cut off)"


def _marker(name: str) -> str:
    return f"<!-- ascend-vllm review: {name} -->"


def _pull_request(repository: str, head_repository: str, branch: str, commit: str, base: str) -> int | None:
    """The open pull request of a branch, if the commit is its newest; what a run without rights claims is not asked."""
    owner = head_repository.partition("/")[0]
    head = quote(f"{owner}:{branch}", safe="")
    found = gh.pages(f"repos/{repository}/pulls?state=open&base={quote(base, safe='')}&head={head}&per_page=100")
    for pull in found:
        if pull["head"]["sha"] == commit and (pull["head"]["repo"] or {}).get("full_name") == head_repository:
            return int(pull["number"])
    return None


def _about_drift(stack: str, text: str) -> str:
    """The text of the issue, with what to do."""
    return (
        f"Somebody changed by hand what `{stack}` deploys:\n\n{fenced(text[: LONGEST - 1000], 'text')}\n\n"
        f"Restore it with `pulumi up --refresh --stack {stack}`, or put it into the stack file. This issue is updated "
        "while there is drift, and closed when there is none."
    )
