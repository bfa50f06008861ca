"""Turns Ctrl-C, SIGTERM and SIGHUP into an exception, so that each step can clean up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_Handler = Callable[[int, FrameType | None], object] | signal.Handlers


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to stop; its text is the signal's name."""


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(signal.Signals(number).name)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within this context SIGINT, SIGTERM and SIGHUP raise Interrupted."""
    with _handling(_raise):
        yield


@contextmanager
def uninterruptible() -> Iterator[None]:
    """Within this context the same signals are ignored: for a short clean-up that must not be cut in half."""
    with _handling(signal.SIG_IGN):
        yield


@contextmanager
def _handling(handler: _Handler) -> Iterator[None]:
    # Only the main thread may set handlers; elsewhere the caller's stay.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            if previous is None:
                previous = signal.SIG_DFL  # noqa: PLW2901  the handler was set outside of Python
            signal.signal(number, previous)
