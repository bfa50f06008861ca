"""The files of a git revision, read without touching the worktree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CommandError, ExitCode

MAIN = ("main", "origin/main", "HEAD")
"""What a worktree is compared with when nothing is said: the first of these that there is."""


@dataclass(frozen=True)
class Revision:
    """A commit of a repository."""

    name: str
    """As the user or the usual names have it."""
    commit: str
    root: Path
    """Top directory of the repository."""

    def read(self, file: Path) -> str:
        """The text of a file as the commit has it; of one outside the repository, as it is on the disk.

        Raises:
            FileNotFoundError: The commit does not have the file.
        """
        path = Path(os.path.abspath(file))  # noqa: PTH100  resolve() follows links, which belong to the commit too
        if not path.is_relative_to(self.root):
            return file.read_text("utf-8", "surrogateescape")
        asked = f"{self.commit}:{path.relative_to(self.root).as_posix()}\n"
        done = _git(self.root, "cat-file", "--batch", "--follow-symlinks", stdin=os.fsencode(asked))
        head, _, content = done.stdout.partition(b"\n")
        words = head.split()
        if done.returncode or len(words) != 3 or words[1] != b"blob":
            raise FileNotFoundError(2, f"it is not in {self.name}", str(file))
        return content[: int(words[2])].decode("utf-8", "surrogateescape")

    def names(self, directory: Path) -> list[str]:
        """The names of what the commit has in a directory of the worktree; none where it has no such directory."""
        path = Path(os.path.abspath(directory))  # noqa: PTH100  as in read
        if not path.is_relative_to(self.root):
            return []
        tree = f"{self.commit}:{path.relative_to(self.root).as_posix() if path != self.root else ''}"
        return _listed(_git(self.root, "ls-tree", "--name-only", "-z", tree))

    def changed(self, directory: Path, within: Sequence[str]) -> list[str]:
        """Files that the worktree has otherwise than the commit, new and deleted ones among them.

        Args:
            directory: A directory of the repository; names are relative to it.
            within: Files and directories below it that count.
        """
        paths = [f":(literal){path}" for path in within]
        named = ("--name-only", "--no-renames", "--relative", "-z")
        tracked = _git(directory, "diff", *named, self.commit, "--", *paths)
        fresh = _git(directory, "ls-files", "--others", "--exclude-standard", "-z", "--", *paths)
        return sorted({*_listed(tracked), *_listed(fresh)})


def revision(asked: str | None, directory: Path) -> Revision:
    """The revision that the worktree is compared with.

    Args:
        asked: A branch, a tag or a commit; main when left out.
        directory: A directory of the repository.

    Raises:
        CommandError: There is no git, no repository, or no such commit.
    """
    top = _git(directory, "rev-parse", "--show-toplevel")
    if top.returncode:
        said = top.stderr.decode("utf-8", "replace").strip().partition("\n")[0].removeprefix("fatal: ")
        raise CommandError(
            f"there is no git repository here to compare with: {said}",
            "name two stacks or two files, or change to a git repository",
        )
    root = Path(os.fsdecode(top.stdout.removesuffix(b"\n")))
    for name in (asked,) if asked else MAIN:
        if commit := _commit(root, name):
            return Revision(name, commit, _as_seen(root, directory))
    raise CommandError(
        f"git knows no commit {asked!r}" if asked else "the repository has no commit yet",
        "name a branch, a tag or a commit with --against; one that is not fetched: git fetch origin BRANCH"
        if asked
        else "commit once, or name two files",
    )


def _as_seen(root: Path, directory: Path) -> Path:
    """The top directory under the name that leads to the files, which may go over a link."""
    here = Path(os.path.abspath(directory))  # noqa: PTH100  as in read
    return next((above for above in (here, *here.parents) if above.samefile(root)), root)


def _commit(root: Path, name: str) -> str:
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.stdout.decode().strip()


def _listed(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name] if done.returncode == 0 else []


def _git(directory: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", directory, *arguments], input=stdin, capture_output=True, check=False)
    except FileNotFoundError:
        raise CommandError("git is not installed", "install git, or name two files", ExitCode.COULD_NOT_RUN) from None
