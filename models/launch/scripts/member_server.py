"""The process of vLLM in one pod of a group, for `member.py`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import os
import signal
import ssl
import sys
from pathlib import Path

KEPT = 4000
"""Bytes of a server's last output that are kept; a termination message holds 4096."""

STOPPED = 30
"""Longest wait for the servers of other pods to stop, in seconds."""

UNFINISHED = 5
"""Seconds from SIGTERM to SIGKILL for a server whose group does not work any more: its requests hang as long."""

NOT_STARTED = 127
"""The code of a server whose program cannot be started, as in a shell."""


class Server:
    """The process of vLLM, with its last output."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._process: asyncio.subprocess.Process | None = None
        self.tail = b""

    @property
    def runs(self) -> bool:
        """Whether the process exists and has not ended."""
        return self._process is not None and self._process.returncode is None

    def is_stopped(self) -> bool:
        """Whether a process of the server is stopped, as by SIGSTOP: it keeps its connections and does not answer."""
        if self._process is None or not self.runs:
            return False
        for file in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = file.read_bytes().rpartition(b")")[2].split()
            except OSError:  # the process has ended
                continue
            state, session = fields[0], int(fields[3])
            if session == self._process.pid and state in (b"T", b"t"):
                return True
        return False

    async def start(self) -> None:
        """Start the server. When this returns, the process exists, so that `stop` finds it."""
        self.tail = b""
        self._process = None
        unreachable = interface_problem(os.environ.get("HCCL_SOCKET_IFNAME", ""))
        if unreachable:
            self.tail = unreachable.encode()
            print(unreachable, flush=True)
            return
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._options.command,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        except OSError as problem:
            self.tail = f"{self._options.command[0]}: {problem.strerror}".encode()
            print(self.tail.decode(), flush=True)

    async def finished(self) -> int:
        """Pass the output of the server on, and return its code when it has ended."""
        process = self._process
        if process is None:
            return NOT_STARTED
        relay = asyncio.ensure_future(self._relay(process))
        code = await process.wait()
        self._clean_up(process.pid)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(relay, 5)
        return code

    async def _relay(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout:
            piece = await process.stdout.read(65536)
            if not piece:
                return
            self.tail = (self.tail + piece)[-KEPT:]
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()

    def _clean_up(self, group: int) -> None:
        """End the processes that the server has left, and free its shared memory, which nobody else uses."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        for file in self._options.shared.iterdir():
            with contextlib.suppress(OSError):
                file.unlink()

    def last_lines(self) -> list[str]:
        """The last output of the server."""
        return self.tail.decode(errors="replace").splitlines()[-30:]

    async def stop(self) -> None:
        """End the server at once: its group does not work any more."""
        if self._process is None or not self.runs:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), UNFINISHED)
                return

    async def end(self) -> int:
        """Let the server end in its own way, as with SIGTERM from the kubelet; returns its code."""
        if self._process is None:
            return 0
        if self.runs:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        code = await self._process.wait()
        return code if code >= 0 else 128 - code


def interface_problem(name: str, directory: Path = Path("/sys/class/net")) -> str:
    """Why the servers of a group cannot connect over a network interface of the pod; empty if they can.

    HCCL and Gloo only report an address that they cannot find or reach, after minutes.
    """
    if not name or not directory.is_dir():
        return ""
    names = sorted(entry.name for entry in directory.iterdir())
    if name not in names:
        return f"InterfaceError: the pod has no network interface {name}, only {', '.join(names)}"
    try:
        state = (directory / name / "operstate").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    return f"InterfaceError: the network interface {name} is down" if state == "down" else ""


def answers(port: int, tls: bool) -> bool:
    """Whether the server answers on its health path."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
