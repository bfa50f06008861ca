"""Files that the command line names: they are read with a bound, and links are not followed when they are written."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

from models.stack_file.texts import named_bytes

STANDARD_INPUT = "-"
_DEVICES = "/dev"


def read_named(file: str, most: int) -> bytes:
    """The bytes of a file, or of standard input for `-`.

    Raises:
        OSError: It cannot be read, it has more bytes than `most`, or it may never end.
    """
    if file != STANDARD_INPUT:
        return named_bytes(Path(file), most)
    data = sys.stdin.buffer.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes", "standard input")
    return data


def write_named(file: Path, text: str) -> None:
    """Write a file, or replace its text. Lone surrogates become the bytes that they stand for.

    Raises:
        OSError: It cannot be written, or a link leads elsewhere, such as out of the project. Links below `/dev` are
            those of the system, such as `/dev/stdout`.
    """
    data = text.encode("utf-8", "surrogateescape")
    if file.is_relative_to(_DEVICES):
        file.write_bytes(data)
        return
    refuse_link(file)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(file, flags, 0o666)
    with os.fdopen(descriptor, "wb") as content:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device", str(file))
        if status.st_nlink > 1:
            message = "it is a hard link, and the other file would change, too"
            raise OSError(errno.EMLINK, message, str(file))
        content.truncate()
        content.write(data)


def refuse_link(file: Path) -> None:
    """Refuse to write to a link, or into a directory that a link puts elsewhere.

    Raises:
        OSError: The file is a link, or it leads out of the working directory.
    """
    if file.is_symlink():
        message = f"it is a link to {file.readlink()}"
        raise OSError(errno.ELOOP, message, str(file))
    refuse_link_out(file)


def refuse_link_out(file: Path) -> None:
    """Refuse a file or a directory below the working directory that links put elsewhere.

    A pull request can add a link. Who names a path outside of the working directory gets this path.

    Raises:
        OSError: A link on the path leads out of the working directory.
    """
    working_directory = Path.cwd()
    named = Path(os.path.abspath(file))  # noqa: PTH100  Path.resolve() follows links
    place = Path(os.path.realpath(file))
    if not named.is_relative_to(working_directory):
        return
    if not place.is_relative_to(working_directory):
        raise OSError(errno.ELOOP, f"a link leads to {place}", str(file))
