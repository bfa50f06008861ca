"""`ascend-vllm github`: comments of a pull request and the issue about drift, each made once and then updated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from cli import gh
from cli.errors import CommandError, ExitCode
from cli.help import HelpfulGroup, add_command
from cli.output.diff.markdown import fenced

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
)

LONGEST = 65_000
"""Most characters of a comment that is posted; GitHub takes 65,536."""

_MOST_COMMENTS = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

RepositoryOption = Annotated[
    str,
    typer.Option("--repository", metavar="OWNER/NAME", envvar="GITHUB_REPOSITORY", help="Repository to write to."),
]


@add_command(app, "comment")
def put_comments(
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Directory that `review -o` has written.")],
    *,
    head_repository: Annotated[
        str,
        typer.Option("--head-repository", metavar="OWNER/NAME", help="Repository of the branch of the pull request."),
    ],
    head_branch: Annotated[str, typer.Option("--head-branch", metavar="BRANCH", help="Branch of the pull request.")],
    head_commit: Annotated[str, typer.Option("--head-commit", metavar="SHA", help="Reviewed commit.")],
    repository: RepositoryOption,
    base: Annotated[str, typer.Option("--base", metavar="BRANCH", help="Target branch of the pull request.")] = "main",
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
        body = marked.pop(marker, f"{marker}\nThis pull request no longer touches the stack.")
        if entry["body"] != body:
            gh.send("PATCH", f"repos/{repository}/issues/comments/{entry['id']}", {"body": body})
    for body in marked.values():
        gh.send("POST", f"repos/{repository}/issues/{number}/comments", {"body": body})


@add_command(app, "drift")
def put_drift(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="Name of the stack.")],
    report: Annotated[Path, typer.Argument(metavar="FILE", help="File with the output of `ascend-vllm drift`.")],
    *,
    code: Annotated[int, typer.Option("--code", metavar="CODE", help="Exit code of `ascend-vllm drift`.")],
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
