"""Verify a directory of weights against its manifest before the server starts, and name every file that is not as it
was.

Run with the image's own Python, 3.8 or later, and nothing but its standard library; `fetch.py` shares it.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import re
import signal
import stat
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Sequence

CHUNK = 1 << 20
THREADS = 8
NAMED = 10
"""Most files that one line names."""

DOCUMENT = re.compile(
    r"(.*\.(md|rst|pdf|html?|png|jpe?g|gif|svg|webp|bmp|ico|mp4|ipynb|csv|log)"
    r"|[\w -]*(licen[cs]e|notice|copying|readme|agreement|policy|citation|authors|changelog|requirements)[\w -]*"
    r"(\.txt)?)"
)
"""Names of files that no server loads. vLLM and transformers load many endings, and each release adds some."""

FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class StepError(Exception):
    """What ends the step, in one line, and what to do about it."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True)
class File:
    """A file as the manifest has it."""

    name: str
    size: int
    sha256: str


class Progress:
    """Counts bytes, and says now and then how many there are."""

    def __init__(self, verb: str, total: int, every: float) -> None:
        self._verb, self._total, self._every = verb, total, every
        self._lock = threading.Lock()
        self._done = self._first = 0
        self._began = self._said = time.monotonic()

    def skip(self, count: int) -> None:
        """Count bytes that were there before."""
        with self._lock:
            self._done += count
            self._first += count

    def add(self, count: int) -> None:
        """Count bytes; fewer than none where they have to come again."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._said >= self._every:
                self._said = now
                say(self._line(now - self._began))

    def _line(self, seconds: float) -> str:
        speed = max(self._done - self._first, 1) / seconds
        minutes = (self._total - self._done) / speed / 60
        share = 100 * self._done // max(self._total, 1)
        amounts = f"{gib(self._done)} of {gib(self._total)}, {speed / (1 << 20):.1f} MiB/s, {minutes:.0f} min left"
        return f"{self._verb} {share} % ({amounts})"


def main() -> int:
    """Verify; 1 when a file is not as the manifest has it."""
    asked = options()
    end_on_sigterm(lambda: None)
    return told(lambda: verify(Path(asked.directory), read_manifest(Path(asked.manifest)), asked.every))


def options() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description="Verify a directory against its manifest.")
    parser.add_argument("--directory", required=True, help="with the weights")
    parser.add_argument("--manifest", required=True, help='{"files": {NAME: {"size": BYTES, "sha256": HEX}}}')
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two lines of progress")
    return parser.parse_args()


def verify(directory: Path, files: Sequence[File], every: float) -> None:
    """Compare sizes and checksums, several files at once.

    Raises:
        StepError: A file is missing, or another than the manifest has.
    """
    if not directory.is_dir():
        raise StepError(f"there is no directory {directory}", "correct model.source, or put the weights there")
    progress = Progress("verified", sum(file.size for file in files), every)
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda file: wrong(directory / file.name, file, progress.add), files)
        bad = [line for line in found if line]
    if bad:
        for line in bad:
            say(f"bad: {line}")
        raise StepError(
            f"{len(bad)} of {len(files)} files in {directory} are not as the manifest has them: {listed(bad)}",
            "put them there anew, or make the manifest anew if they were meant to change (ascend-vllm manifest)",
        )
    refuse_unlisted(directory, files)
    say(f"{len(files)} files, {gib(sum(file.size for file in files))}, are as the manifest has them")


def refuse_unlisted(directory: Path, files: Sequence[File]) -> None:
    """Name the files that the manifest does not have.

    Raises:
        StepError: The server would load one of them.
    """
    unlisted = sorted({*names_below(directory), *linked_directories(directory)} - {file.name for file in files})
    loaded = [name for name in unlisted if is_loaded(name)]
    others = [name for name in unlisted if not is_loaded(name)]
    if others:
        say(f"warning: {counted(others)} not in the manifest: {listed(others)}")
    if loaded:
        raise StepError(
            f"{counted(loaded)} in {directory} but not in the manifest, and a server may load them: {listed(loaded)}",
            "remove them, or make the manifest anew if they belong to the model (ascend-vllm manifest)",
        )


def is_loaded(name: str) -> bool:
    """Whether a server may load a file: all but documents. A linked directory, which ends with /, may hold anything."""
    last = name.rpartition("/")[2]
    return not DOCUMENT.fullmatch(last.lower())


def wrong(path: Path, file: File, count: Callable[[int], None]) -> str:
    """What is wrong with a file, by its name; empty when nothing is."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return f"{file.name} is no file"
        if found.st_size != file.size:
            return f"{file.name} has {found.st_size} bytes instead of {file.size}"
        return "" if checksum(path, count) == file.sha256 else f"{file.name} has another checksum"
    except FileNotFoundError:
        return f"{file.name} is missing"
    except OSError as problem:
        return f"{file.name} cannot be read: {problem.strerror}"
    except ValueError as problem:
        return f"{file.name!r} is not the name of a file: {problem}"


def checksum(path: Path, count: Callable[[int], None]) -> str:
    """The SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as content:
        while True:
            piece = content.read(CHUNK)
            if not piece:
                return digest.hexdigest()
            digest.update(piece)
            count(len(piece))


def read_manifest(path: Path) -> Sequence[File]:
    """The files of a manifest, in its order.

    Raises:
        StepError: It is none, or names a file outside the directory.
    """
    try:
        listed_files = json.loads(path.read_text("utf-8"))["files"]
        files = [File(str(name), int(one["size"]), str(one["sha256"]).lower()) for name, one in listed_files.items()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as problem:
        raise StepError(f"{path} is no manifest: {problem}", "make it with ascend-vllm manifest") from None
    for file in files:
        if file.name.startswith("/") or {"", ".", ".."} & {*file.name.split("/")}:
            raise StepError(f"the manifest names {file.name!r}, outside the directory", "make the manifest anew")
    return files


def names_below(directory: Path) -> Iterator[str]:
    """The files below a directory by their names in a manifest; hidden ones are nobody's weights."""
    for above, directories, names in os.walk(directory):
        directories[:] = [name for name in directories if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield (Path(above) / name).relative_to(directory).as_posix()


def linked_directories(directory: Path) -> Iterator[str]:
    """The links to directories, with / at their end. Nobody verifies what is behind them."""
    for above, directories, _ in os.walk(directory):
        for name in directories:
            path = Path(above) / name
            if path.is_symlink():
                yield f"{path.relative_to(directory).as_posix()}/"


def told(step: Callable[[], None]) -> int:
    """The exit code of a step; what ended it is its last line."""
    try:
        step()
    except StepError as problem:
        say(f"error: {problem}; fix: {problem.fix}")
        return 1
    except OSError as problem:
        say("error: {}; fix: {}".format(*of_the_disk(problem)))
        return 1
    return 0


def of_the_disk(problem: OSError) -> Sequence[str]:
    """What the disk refuses, and what to do about it."""
    what = f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem.strerror or problem)
    if problem.errno in FULL:
        return f"No space is left for the weights ({what})", "make room where model.source.to says"
    if problem.errno in FORBIDDEN:
        return f"the weights cannot be written ({what})", "let the user of the pod write where model.source.to says"
    return what, "repair the disk, or correct model.source"


def end_on_sigterm(last: Callable[[], None]) -> None:
    """End at once when the pod is to go: to the first process of a container SIGTERM means nothing by itself."""

    def end(*_: object) -> None:
        last()
        os._exit(143)

    signal.signal(signal.SIGTERM, end)


def say(text: str) -> None:
    """One line of what happens; a name may hold what would break it."""
    print(f"weights: {re.sub(r'[^ -~]', plain, text)}", file=sys.stderr, flush=True)


def plain(found: re.Match[str]) -> str:
    """A letter as it is, and what is none as an escape."""
    return found[0] if found[0].isprintable() else found[0].encode("unicode_escape").decode()


def listed(names: Sequence[str]) -> str:
    """Names, the first of many."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def counted(names: Sequence[str]) -> str:
    """How many files are something."""
    return "1 file is" if len(names) == 1 else f"{len(names)} files are"


def gib(count: float) -> str:
    """Bytes for people."""
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 29 else f"{count / (1 << 20):.1f} MiB"


if __name__ == "__main__":
    sys.exit(main())
