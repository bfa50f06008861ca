"""Where fetched weights lie, what is known of them, and whose turn it is to fetch.

    STORE/NAME                  the weights, never seen half-done
    STORE/NAME.verified.json    what each of them was when its checksum was right
    STORE/NAME.partial/files    what is fetched and verified while the rest is missing
    STORE/NAME.partial/parts    what is being fetched; it goes on where it ended
    STORE/.NAME.lock, .lease    whose turn it is, on a node and on a claim of several

NAME holds a hash of the manifest. Of Python's standard library only; only `fetch.py` writes in a store.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import socket
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from models.launch.scripts.verify import FULL, File, say
else:
    sys.path.insert(0, str(Path(__file__).parent))
    from verify import FULL, say

SAVED_EVERY = 1.0
"""Seconds between two times that it is written which checksums were right."""

BEATS = 12
"""Beats of a lease that fail before its owner counts as gone."""


class Store:
    """Where the weights lie, and what is known of them."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.final = root, root / name
        self.partial = root / f"{name}.partial"
        self.parts = self.partial / "parts"
        self.lock = root / f".{name}.lock"
        self._stamps = root / f"{name}.verified.json"
        self._guard = threading.Lock()
        self._saved = float("-inf")
        self._is_saved = True
        self._seen: dict[str, list[object]] = {}

    @property
    def files(self) -> Path:
        """Where verified files go: to the others, as long as the whole is not there."""
        return self.final if self.final.is_dir() else self.partial / "files"

    def load(self) -> None:
        """Read what was known; what cannot be read is not known."""
        try:
            seen = json.loads(self._stamps.read_text("utf-8"))
            self._seen = seen if isinstance(seen, dict) else {}
        except (OSError, ValueError):
            self._seen = {}

    def knows(self, file: File) -> bool:
        """Whether a file is untouched since its checksum was right."""
        try:
            return self._seen.get(file.name) == self._sign(file)
        except OSError:
            return False

    def learn(self, file: File) -> None:
        """Keep that the checksum of a file was right just now. What a killed process did not write is read again."""
        with self._guard:
            self._seen[file.name] = self._sign(file)
            self._is_saved = False
            if time.monotonic() - self._saved >= SAVED_EVERY:
                self._save()

    def _save(self) -> None:
        write(self._stamps, json.dumps(self._seen))
        self._saved = time.monotonic()
        self._is_saved = True

    def _sign(self, file: File) -> list[object]:
        found = (self.files / file.name).stat()
        return [file.sha256, file.size, found.st_size, found.st_mtime_ns]

    def finish(self) -> None:
        """Show the whole under its name."""
        if not self._is_saved:
            self._save()
        if not self.final.is_dir():
            files = self.files
            for above, _, _ in os.walk(files):
                flush(Path(above))
            files.rename(self.final)
            flush(self.root)
        shutil.rmtree(self.partial, ignore_errors=True)


@contextmanager
def turn(store: Store) -> Iterator[None]:
    """Wait until no other pod of this node fetches the same; the lock goes with the process."""
    with store.lock.open("a+", encoding="utf-8") as lock:
        said = float("-inf")
        while not _locked(lock.fileno()):
            if time.monotonic() - said >= 60:
                said = time.monotonic()
                say(f"waiting for {_pod(_read(store.lock))}, whose turn it is to fetch {store.final.name}")
            time.sleep(0.5)
        lock.truncate(0)
        lock.write(f"{socket.gethostname()} {os.getpid()}\n")
        lock.flush()
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as problem:
        say(f"warning: this disk has no locks ({problem.strerror}); let only one pod of a node start at a time")
    return True


class Lease:
    """Whose turn it is among nodes.

    Mounted without locks, as SFS Turbo is, a claim knows the turns of one node only. So the owner gives signs of life
    in a file, and one that gives none counts as gone. The clocks of the nodes are not compared.
    """

    def __init__(self, store: Store, beat: float) -> None:
        self.lost = threading.Event()
        """Somebody else has taken over."""
        self._file, self._name, self._beat = store.root / f".{store.final.name}.lease", store.final.name, beat
        self._owner = f"{socket.gethostname()} {os.getpid()}.{random.getrandbits(64):x}"
        self._done = threading.Event()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for it, and keep it meanwhile."""
        seen, since, said = "", time.monotonic(), float("-inf")
        while not self._taken(sure=not seen):
            found = _read(self._file)
            if found != seen:
                seen, since = found, time.monotonic()
            elif time.monotonic() - since > BEATS * self._beat:
                say(f"{_pod(found)} gives no sign of life; taking over")
                self._file.unlink(missing_ok=True)
                continue
            if time.monotonic() - said >= 60:
                said = time.monotonic()
                say(f"waiting for {_pod(found)}, whose turn it is to fetch {self._name}")
            time.sleep(self._beat / 2)
        watch = threading.Thread(target=self._keep, daemon=True)
        watch.start()
        try:
            yield
        finally:
            self._done.set()
            watch.join()
            self.give_back()

    def give_back(self) -> None:
        """Let others have their turn at once."""
        if self._is_ours():
            self._file.unlink()

    def _taken(self, *, sure: bool) -> bool:
        """Take it, if it is free; two who take over from the same one look again which of them has it."""
        try:
            os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return False
        self._give_sign()
        if not sure:
            time.sleep(self._beat)
        return self._is_ours()

    def _keep(self) -> None:
        while not self._done.wait(self._beat):
            if not self._is_ours():
                self.lost.set()
                return
            try:
                self._give_sign()
            except OSError as problem:
                say(f"warning: no sign of life could be given: {problem.strerror}")

    def _give_sign(self) -> None:
        write(self._file, f"{self._owner}\n{time.time()}")

    def _is_ours(self) -> bool:
        return _read(self._file).partition("\n")[0] == self._owner


def write(file: Path, text: str) -> None:
    """Put a text in the place of a file's, at once for everybody who reads it."""
    new = file.with_name(f"{file.name}.{socket.gethostname()}.{os.getpid()}.new")
    new.write_text(text, "utf-8")
    new.replace(file)


def flush(directory: Path) -> None:
    """Have the names in a directory outlive the node's end; not every disk can."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as problem:
        if problem.errno in FULL:
            raise
    finally:
        os.close(descriptor)


def _pod(text: str) -> str:
    return f"pod {text.partition(' ')[0] or '?'}"


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""
