"""Progress on stderr: one line for each step with its time, and on a terminal a spinner while the step runs."""

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
    """Print one line that begins with a label: the part of the system that reports."""
    erase = ""
    if is_terminal():
        erase = _ERASE_LINE
    print(f"{erase}{label:<{_LABEL_WIDTH}}{text}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as text: `4 s`, `3 min 05 s`."""
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes == 0:
        return f"{rest} s"
    return f"{minutes} min {rest:02d} s"


class Clock:
    """The time since its creation."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __str__(self) -> str:
        return duration(self.seconds)

    @property
    def seconds(self) -> float:
        """Seconds since its creation."""
        return time.monotonic() - self._start


@contextmanager
def working(text: str, label: str = "sandbox") -> Iterator[Clock]:
    """Show a spinner with the time while a step runs. Without a terminal, nothing is shown."""
    clock = Clock()
    done = threading.Event()
    line = f"{label:<{_LABEL_WIDTH}}{text}"
    spinner = threading.Thread(target=_spin, args=(line, clock, done), daemon=True)
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
    """Like `working`, for a long step: without a terminal, a line is printed at its beginning."""
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
    """Whether stderr is a terminal that can redraw a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
