"""Run the server of one pod of a group, and keep the servers of the group together.

Each worker keeps a connection to the leader. The leader starts all servers at once. If one of them ends by itself, the
leader shows its last lines, stops the others, waits, and starts all of them again. The pods stay: a container that ends
would recreate the whole group at once, without a pause and without its logs. After the last attempt the pods wait for a
corrected service.

A lost connection means that a pod is gone. vLLM does not notice it, and its requests would hang. So the leader is no
longer ready and stops its server, which ends the requests with an error. A worker without its leader stops its server
and may end.

A pod that hangs keeps its connections. So all pods send a sign of life each second. While one of them is silent, the
leader is not ready; a pod that stays silent is lost. A pod whose server is stopped (SIGSTOP) sends no sign either.

Runs with the image's own Python, 3.8 or later, and nothing but its standard library.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from models.launch.scripts.member_connection import (
        LOST,
        QUIET,
        SILENCE,
        SILENT,
        Connection,
        Message,
    )
    from models.launch.scripts.member_server import KEPT, STOPPED, Server, answers
else:
    sys.path.insert(0, str(Path(__file__).parent))
    from member_connection import LOST, QUIET, SILENCE, SILENT, Connection, Message
    from member_server import KEPT, STOPPED, Server, answers

RESET = 600
"""Seconds after which a server that answers has started well: attempts are counted anew."""

FILES = Path("/tmp")  # noqa: S108  the container's own, gone with it
SHARED = Path("/dev/shm")  # noqa: S108  the kernel's name for shared memory
MESSAGE = Path("/dev/termination-log")


def main() -> None:
    """Run until SIGTERM, and end with the code of the server."""
    asyncio.run(run(read_options()))


def read_options() -> argparse.Namespace:
    """The place of the pod in its group, and the command of its server. All times are in seconds."""
    parser = argparse.ArgumentParser(description="Run the server of one pod of a group.")
    parser.add_argument("--rank", type=int, required=True, help="0 for the leader")
    parser.add_argument("--size", type=int, required=True, help="pods of the group")
    parser.add_argument("--leader", required=True, help="address of the leader")
    parser.add_argument("--port", type=int, required=True, help="of the leader, for its workers")
    parser.add_argument("--health", type=int, required=True, help="port of the leader's server")
    parser.add_argument("--tls", action="store_true", help="the server accepts encrypted connections only")
    parser.add_argument("--startup", type=float, required=True, help="longest time until the server answers")
    parser.add_argument("--attempts", type=int, default=5, help="starts until the group gives up")
    parser.add_argument("--pause", type=float, default=10, help="after the first failure, doubled after each")
    parser.add_argument("--beat", type=float, default=1, help="from one sign of life to the next")
    parser.add_argument("--files", type=Path, default=FILES, help="directory of the files that probes read")
    parser.add_argument("--shared", type=Path, default=SHARED, help="directory that is emptied after each server")
    parser.add_argument("--message", type=Path, default=MESSAGE, help="file for the reason of a failure")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    options.command = options.command[1:]
    return options


async def run(options: argparse.Namespace) -> None:
    """Lead or follow until SIGTERM, then end the server."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    server = Server(options)
    member = Leader(options, server) if options.rank == 0 else Worker(options, server)
    work: asyncio.Future[Any] = asyncio.gather(member.work(), member.beat())
    await asyncio.wait({work, asyncio.ensure_future(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
    member.is_ending = True
    if work.done():
        work.result()
    code = await server.end()
    os._exit(code)  # at once, so that the connections tell the other pods


class Failure(NamedTuple):
    """The end of a server that was to run."""

    rank: int
    reason: str
    lines: list[str]

    def text(self, attempt: int, attempts: int) -> str:
        """The failure in words, with the last lines of the server."""
        head = f"group: the server of rank {self.rank} {self.reason} first (attempt {attempt} of {attempts})"
        return "\n".join([head, *(f"group: rank {self.rank}: {line}" for line in self.lines)])


class Leader:
    """The pod of rank 0, which starts and stops all servers."""

    def __init__(self, options: argparse.Namespace, server: Server) -> None:
        self._options = options
        self._server = server
        self._workers: dict[int, Connection] = {}
        self._stopped: set[int] = set()
        self._changed = asyncio.Condition()
        self._failures: list[Failure] = []
        self._attempt = 0
        self._answered = 0.0
        self._needs_all = False
        self._own_missed = 0
        self.is_ending = False
        self._alive = options.files / "ascend-vllm-group-alive"
        self._whole = options.files / "ascend-vllm-group-whole"
        self._not_serving = options.files / "ascend-vllm-group-not-serving"

    async def work(self) -> None:
        """Start the group again and again, with longer and longer pauses."""
        self._whole_is(False)
        self._not_serving.touch()
        listener = await asyncio.start_server(self._accept, "", self._options.port)
        async with listener:
            failures = 0
            while failures < self._options.attempts:
                await self._until(lambda: len(self._workers) == self._options.size - 1)
                failure = await self._attempt_once()
                if time.monotonic() - self._answered > RESET:
                    failures = 0
                failures += 1
                if self.is_ending:
                    break
                self._report(failure, failures)
                await self._stop_all()
                if failures < self._options.attempts:
                    await asyncio.sleep(self._options.pause * 2 ** (failures - 1))
            await asyncio.Event().wait()

    async def beat(self) -> None:
        """Send signs of life, and look for pods that send none."""
        while True:
            mark_alive(self._alive)
            await asyncio.sleep(self._options.beat)
            for rank, connection in self._workers.items():
                connection.missed += 1
                if connection.missed == QUIET:
                    say(f"group: rank {rank} is silent, so the group is not ready")
                if connection.missed == SILENCE:
                    connection.drop()
                connection.send({})
            await self._look_at_own()
            await self._notify()

    async def _look_at_own(self) -> None:
        """Treat the own server like those of the other pods."""
        if not self._server.is_stopped():
            self._own_missed = 0
            return
        self._own_missed += 1
        if self._own_missed == SILENCE and self._needs_all:
            await self._fail(Failure(0, SILENT, []))

    async def _attempt_once(self) -> Failure:
        """Start all servers, and return the first that ends."""
        self._attempt += 1
        self._answered = math.inf
        self._failures.clear()
        self._stopped.clear()
        self._needs_all = True
        for connection in self._workers.values():
            connection.send({"start": self._attempt})
        await self._server.start()
        own = asyncio.ensure_future(self._watch_own())
        health = asyncio.ensure_future(self._watch_health())
        await self._until(lambda: bool(self._failures))
        self._needs_all = False
        health.cancel()
        self._not_serving.touch()
        if not self.is_ending:
            await self._server.stop()
        await own
        return self._failures[0]

    async def _watch_own(self) -> None:
        code = await self._server.finished()
        await self._fail(Failure(0, f"ended with code {code}", self._server.last_lines()))

    async def _watch_health(self) -> None:
        """Wait for the first answer of the server. One that never answers has failed."""
        deadline = time.monotonic() + self._options.startup
        loop = asyncio.get_running_loop()
        while time.monotonic() < deadline:
            if await loop.run_in_executor(None, answers, self._options.health, self._options.tls):
                self._not_serving.unlink()
                self._answered = time.monotonic()
                return
            await asyncio.sleep(2)
        lines = self._server.last_lines()
        await self._fail(Failure(0, f"did not answer within {self._options.startup:g} s", lines))

    def _report(self, failure: Failure, failures: int) -> None:
        text = failure.text(failures, self._options.attempts)
        if failures == self._options.attempts:
            text += f"\ngroup: gave up after {failures} attempts; the pods wait for an update of the service"
        say(text)
        with contextlib.suppress(OSError):
            self._options.message.write_bytes(text.encode()[-KEPT:])

    async def _stop_all(self) -> None:
        for connection in self._workers.values():
            connection.send({"stop": self._attempt})
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._until(lambda: set(self._workers) <= self._stopped), STOPPED)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        hello = await connection.receive(within=SILENCE * self._options.beat)
        if hello is None or "rank" not in hello:
            return
        rank = hello["rank"]
        self._workers[rank] = connection
        say(f"group: rank {rank} is connected")
        if self._needs_all:  # the pod is a new one, and the connection of the old one has not ended yet
            await self._fail(Failure(rank, LOST, []))
        await self._notify()
        try:
            while True:
                message = await connection.receive()
                if message is None:
                    break
                await self._heard(rank, message)
        finally:
            if self._workers.get(rank) is connection:
                del self._workers[rank]
                say(f"group: lost the connection to rank {rank}")
                if self._needs_all:
                    await self._fail(Failure(rank, connection.end, []))
            await self._notify()

    async def _heard(self, rank: int, message: Message) -> None:
        if message.get("ended") == self._attempt:
            await self._fail(Failure(rank, f"ended with code {message['code']}", message["lines"]))
        if message.get("stopped") == self._attempt:
            self._stopped.add(rank)
            await self._notify()

    async def _fail(self, failure: Failure) -> None:
        self._failures.append(failure)
        await self._notify()

    async def _until(self, condition: Any) -> None:
        async with self._changed:
            await self._changed.wait_for(condition)

    async def _notify(self) -> None:
        missed = [self._own_missed, *(connection.missed for connection in self._workers.values())]
        self._whole_is(len(self._workers) == self._options.size - 1 and max(missed) < QUIET)
        async with self._changed:
            self._changed.notify_all()

    def _whole_is(self, whole: bool) -> None:
        """Create or remove the file by which the readiness probe sees whether all pods of the group answer."""
        if whole:
            self._whole.touch()
        elif self._whole.exists():
            self._whole.unlink()


class Worker:
    """A pod of rank 1 or higher, which starts and stops its server as the leader says."""

    def __init__(self, options: argparse.Namespace, server: Server) -> None:
        self._options = options
        self._server = server
        self._attempt = 0
        self._connection: Connection | None = None
        self._running: asyncio.Future[None] | None = None
        self.is_ending = False
        self._alive = options.files / "ascend-vllm-group-alive"
        self._leader = options.files / "ascend-vllm-group-leader"

    async def work(self) -> None:
        """Connect to the leader, again after each loss."""
        while True:
            try:
                connecting = asyncio.open_connection(self._options.leader, self._options.port)
                reader, writer = await asyncio.wait_for(connecting, SILENCE)
            except (OSError, asyncio.TimeoutError):
                await asyncio.sleep(1)
                continue
            self._connection = Connection(reader, writer)
            self._leader.touch()
            self._connection.send({"rank": self._options.rank})
            await self._obey(self._connection)
            self._connection = None
            self._leader.unlink()
            say("group: lost the connection to the leader")
            await self._stop()

    async def beat(self) -> None:
        """Send signs of life for this pod and its server, and look for those of the leader."""
        while True:
            mark_alive(self._alive)
            await asyncio.sleep(self._options.beat)
            connection = self._connection
            if connection is None or connection.missed == SILENCE:
                continue
            connection.missed += 1
            if connection.missed == SILENCE:
                connection.drop()
            elif not self._server.is_stopped():
                connection.send({})

    async def _obey(self, connection: Connection) -> None:
        while True:
            message = await connection.receive()
            if message is None:
                return
            if "start" in message:
                self._attempt = message["start"]
                await self._server.start()
                self._running = asyncio.ensure_future(self._watch(self._attempt))
            if "stop" in message:
                await self._stop()
                connection.send({"stopped": message["stop"]})

    async def _stop(self) -> None:
        self._attempt = 0
        await self._server.stop()
        if self._running:
            await self._running

    async def _watch(self, attempt: int) -> None:
        code = await self._server.finished()
        if attempt == self._attempt and self._connection and not self.is_ending:
            self._connection.send({"ended": attempt, "code": code, "lines": self._server.last_lines()})


def mark_alive(file: Path) -> None:
    """Write the time to a file, which a probe may read at the same moment."""
    new = file.with_suffix(".new")
    new.write_text(f"{int(time.time())}\n", encoding="utf-8")
    new.replace(file)


def say(text: str) -> None:
    """Write to the log of the pod."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
