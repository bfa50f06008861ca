"""`ascend-vllm checksums`: the size and SHA-256 of each file of a model's weights."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from cli.inputs.named_files import refuse_link_out, write_named
from models.launch.scripts.verify import THREADS, checksum, gib, names_below
from models.stack_file.checksums import Checksums
from models.stack_file.parse import parse
from models.words import counted

DirectoryArgument = Annotated[
    Path, typer.Argument(metavar="DIRECTORY", help="Directory with the weights.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        show_default=False,
        help="Write to this file instead of standard output.",
    ),
]


def command(directory: DirectoryArgument, output: OutputOption = None) -> None:
    """Write the size and SHA-256 of each file of a model's weights.

    Pods use this list to fetch the weights (model.source) and to verify them
    (model.verify). Hidden files are left out. The old name of this command,
    manifest, still works.

    Examples:
      ascend-vllm checksums /mnt/models/Qwen2-7B -o checksums/Qwen2-7B.json
      ascend-vllm checksums . | jq '.files | length'
    """
    files = _measured_files(directory)
    _refuse_unusable(files)
    text = json.dumps({"files": files}, indent=1, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    _write(output, text)
    total = sum(file["size"] for file in files.values())
    typer.echo(f"{output}: {counted(len(files), 'file')}, {gib(total)}", err=True)


def _measured_files(directory: Path) -> dict[str, dict[str, Any]]:
    """The size and checksum of each file in a directory, by name."""
    if not directory.is_dir():
        raise CommandError(
            f"there is no directory {directory}", "name the directory with the weights"
        )
    names = sorted(names_below(directory))
    if not names:
        raise CommandError(
            f"{directory} has no files", "name the directory with the weights"
        )
    try:
        return dict(zip(names, _measure(directory, names), strict=True))
    except OSError as problem:
        message = f"{problem.filename} cannot be read: {problem.strerror}"
        raise CommandError(
            message, "run it where all files can be read", ExitCode.COULD_NOT_RUN
        ) from None


def _measure(directory: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The size and checksum of each file. Several files are read in parallel."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    sizes = [_size(directory / name) for name in names]
    columns = (
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with (
        Progress(*columns, console=Console(stderr=True), transient=True) as bar,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        task = bar.add_task("", total=sum(sizes))

        def checksum_of(name: str) -> str:
            return _checksum(directory / name, lambda count: bar.advance(task, count))

        checksums = pool.map(checksum_of, names)
        for size, digest in zip(sizes, checksums, strict=True):
            yield {"size": size, "sha256": digest}


def _size(file: Path) -> int:
    """The size of a file.

    Raises:
        OSError: It cannot be read, or it is a pipe or a device, which may never end.
    """
    status = os.stat(file)  # noqa: PTH116  the error names the file
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(file))
    return status.st_size


def _checksum(file: Path, advance: Callable[[int], None]) -> str:
    """The checksum of a file. The error of a read does not name the file, so it is added."""
    try:
        return checksum(file, advance)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(file)) from None


def _refuse_unusable(files: Mapping[str, Any]) -> None:
    """Refuse files that a stack would not accept as weights."""
    _, findings = parse(Checksums, {"files": files}, ())
    if not findings:
        return
    message = findings[0].message.removeprefix("the stack: ")
    fix = findings[0].fix
    is_about_the_whole_list = not findings[0].marks[0].path
    if is_about_the_whole_list:
        fix = "remove files from the directory that the server does not load"
    raise CommandError(
        f"no pod accepts these checksums: {message}", fix, ExitCode.FOUND
    )


def _write(file: Path, text: str) -> None:
    try:
        refuse_link_out(file.parent)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_named(file, text)
    except OSError as problem:
        message = f"{file} cannot be written: {problem.strerror}"
        raise CommandError(
            message, "name a writable file", ExitCode.COULD_NOT_RUN
        ) from None
