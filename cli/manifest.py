"""`ascend-vllm manifest`: the size and checksum of each file of a model's weights."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from models.launch.scripts.verify import THREADS, checksum, gib, names_below
from models.stack_file.checksums import WeightFiles
from models.stack_file.parse import parse
from models.words import counted

DirectoryArgument = Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Directory with the weights.")]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", show_default=False, help="Write to this file instead of standard output."
    ),
]


def command(directory: DirectoryArgument, output: OutputOption = None) -> None:
    """Write the size and SHA-256 of each file of a model's weights.

    Pods use this manifest to fetch the weights (model.source) and to verify them
    (model.verify). Hidden files are left out.

    Examples:
      ascend-vllm manifest /mnt/models/Qwen2-7B -o manifests/Qwen2-7B.json
      ascend-vllm manifest . | jq '.files | length'
    """
    if not directory.is_dir():
        raise CommandError(f"there is no directory {directory}", "name the directory with the weights")
    names = sorted(names_below(directory))
    if not names:
        raise CommandError(f"{directory} has no files", "name the directory with the weights")
    try:
        files = dict(zip(names, _measured(directory, names), strict=True))
    except OSError as problem:
        message = f"{problem.filename} cannot be read: {problem.strerror}"
        raise CommandError(message, "read it where all its files are", ExitCode.COULD_NOT_RUN) from None
    _, refused = parse(WeightFiles, {"files": files}, ())
    if refused:
        raise CommandError(f"no pod takes this manifest: {refused[0].message}", refused[0].fix, ExitCode.FOUND)
    text = json.dumps({"files": files}, indent=1, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as problem:
        message = f"{output} cannot be written: {problem.strerror}"
        raise CommandError(message, "name a file that can be written", ExitCode.COULD_NOT_RUN) from None
    total = gib(sum(file["size"] for file in files.values()))
    typer.echo(f"{output}: {counted(len(files), 'file')}, {total}", err=True)


def _measured(directory: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    """The size and checksum of each file, several at once."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    sizes = [os.stat(directory / name).st_size for name in names]  # noqa: PTH116  the error names the file
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar, ThreadPoolExecutor(THREADS) as pool:
        task = bar.add_task("", total=sum(sizes))
        sums = pool.map(lambda name: _sum(directory / name, lambda count: bar.advance(task, count)), names)
        for size, digest in zip(sizes, sums, strict=True):
            yield {"size": size, "sha256": digest}


def _sum(file: Path, count: Callable[[int], None]) -> str:
    """The checksum of a file; a disk that fails in the middle of it does not say which one it was."""
    try:
        return checksum(file, count)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(file)) from None
