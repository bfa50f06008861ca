"""How the texts of files are read."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path as File

from models.stack_file.limits import MOST_BYTES

Read = Callable[[File], str]
"""Reads the text of a file. It raises OSError as reading from the disk does."""


def disk(file: File) -> str:
    """The text of a file in the worktree. Bytes that are not UTF-8 are kept for the findings.

    Of a file that is too large, only its beginning is read: one byte more than a file may have.

    Raises:
        OSError: The file cannot be read, or it is a pipe or a device, which may never end.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb", closefd=True) as content:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(
                errno.EINVAL, "it is a pipe or a device, not a file", str(file)
            )
        data = content.read(MOST_BYTES + 1)
    return text_of(data)


def text_of(data: bytes) -> str:
    """The text of the bytes of a file. All ends of lines become `\\n`."""
    text = data.decode("utf-8", "surrogateescape")
    return text.replace("\r\n", "\n").replace("\r", "\n")
