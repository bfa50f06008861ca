"""Fetch the weights of a model from a bucket before the server starts: once, whole and verified, or not at all.

Run with the image's own Python, 3.8 or later, and nothing but its standard library and the scripts beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Sequence

if TYPE_CHECKING:
    from models.launch.scripts.bucket import Bucket, Keys, OtherFileError, PassingError
    from models.launch.scripts.store import Lease, Store, turn
    from models.launch.scripts.verify import (
        CHUNK,
        THREADS,
        File,
        Progress,
        StepError,
        end_on_sigterm,
        gib,
        listed,
        read_manifest,
        refuse_unlisted,
        say,
        told,
        wrong,
    )
else:
    sys.path.insert(0, str(Path(__file__).parent))
    from bucket import Bucket, OtherFileError, PassingError
    from store import Lease, Store, turn
    from verify import (
        CHUNK,
        THREADS,
        Progress,
        StepError,
        end_on_sigterm,
        gib,
        listed,
        read_manifest,
        refuse_unlisted,
        say,
        told,
        wrong,
    )

BAD = 3
"""How often a file is fetched that is not what the manifest says."""

ENOUGH = 1 << 20
"""Bytes after which a connection that breaks counts as the first again."""


class StoppedError(Exception):
    """The file is not wanted any more: another one has failed for good, or somebody else has taken over."""


def main() -> int:
    """Fetch; 1 when it cannot be done, and then the server does not start."""
    asked = options()
    os.umask(0o022)
    store = Store(Path(asked.store), asked.name)
    lease = Lease(store, asked.beat) if asked.shared else None
    end_on_sigterm(lease.give_back if lease else lambda: None)
    return told(lambda: fetch(asked, store, lease))


def options() -> argparse.Namespace:
    """What is asked for; all times in seconds. The keys come as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""
    parser = argparse.ArgumentParser(description="Fetch weights from a bucket.")
    parser.add_argument("--endpoint", required=True, help="address of the service, without the bucket")
    parser.add_argument("--region", required=True, help="of the bucket")
    parser.add_argument("--bucket", required=True, help="name of the bucket")
    parser.add_argument("--prefix", default="", help="of the files in the bucket")
    parser.add_argument("--manifest", required=True, help='{"files": {NAME: {"size": BYTES, "sha256": HEX}}}')
    parser.add_argument("--store", required=True, help="directory that holds weights of many models")
    parser.add_argument("--name", required=True, help="directory of these below it")
    parser.add_argument("--shared", action="store_true", help="pods of other nodes see the store too")
    parser.add_argument("--every", type=float, default=15.0, help="between two lines of progress")
    parser.add_argument("--timeout", type=float, default=30.0, help="longest silence of a connection")
    parser.add_argument("--patience", type=float, default=900.0, help="longest time without any progress")
    parser.add_argument("--pause", type=float, default=1.0, help="first pause before anything is tried again")
    parser.add_argument("--beat", type=float, default=10.0, help="between two signs of life on a shared store")
    return parser.parse_args()


def keys() -> Keys:
    """The keys of the environment; none for a public bucket.

    Raises:
        StepError: They cannot be sent in a header; they are not shown.
    """
    access, secret = (os.environ.get(name, "").strip() for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    if not access and not secret:
        return None
    for key in (access, secret):
        if not key or not key.isascii() or not key.isprintable():
            raise StepError("a key of the bucket is empty, or is none", "correct the Secrets that model.source names")
    return access, secret


def fetch(asked: argparse.Namespace, store: Store, lease: Lease | None) -> None:
    """Fetch what is missing, and show the whole when all of it is verified.

    Raises:
        StepError: It cannot be done.
        OSError: The disk refuses.
    """
    files = read_manifest(Path(asked.manifest))
    bucket = Bucket(asked.endpoint, asked.region, asked.bucket, asked.prefix, keys(), asked.timeout)
    store.root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as turns:
        turns.enter_context(turn(store))
        if lease:
            turns.enter_context(lease.held())
        store.load()
        missing = to_fetch(store, files, asked.every)
        if missing:
            room(store, missing)
            say(f"fetching {len(missing)} of {len(files)} files, {gib(size_of(missing))}")
            progress = Progress("fetched", size_of(files), asked.every)
            progress.skip(size_of(files) - size_of(missing))
            work = Work(bucket, store, progress, asked, lease.lost if lease else threading.Event())
            all_of(work, missing)
        if lease and lease.lost.is_set():
            raise StepError("another pod has taken over", "nothing: this one starts again, and waits")
        store.finish()
        refuse_unlisted(store.final, files)
    say(f"{len(files)} files, {gib(size_of(files))}, are complete in {store.final.name}")


def to_fetch(store: Store, files: Sequence[File], every: float) -> Sequence[File]:
    """The files that are not there as the manifest has them, those that are bad named.

    A file that is as it was when its checksum was right is not read again.
    """
    doubtful = [file for file in files if not store.knows(file)]
    there = [file for file in doubtful if (store.files / file.name).exists()]
    progress = Progress("verified", size_of(there), every)

    def is_bad(file: File) -> bool:
        found = wrong(store.files / file.name, file, progress.add)
        if found:
            say(f"bad: {found}; it is fetched again")
        else:
            store.learn(file)
        return bool(found)

    with ThreadPoolExecutor(THREADS) as pool:
        good = {file for file, bad in zip(there, pool.map(is_bad, there)) if not bad}
    return [file for file in doubtful if file not in good]


def room(store: Store, missing: Sequence[File]) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        StepError: It is too small; with what else lies there.
    """
    disk = os.statvfs(store.root)
    parts = sum(path.stat().st_size for path in store.parts.rglob("*") if path.is_file())
    needed, free = size_of(missing) - parts, disk.f_bavail * disk.f_frsize
    if disk.f_blocks and needed > free:
        others = [path.name for path in sorted(store.root.iterdir()) if path.is_dir() and path != store.partial]
        beside = f"; beside it lie {listed(others)}" if others else ""
        raise StepError(
            f"No space is left for the weights: {gib(needed)} are to come, {gib(free)} are free{beside}",
            "make room where model.source.to says; remove there what no service uses any more",
        )


class Work:
    """All that the files of a fetch share."""

    def __init__(
        self,
        bucket: Bucket,
        store: Store,
        progress: Progress,
        asked: argparse.Namespace,
        stopped: threading.Event,
    ) -> None:
        self.bucket, self.store, self.progress, self.asked, self.stopped = bucket, store, progress, asked, stopped

    def wait(self, seconds: float) -> None:
        """Pause, if there is still something to wait for."""
        if self.stopped.wait(seconds):
            raise StoppedError


def all_of(work: Work, files: Sequence[File]) -> None:
    """Fetch files side by side, the largest first; the first that fails for good ends the others.

    Raises:
        StepError: One cannot be had, or is another one.
        OSError: The disk refuses.
    """

    def one(file: File) -> None:
        try:
            one_of(work, file)
        except BaseException:
            work.stopped.set()
            raise

    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(one, file) for file in sorted(files, key=lambda file: -file.size)]
    for failure in (future.exception() for future in futures):
        if failure and not isinstance(failure, StoppedError):
            raise failure


def one_of(work: Work, file: File) -> None:
    """Fetch a file until its checksum is right.

    Raises:
        StepError: It cannot be had, or is another one.
        StoppedError: It is not wanted any more.
    """
    part, whole = work.store.parts / file.name, work.store.files / file.name
    for path in (part, whole):
        path.parent.mkdir(parents=True, exist_ok=True)
    other = once(work, file, part)
    for _ in range(BAD - 1):
        if not other:
            break
        say(f"bad: {file.name}: {other}; it is fetched again")
        work.wait(work.asked.pause)
        other = once(work, file, part)
    if other:
        fix = "upload the file that the manifest means, or make the manifest anew (ascend-vllm manifest)"
        raise StepError(f"{file.name} in the bucket is not what the manifest says: {other}, {BAD} times", fix)
    if work.stopped.is_set():
        raise StoppedError
    part.replace(whole)
    work.store.learn(file)


def once(work: Work, file: File, part: Path) -> str:
    """Fetch a file, from where it ended; what is wrong with it, or nothing."""
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+b", buffering=0) as content:
        coming = Coming(work, file, content)
        other = coming.whole()
        if other:
            work.progress.add(-coming.have)
            content.truncate(0)
        else:
            os.fsync(descriptor)
        return other


class Coming:
    """A file that comes: what there is of it, and its checksum so far."""

    def __init__(self, work: Work, file: File, content: BinaryIO) -> None:
        self._work, self._file, self._content = work, file, content
        self._digest = hashlib.sha256()
        self.have = 0
        if os.fstat(content.fileno()).st_size > file.size:
            content.truncate(0)
        for piece in iter(lambda: content.read(CHUNK), b""):
            self._digest.update(piece)
            self.have += len(piece)
        work.progress.skip(self.have)
        if self.have:
            say(f"{file.name} goes on at {gib(self.have)} of {gib(file.size)}")

    def whole(self) -> str:
        """Ask again wherever a connection ends, until the file is whole; what is wrong with it, or nothing.

        Raises:
            StepError: It does not come, or is refused.
            StoppedError: It is not wanted any more.
        """
        since, mark, tries = time.monotonic(), self.have, 0
        while self.have < self._file.size:
            try:
                ended = self._read()
            except OtherFileError as other:
                return str(other)
            if self.have - mark >= ENOUGH:
                since, mark, tries = time.monotonic(), self.have, 0
            if self.have < self._file.size:
                self._pause(ended, since, tries)
            tries += 1
        return "" if self._digest.hexdigest() == self._file.sha256 else "it has another checksum"

    def _read(self) -> PassingError:
        try:
            self._work.bucket.read(self._file.name, self.have, self._file.size, self._take)
        except PassingError as passing:
            return passing
        return PassingError("the connection ended too early")

    def _pause(self, ended: PassingError, since: float, tries: int) -> None:
        asked, name = self._work.asked, self._file.name
        if time.monotonic() - since > asked.patience:
            message = f"{name} did not come for {asked.patience / 60:.0f} min: {ended}"
            raise StepError(message, "see whether the node reaches model.source.endpoint: network, DNS, proxy")
        usual = min(asked.pause * 2 ** min(tries, 6), 60) * random.uniform(0.5, 1)  # noqa: S311  no secret
        pause = max(ended.pause, usual)
        say(f"{name}: {ended}; trying again in {pause:.0f} s")
        self._work.wait(pause)

    def _take(self, piece: bytes) -> None:
        if self._work.stopped.is_set():
            raise StoppedError
        if self.have + len(piece) > self._file.size:
            raise OtherFileError("it is longer in the bucket than in the manifest")
        view = memoryview(piece)
        while view:
            view = view[os.pwrite(self._content.fileno(), view, self.have + len(piece) - len(view)) :]
        self._digest.update(piece)
        self.have += len(piece)
        self._work.progress.add(len(piece))


def size_of(files: Sequence[File]) -> int:
    """Bytes of files."""
    return sum(file.size for file in files)


if __name__ == "__main__":
    sys.exit(main())
