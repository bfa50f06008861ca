"""`--watch`: show the state of a stack whenever it changes, also during and after an outage of the API server."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import typer

from cli.output.status import StackStatus
from cluster.api.errors import ClusterError
from cluster.api.outage import Contact, OutageReport, reported

POLL = 2.0
"""Seconds between two looks at the cluster."""

_CLEAR = "\x1b[H\x1b[2J"
"""Moves the cursor to the top of the terminal, and clears it."""

_DURATION = re.compile(r"\d+ (?:s|min|h|d|%)\b *")


@dataclass
class Screen:
    """Where the states are shown: a terminal is redrawn, a pipe gets another text for each change."""

    text: Callable[[StackStatus], str]
    """The text of a look."""
    is_redrawn: bool
    """Whether a terminal shows only the last look."""
    _last: str = field(default="", init=False)

    def show(self, status: StackStatus) -> None:
        """Show a look at the cluster. A pipe does not get one that differs only in its durations."""
        text = self.text(status)
        if self.is_redrawn and sys.stdout.isatty():
            moment = status.snapshot.at.astimezone()
            typer.echo(f"{_CLEAR}{text}\n\n{moment:%H:%M:%S}, Ctrl-C ends")
            return
        without_durations = _DURATION.sub("", text)
        if without_durations == self._last:
            return
        if self._last and self.is_redrawn:
            typer.echo()
        self._last = without_durations
        typer.echo(text)


async def watch(
    look: Callable[[], Awaitable[StackStatus]],
    contact: Contact,
    show: Callable[[StackStatus], None],
    report: OutageReport,
) -> StackStatus:
    """Look again and again until the user interrupts, also while the API server does not answer.

    Args:
        look: Reads the cluster.
        contact: When the API server answered.
        show: Shows the result of each read.
        report: Reports an outage.

    Returns:
        The last look.

    Raises:
        ClusterError: The cluster may not be read.
        CancelledError: The user interrupts before the first look.
    """
    last: StackStatus | None = None
    try:
        while True:
            status = await _look(look, contact, report)
            if status:
                last = status
                show(last)
            await asyncio.sleep(POLL)
    except asyncio.CancelledError:  # Ctrl-C
        if last is None:
            raise
        return last


async def _look(
    look: Callable[[], Awaitable[StackStatus]], contact: Contact, report: OutageReport
) -> StackStatus | None:
    """A look at the cluster; None if the API server does not answer."""
    try:
        return await reported(look(), contact, report)
    except ClusterError as problem:
        if not problem.passing:
            raise
        return None
