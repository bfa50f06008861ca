"""Which files a stack file may name: those of its project, and of the git repository that the project is in.

A pull request can name any file, and a finding shows a part of it. So a path leads nowhere else, whatever links are on
it. Directories elsewhere are allowed by whoever runs the command, not by the stack file.

The home directory is neither a project nor a repository of a project below it: it holds keys and credentials that are
not in the repository, even if it has a `.git` or a Pulumi.yaml itself. A repository of another user is not one either,
as for git itself (safe.directory).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path as File

from models.stack_file.texts import Read

_GIT = ".git"
"""Git's own directory, which may contain credentials of a remote repository."""

VARIABLE = "ASCEND_VLLM_FILES"
"""Variable with further directories that stack files may name files of, with `:` between them."""


def confined(read: Read, stack_directory: File, project: File) -> Read:
    """A reader that refuses files outside of the project.

    Args:
        read: Reads a file.
        stack_directory: The directory of the stack file.
        project: The directory of the project.
    """
    allowed = list(_allowed_directories(stack_directory, project))

    def read_confined(file: File) -> str:
        place = _resolved(file)
        is_allowed = any(place.is_relative_to(directory) for directory in allowed)
        is_of_git = any(part.lower() == _GIT for part in place.parts)
        if not is_allowed or is_of_git:
            message = f"it is outside of the project {allowed[0]} ({VARIABLE} can allow its directory)"
            raise OSError(errno.EACCES, message, str(file))
        return read(file)

    return read_confined


def _allowed_directories(stack_directory: File, project: File) -> Iterator[File]:
    """The project of the stack file, its repository, the project of the command, and those that a variable allows."""
    start = _resolved(stack_directory)
    around = list(_directories_around(start))
    projects = [directory for directory in around if _is_project(directory)]
    yield projects[0] if projects else start
    repositories = [directory for directory in around if _is_repository(directory)]
    yield from repositories[:1]
    of_command = _resolved(project)
    if _is_project(of_command) and not _contains_home(of_command):
        yield of_command
    for name in os.environ.get(VARIABLE, "").split(os.pathsep):
        if name:
            yield _resolved(File(name))


def _directories_around(start: File) -> Iterator[File]:
    """A directory and those that contain it, up to the home directory, which is left out unless it is the start."""
    yield start
    for directory in start.parents:
        if _contains_home(directory):
            return
        yield directory


def _contains_home(directory: File) -> bool:
    """Whether a directory is the home directory, or contains it."""
    try:
        home = _resolved(File.home())
    except RuntimeError:  # no HOME, and a user without an entry
        home = File("/")
    return home.is_relative_to(directory)


def _is_project(directory: File) -> bool:
    return (directory / "Pulumi.yaml").is_file()


def _is_repository(directory: File) -> bool:
    """Whether a directory is a git repository of the user who owns it, as a submodule or worktree is, too."""
    try:
        owner = (directory / _GIT).stat().st_uid
    except OSError:
        return False
    return owner in (directory.stat().st_uid, os.geteuid())


def _resolved(file: File) -> File:
    """The absolute path of a file without links.

    Raises:
        OSError: No file has this path.
    """
    try:
        return file.resolve()
    except ValueError as problem:  # a NUL character
        raise OSError(errno.EINVAL, str(problem), str(file)) from None
    except RuntimeError:  # links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(file)) from None
