"""The files of a git revision, read without touching the worktree."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cli.errors import CommandError, ExitCode
from cli.output.review.reviewed import ChangedLines
from models.stack_file.limits import MOST_BYTES
from models.stack_file.texts import disk, text_of

MAIN = ("main", "origin/main", "HEAD")
"""The default revisions; the first that exists is compared with the worktree."""

_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
"""The beginning of a hunk of a diff: the first line and the number of lines in both files."""

_NOT_FETCHED = "if it is not fetched, run git fetch origin BRANCH"


@dataclass(frozen=True)
class Revision:
    """A commit of a repository."""

    name: str
    """The name that the user gave, or a default of `MAIN`."""
    commit: str
    root: Path
    """Top directory of the repository."""

    @property
    def label(self) -> str:
        """The name with the beginning of the commit: `main (1a2b3c4d5e)`."""
        short = self.commit[:10]
        return f"{self.name} ({short})"

    def read(self, file: Path) -> str:
        """The text of a file in the commit. A file outside the repository is read from the disk.

        Raises:
            FileNotFoundError: The commit does not have the file.
        """
        path = self._path_in_repository(file)
        if path is None:
            return disk(file)
        content = self._content(path)
        if content is None:
            raise FileNotFoundError(2, f"it is not in {self.name}", str(file))
        return text_of(content)

    def names(self, directory: Path) -> list[str]:
        """The names of the files and directories in a directory of the commit; none if it has no such directory."""
        path = self._path_in_repository(directory)
        if path is None:
            return []
        if path == ".":
            path = ""
        answer = _git(
            self.root, "ls-tree", "--name-only", "-z", f"{self.commit}:{path}"
        )
        return _names(answer)

    def changed(self, directory: Path, within: Sequence[str]) -> list[str]:
        """The files of the worktree that differ from the commit, including new and deleted files.

        Args:
            directory: A directory of the repository; the names are relative to it.
            within: The files and directories below it to compare.
        """
        paths = [f":(literal){path}" for path in within]
        diff = ["diff", "--name-only", "--no-renames", "--relative", "-z", self.commit]
        untracked = ["ls-files", "--others", "--exclude-standard", "-z"]
        names: set[str] = set()
        for command in (diff, untracked):
            answer = _git(directory, *command, "--", *paths)
            names.update(_names(answer))
        return sorted(names)

    def merge_base(self) -> Revision:
        """The newest commit that the revision and the worktree have in common, or the revision if there is none."""
        answer = _git(self.root, "merge-base", self.commit, "HEAD")
        commit = answer.stdout.decode().strip()
        if not commit:
            return self
        return replace(self, commit=commit)

    def changed_lines(self, file: Path) -> ChangedLines | None:
        """The lines of a file of the worktree that differ from the commit.

        None if it is deleted, the same, or outside of the repository.
        """
        path = self._path_in_repository(file)
        if path is None or not file.is_file():
            return None
        if self._content(path) is None:
            count = len(disk(file).splitlines())
            return ChangedLines(path, frozenset(range(1, count + 1)))
        answer = _git(
            self.root,
            "diff",
            "--unified=0",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            self.commit,
            "--",
            f":(literal){path}",
        )
        if not answer.stdout:
            return None
        return _changed_lines(path, answer.stdout)

    def _path_in_repository(self, path: Path) -> str | None:
        """The path from the top directory; None if it is outside of the repository."""
        absolute = _absolute(path)
        if not absolute.is_relative_to(self.root):
            return None
        return absolute.relative_to(self.root).as_posix()

    def _content(self, path: str) -> bytes | None:
        """The content of a file of the commit; None if the commit does not have it. Links are followed.

        A file that is too large is not read: git compresses, so it may not fit into the memory. It counts as spaces.
        """
        size, _ = self._object(path, "--batch-check")
        if size is None:
            return None
        if size > MOST_BYTES:
            return b" " * (MOST_BYTES + 1)
        _, content = self._object(path, "--batch")
        return content[:size]

    def _object(self, path: str, form: str) -> tuple[int | None, bytes]:
        """The size of a file of the commit, and what git prints after it. No size: there is no such file."""
        request = os.fsencode(f"{self.commit}:{path}\n")
        answer = _git(self.root, "cat-file", form, "--follow-symlinks", stdin=request)
        header, _, rest = answer.stdout.partition(b"\n")
        fields = header.split()
        is_file = len(fields) == 3 and fields[1] == b"blob"
        if answer.returncode or not is_file:
            return None, b""
        return int(fields[2]), rest


def revision(
    name: str | None, directory: Path, *, option: str = "--against"
) -> Revision:
    """The revision that the worktree is compared with.

    Args:
        name: A branch, a tag or a commit; None for the first of `MAIN` that exists.
        directory: A directory of the repository.
        option: The option with the name.

    Raises:
        CommandError: There is no git, no repository, or no such commit.
    """
    root = _root(directory)
    candidates: Sequence[str] = MAIN
    if name:
        candidates = (name,)
    for candidate in candidates:
        commit = _commit(root, candidate)
        if commit:
            return Revision(candidate, commit, _root_as_seen(root, directory))
    if name:
        fix = f"name a branch, a tag or a commit with {option}; {_NOT_FETCHED}"
        raise CommandError(f"git knows no commit {name!r}", fix)
    raise CommandError(
        "the repository has no commit yet", "commit once, or name two files"
    )


def _changed_lines(path: str, diff: bytes) -> ChangedLines:
    """The changed lines of a diff without context."""
    lines: set[int] = set()
    replacements: dict[int, int] = {}
    for hunk in _HUNK.finditer(diff):
        old_start, old_count, new_start, new_count = _numbers(hunk)
        first = max(new_start, 1)
        lines.update(range(first, first + max(new_count, 1)))
        for line in range(old_start, old_start + old_count):
            replacements[line] = first
    return ChangedLines(path, frozenset(lines), replacements)


def _numbers(hunk: re.Match[bytes]) -> tuple[int, int, int, int]:
    """The first line and the number of lines, of the old and of the new file."""
    old_start, old_count, new_start, new_count = hunk.groups(default=b"1")
    return int(old_start), int(old_count), int(new_start), int(new_count)


def _root(directory: Path) -> Path:
    answer = _git(directory, "rev-parse", "--show-toplevel")
    if answer.returncode == 0:
        return Path(os.fsdecode(answer.stdout.removesuffix(b"\n")))
    error = answer.stderr.decode("utf-8", "replace").strip()
    first_line = error.partition("\n")[0]
    reason = first_line.removeprefix("fatal: ")
    raise CommandError(
        f"there is no git repository here to compare with: {reason}",
        "name two stacks or two files, or change to a git repository",
    )


def _root_as_seen(root: Path, directory: Path) -> Path:
    """The top directory by the path from which the files are seen, which may contain a link."""
    here = _absolute(directory)
    for ancestor in (here, *here.parents):
        if ancestor.samefile(root):
            return ancestor
    return root


def _commit(root: Path, name: str) -> str:
    answer = _git(
        root,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{name}^{{commit}}",
    )
    return answer.stdout.decode().strip()


def _names(answer: subprocess.CompletedProcess[bytes]) -> list[str]:
    if answer.returncode:
        return []
    return [os.fsdecode(name) for name in answer.stdout.split(b"\0") if name]


def _absolute(path: Path) -> Path:
    """The path from the root. It keeps links, because the commit has links, too."""
    return Path(os.path.abspath(path))  # noqa: PTH100  resolve() follows links


def _git(
    directory: Path, *arguments: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", directory, *arguments],
            input=stdin,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise CommandError(
            "git is not installed",
            "install git, or name two files",
            ExitCode.COULD_NOT_RUN,
        ) from None
