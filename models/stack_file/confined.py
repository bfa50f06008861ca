"""Which files a stack file may name: those of its project, and of the git repository that the project is in.

A pull request can name any file, and a finding shows a part of it. So a path leads nowhere else, whatever links are on
it. Directories elsewhere are allowed by whoever runs the command, not by the stack file.
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
        if not is_allowed or _GIT in place.parts:
            message = f"it is outside of the project {allowed[0]} ({VARIABLE} can allow its directory)"
            raise OSError(errno.EACCES, message, str(file))
        return read(file)

    return read_confined


def _allowed_directories(stack_directory: File, project: File) -> Iterator[File]:
    """The project of the stack file, its repository, the project of the command, and those that a variable allows."""
    start = _resolved(stack_directory)
    projects = [
        directory for directory in (start, *start.parents) if _is_project(directory)
    ]
    yield projects[0] if projects else start
    repositories = [
        directory
        for directory in (start, *start.parents)
        if (directory / _GIT).exists()
    ]
    yield from repositories[:1]
    if _is_project(project):
        yield _resolved(project)
    for name in os.environ.get(VARIABLE, "").split(os.pathsep):
        if name:
            yield _resolved(File(name))


def _is_project(directory: File) -> bool:
    return (directory / "Pulumi.yaml").is_file()


def _resolved(file: File) -> File:
    """The absolute path of a file without links.

    Raises:
        OSError: No file has this path.
    """
    try:
        return file.resolve()
    except (
        ValueError,
        RuntimeError,
    ) as problem:  # a NUL character, or links in a circle
        raise OSError(errno.EINVAL, str(problem), str(file)) from None
