"""How the texts of files are read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path as File

from models.stack_file.limits import MOST_BYTES

_DESCRIPTORS = "/dev/fd"
"""Directory of the files that shells write for `<(…)`."""

Read = Callable[[File], str]
"""Reads the text of a file. It raises OSError as reading from the disk does."""


def disk(file: File) -> str:
    """The text of a file in the worktree. Bytes that are not UTF-8 are kept for the findings.

    Of a file that is too large, only its beginning is read: one byte more than a file may have.

    Raises:
        OSError: The file cannot be read, or it is a pipe or a device, which may never end.
    """
    return text_of(beginning(file, MOST_BYTES + 1))


def unchanged(file: File) -> str:
    """The text of a file in the worktree as it is, for an edit that keeps its ends of lines.

    Raises:
        OSError: The file cannot be read, or it is a pipe or a device.
    """
    return beginning(file, MOST_BYTES + 1).decode("utf-8", "surrogateescape")


def named_bytes(file: File, most: int) -> bytes:
    """The bytes of a file that somebody named on the command line, which may be the output of a command: `<(…)`.

    Args:
        file: The file.
        most: Most bytes that it may have.

    Raises:
        OSError: The file cannot be read, it is too large, or it is another pipe or a device, which may never end.
    """
    data = beginning(file, most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes", str(file))
    return data


def beginning(file: File, most: int) -> bytes:
    """At most this number of bytes of a file. Nobody waits for a pipe that has no writer."""
    is_output_of_command = file.is_relative_to(_DESCRIPTORS)
    flags = os.O_RDONLY if is_output_of_command else os.O_RDONLY | os.O_NONBLOCK
    descriptor = os.open(file, flags)
    with os.fdopen(descriptor, "rb", closefd=True) as content:
        mode = os.fstat(descriptor).st_mode
        is_pipe = stat.S_ISFIFO(mode) and is_output_of_command
        if not stat.S_ISREG(mode) and not is_pipe:
            raise OSError(
                errno.EINVAL, "it is a pipe or a device, not a file", str(file)
            )
        return content.read(most)


def text_of(data: bytes) -> str:
    """The text of the bytes of a file. All ends of lines become `\\n`."""
    text = data.decode("utf-8", "surrogateescape")
    return text.replace("\r\n", "\n").replace("\r", "\n")
