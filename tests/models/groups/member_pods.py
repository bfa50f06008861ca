"""Pods of a group on this machine: each runs the program that keeps the servers of a group together."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from models.launch import scripts

PROGRAM = Path(scripts.__file__).parent / scripts.MEMBER

SERVER = """\
import http.server, os, sys
print("server of rank", sys.argv[2], "starts", flush=True)
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""

CRASH = 'import sys\nprint("RuntimeError: HCCL cannot connect", flush=True)\nsys.exit(7)\n'
WAIT = "import time\ntime.sleep(600)\n"
ENDS = """\
import signal, sys, time
def end(*_):
    print("stopped", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("runs", flush=True)
time.sleep(600)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


class Network:
    """A way from a worker to its leader that can drop everything and keep the connections, as a node without power."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.drops = threading.Event()

    def __enter__(self) -> Network:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                worker, _ = self._listener.accept()
                try:
                    leader = socket.create_connection(("127.0.0.1", self._leader))
                except ConnectionRefusedError:
                    worker.close()
                    continue
                for source, target in ((worker, leader), (leader, worker)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        """Pass data on. What arrives while the network drops, never reaches the target, nor what follows."""
        dropped = False
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                dropped = dropped or self.drops.is_set()
                if not dropped:
                    target.sendall(piece)
            if not dropped and not self.drops.is_set():
                target.close()


class Pods:
    """The pods of a group of two, each with a directory for its files and its log."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.health = free_port()
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self.beat: float = 1
        """Seconds from one sign of life to the next: less makes a test faster, and less patient."""
        self.way_to_leader = self.port

    def start(
        self, rank: int, program: str, *, attempts: int = 3, startup: int = 60, command: Sequence[str] = ()
    ) -> None:
        home = self.directory(rank)
        (home / "shm").mkdir(parents=True, exist_ok=True)
        options = {
            "rank": rank,
            "size": 2,
            "leader": "127.0.0.1",
            "port": self.way_to_leader if rank else self.port,
            "health": self.health,
            "startup": startup,
            "attempts": attempts,
            "pause": 0.1,
            "beat": self.beat,
            "files": home,
            "shared": home / "shm",
            "message": home / "message",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        server = command or [sys.executable, "-c", program, str(self.health), str(rank)]
        with (home / "log").open("ab") as log:
            self.processes[rank] = subprocess.Popen([sys.executable, PROGRAM, *words, "--", *server], stdout=log)

    def directory(self, rank: int) -> Path:
        return self.home / f"rank-{rank}"

    def log(self, rank: int) -> str:
        return (self.directory(rank) / "log").read_text()

    def has(self, rank: int, name: str) -> bool:
        return (self.directory(rank) / f"ascend-vllm-group-{name}").exists()

    def servers(self, rank: int) -> list[int]:
        """The processes of the server of a pod."""
        member = self.processes[rank].pid
        children = Path(f"/proc/{member}/task/{member}/children").read_text()
        return [int(child) for child in children.split()]

    @property
    def serve(self) -> bool:
        """Whether the probes of the leader succeed."""
        return self.has(0, "whole") and not self.has(0, "not-serving")
