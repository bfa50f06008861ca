"""The named files that services keep until their step, on the disk while an upgrade runs.

They are next to the stack file, so that `pulumi up` reads them like the files that the stack itself names.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex

from cli.errors import CommandError, ExitCode
from models.stack_file.texts import Read, disk, named_bytes
from plan.kept_values import DIRECTORY

_IGNORED = ".gitignore"


def reading(directory: Path, texts: Mapping[str, str]) -> Read:
    """A reader that has the kept files before they are on the disk.

    Args:
        directory: The directory of the stack file.
        texts: The texts of the kept files by their names below it.
    """
    kept = {directory / name: text for name, text in texts.items()}

    def read(file: Path) -> str:
        if file in kept:
            return kept[file]
        return disk(file)

    return read


def write_kept_files(directory: Path, stack: str, texts: Mapping[str, str]) -> None:
    """Write the kept files of a stack. Git ignores them.

    Args:
        directory: The directory of the stack file.
        stack: The stack's name.
        texts: The texts by the names of the files below the directory.

    Raises:
        CommandError: Somebody has put a link in their place, or they cannot be written.
    """
    if not texts:
        return
    own = directory / DIRECTORY / stack
    try:
        _refuse_link(own)
        own.mkdir(parents=True, exist_ok=True)
        _write(own / _IGNORED, "*\n")
        for name, text in texts.items():
            _write(directory / name, text)
    except OSError as problem:
        raise CommandError(
            f"{own} cannot be written: {problem.strerror}",
            "the services that are not updated yet need the files of their revision there",
            ExitCode.COULD_NOT_RUN,
        ) from None


def remove_kept_files(directory: Path, stack: str) -> None:
    """Remove the kept files of a stack whose upgrade has ended."""
    above = directory / DIRECTORY
    own = above / stack
    if above.is_symlink() or own.is_symlink() or not own.exists():
        return
    shutil.rmtree(own)
    if not any(above.iterdir()):
        above.rmdir()


def _refuse_link(own: Path) -> None:
    for directory in (own.parent, own):
        if directory.is_symlink():
            raise CommandError(
                f"{directory} is a link", f"remove {directory}", ExitCode.COULD_NOT_RUN
            )


def _write(file: Path, text: str) -> None:
    """Write a file, unless it is there already: a `pulumi up` that was left behind may read it.

    The new file has a name that nobody knows before, and replaces a link in its place.
    """
    data = text.encode("utf-8", "surrogateescape")
    if not file.is_symlink() and _has(file, data):
        return
    new = file.with_name(f".{file.name}.{token_hex(8)}.new")
    with new.open("xb") as stream:
        stream.write(data)
    new.replace(file)


def _has(file: Path, data: bytes) -> bool:
    try:
        return named_bytes(file, len(data)) == data
    except OSError:
        return False
