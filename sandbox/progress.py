"""Talk on stderr: one line a step with its time; a spinner while it lasts, on a terminal only."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LABEL_WIDTH = 10
_MINUTE = 60
_ERASE_LINE = "\r\x1b[2K"


def say(text: str, label: str = "sandbox") -> None:
    """Print one line of talk, with the part of the system that talks in front."""
    erase = _ERASE_LINE if is_terminal() else ""
    print(f"{erase}{label:<{_LABEL_WIDTH}}{text}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds for people: `4 s`, `3 min 05 s`."""
    whole = round(seconds)
    return (
        f"{whole} s"
        if whole < _MINUTE
        else f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    )


class Clock:
    """The time since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        return duration(self.seconds)

    @property
    def seconds(self) -> float:
        """Seconds since the clock was made."""
        return time.monotonic() - self._start


@contextmanager
def working(text: str, label: str = "sandbox") -> Iterator[Clock]:
    """Show that `text` is under way: a spinner with its time on a terminal, else nothing."""
    clock, done = Clock(), threading.Event()
    spinner = threading.Thread(
        target=_spin, args=(f"{label:<{_LABEL_WIDTH}}{text}", clock, done), daemon=True
    )
    if is_terminal():
        spinner.start()
    try:
        yield clock
    finally:
        done.set()
        if spinner.is_alive():
            spinner.join()
            print(_ERASE_LINE, end="", file=sys.stderr, flush=True)


@contextmanager
def announced(text: str, label: str = "sandbox") -> Iterator[Clock]:
    """As `working`, for what takes long: where nothing can be redrawn, a line says first what is waited for."""
    if not is_terminal():
        say(f"{text} …", label)
    with working(text, label) as clock:
        yield clock


def _spin(line: str, clock: Clock, done: threading.Event) -> None:
    for picture in itertools.cycle("|/-\\"):
        if done.wait(0.12):
            return
        print(f"\r{line} … {clock} {picture}", end="", file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """Whether talk goes to a terminal that can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
