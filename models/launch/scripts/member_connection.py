"""The connection between the leader of a group and a worker, for `member.py`."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any, Dict

Message = Dict[str, Any]  # evaluated by Python 3.8

SILENCE = 20
"""Signs of life that a pod may miss until it is lost. They are counted, so a pause of the program that waits for them
is not taken for a silence of the others."""

QUIET = 6
"""Signs of life that a pod may miss until its group is not ready: it may only be busy."""

LOST = "was lost"
SILENT = "was silent"
"""Why the server of a pod has failed, if the connection to the pod has ended."""


class Connection:
    """Messages between the leader and a worker, one line of JSON each."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.missed = 0
        """Signs of life that were due and have not come since the last message."""
        self.end = LOST
        """How the pod failed, if the connection ends."""
        end = writer.get_extra_info("socket")
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE * 1000)

    def send(self, message: Message) -> None:
        """Send a message; a lost connection is noticed when the next one is received."""
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def receive(self, within: float | None = None) -> Message | None:
        """The next message; None if the other end is gone, says something else, or nothing within some seconds."""
        try:
            line = await asyncio.wait_for(self._reader.readline(), within)
            message = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError, asyncio.TimeoutError):
            message = None
        if not isinstance(message, dict):
            self._writer.close()
            return None
        self.missed = 0
        return message

    def drop(self) -> None:
        """End the connection to a pod that does not answer: the next message is None."""
        self.end = SILENT
        self._writer.transport.abort()
