"""Outages of the API server: how long it has not answered, and the messages about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from models.words import duration

Result = TypeVar("Result")

TOLERATED = 120.0
"""Longest outage in seconds that an update survives, such as a restart of the API server."""

FIRST = 5.0
"""Seconds without an answer after which an outage is reported."""

REPEAT = 15.0
"""Seconds between two reports of an outage."""

_TICK = 0.5
"""Seconds between two looks at the clock."""


@dataclass
class Contact:
    """When the API server was asked and has not answered yet."""

    now: Callable[[], float] = time.monotonic
    """Seconds since some moment."""
    _unanswered_since: float | None = None

    def request_sent(self) -> None:
        """A request was sent."""
        if self._unanswered_since is None:
            self._unanswered_since = self.now()

    def answered(self) -> None:
        """The API server has answered, whatever the answer is."""
        self._unanswered_since = None

    @property
    def silence(self) -> float:
        """Seconds since the first request without an answer; 0 after an answer."""
        if self._unanswered_since is None:
            return 0.0
        return self.now() - self._unanswered_since


class OutageReport:
    """Reports an outage when it has lasted a while, from time to time, and its end."""

    def __init__(
        self, context: str, next_step: str, say: Callable[[str], None]
    ) -> None:
        """
        Args:
            context: The context of the kubeconfig.
            next_step: What happens next, as the end of a sentence.
            say: Prints a line.
        """
        self._server = f"the API server of {context!r}"
        self._next_step = next_step
        self._say = say
        self._silence = 0.0
        self._next_report = FIRST

    def update(self, silence: float) -> None:
        """Report the changes.

        Args:
            silence: Seconds without an answer; 0 if the API server answers.
        """
        if silence < self._silence:
            self._report_end()
        self._silence = silence
        if silence < self._next_report:
            return
        self._next_report = silence + REPEAT
        self._say(
            f"{self._server} has not answered for {duration(silence)}; {self._next_step}"
        )

    def _report_end(self) -> None:
        if self._next_report > FIRST:
            self._say(f"{self._server} answers again, after {duration(self._silence)}")
        self._next_report = FIRST


async def reported(
    work: Awaitable[Result], contact: Contact, report: OutageReport
) -> Result:
    """The result of work that reads the API server. An outage is reported while it lasts."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=_TICK)
            report.update(contact.silence)
        return task.result()
    finally:
        task.cancel()
