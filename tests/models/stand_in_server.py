"""An HTTP server in a thread that stands in for vLLM, and the pod's scripts as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server

from tests.conftest import ROOT

SCRIPTS = ROOT / "models" / "launch" / "scripts"


@dataclass(frozen=True)
class Request:
    """What the server was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


Answer = tuple[int, str]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that does not wait for its answer is nothing to speak of."""


@contextmanager
def serving(answer: Callable[[Request], Answer], port: int = 0) -> Iterator[Server]:
    """A server that gives these answers; one that raises closes the connection."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, text = answer(Request(self.command, self.path, dict(self.headers), body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """A port that nothing listens on."""
    with create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A script of the pod with nothing but Python's standard library."""
    return subprocess.Popen(_command(script, *arguments), text=True, cwd="/", stderr=subprocess.DEVNULL)


def run(script: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same, with more in its environment, when it has ended."""
    more = {**os.environ, **environment}
    return subprocess.run(
        _command(script, *arguments), capture_output=True, text=True, cwd="/", env=more, timeout=20, check=False
    )


def _command(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-I", "-S", str(SCRIPTS / script), *map(str, arguments)]
