"""File locks between processes. A process that waits prints the reason. A lock may be deleted with its directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.progress import say


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file.

    Args:
        path: The lock file.
        what: What this process does. Processes that wait for the lock print it.
    """
    descriptor = _acquire(path, what)
    try:
        yield
    finally:
        os.close(descriptor)


def _acquire(path: Path, what: str) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # the directory was removed in between
        try:
            _flock(descriptor, what)
        except BaseException:
            os.close(descriptor)
            raise
        if _is_still(path, descriptor):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return descriptor
        os.close(descriptor)


def _flock(descriptor: int, what: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace")
        say(f"waiting: process {holder or '?'} is {what}")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the locked file is still the one at `path`. The process that held it before may have deleted it."""
    try:
        current = path.stat()
    except FileNotFoundError:
        return False
    locked_file = os.fstat(descriptor)
    return os.path.samestat(current, locked_file)
