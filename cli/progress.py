"""How far a long command is, on standard error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import typer

_FIRST = 2.0
"""Seconds without a line. Shorter commands have none."""

_BETWEEN = 10.0
"""Seconds between two lines."""


class Progress:
    """Counts what is done, and prints a line about it from time to time: `compare   12 s: 34 of 180 answers`."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._start = time.monotonic()
        self._things = ""
        self._total = 0
        self._done = 0

    def begin(self, things: str, total: int) -> None:
        """Begin to count things."""
        self._things = things
        self._total = total
        self._done = 0

    def tick(self) -> None:
        """Count one more."""
        self._done += 1

    @property
    def line(self) -> str:
        """How far the command is."""
        seconds = time.monotonic() - self._start
        return f"{self._command} {seconds:4.0f} s: {self._done} of {self._total} {self._things}"

    async def print_lines(self) -> None:
        """Print a line every few seconds, until it is cancelled."""
        await asyncio.sleep(_FIRST)
        while True:
            if self._total:
                typer.echo(self.line, err=True)
            await asyncio.sleep(_BETWEEN)


@asynccontextmanager
async def shown_progress(command: str) -> AsyncIterator[Progress]:
    """Show the progress of a command while its work runs."""
    progress = Progress(command)
    printing = asyncio.create_task(progress.print_lines())
    try:
        yield progress
    finally:
        printing.cancel()
        with suppress(asyncio.CancelledError):
            await printing
