"""An API server that has a pod, a Secret and a port-forward, as kr8s uses them."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Request

from tests.cluster.objects import pod
from tests.cluster.test_cluster import write_kubeconfig


@dataclass
class Kube:
    """What the cluster holds, and what was asked of it."""

    forwards_to: int = 0
    """Port of the server that stands for the pod's."""
    ready: bool = True
    simulated: bool = False
    """Whether kwok simulates the node of the pod."""
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    open: int = 0
    """Port-forwards that are not closed."""


@contextmanager
def cluster(kube: Kube, kubeconfig: Path) -> Iterator[Kube]:
    """The cluster, and a kubeconfig with the context `there` that names it."""

    class Bound(Handler):
        held = kube

    with ThreadingHTTPServer(("127.0.0.1", 0), Bound) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        write_kubeconfig(kubeconfig, {"server": f"http://127.0.0.1:{server.server_port}"}, {"token": "t-1"})
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield kube
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    held: Kube
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.held.asked.append(path)
        if path.endswith("/portforward"):
            self._forward()
        elif "/secrets/" in path:
            self._secret(path.rpartition("/")[2])
        elif path.endswith("/pods"):
            found = pod("qwen", phase="Running", ready=self.held.ready)
            self._answer(200, {"items": [{k: v for k, v in found.items() if k != "kind"}]})
        elif path.endswith("/nodes") and self.held.simulated:
            annotations = {"kwok.x-k8s.io/node": "fake"}
            self._answer(200, {"items": [{"metadata": {"name": "node-1", "annotations": annotations}}]})
        else:
            self._answer(200, {"items": []})

    def log_message(self, *_: Any) -> None:
        pass

    def _secret(self, name: str) -> None:
        if name not in self.held.secrets:
            self._answer(404, {"message": f'secrets "{name}" not found'})
            return
        data = {key: base64.b64encode(value.encode()).decode() for key, value in self.held.secrets[name].items()}
        self._answer(200, {"kind": "Secret", "data": data})

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _forward(self) -> None:
        """The kubelet's protocol: a first frame on each channel names the port, then 0 is data and 1 errors."""
        self.close_connection = True
        web = WSConnection(ConnectionType.SERVER)
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        web.initiate_upgrade_connection(headers, self.path)
        assert any(isinstance(event, Request) for event in web.events())
        self.wfile.write(web.send(AcceptConnection()))
        for channel in (b"\0", b"\1"):
            self.wfile.write(web.send(BytesMessage(channel + self.held.forwards_to.to_bytes(2, "little"))))
        self.held.open += 1
        with socket.create_connection(("127.0.0.1", self.held.forwards_to)) as server, suppress(OSError):
            back = threading.Thread(target=self._back, args=(server, web))
            back.start()
            self._there(server, web)
            server.shutdown(socket.SHUT_RDWR)
            back.join()
        self.held.open -= 1

    def _there(self, server: socket.socket, web: WSConnection) -> None:
        while data := self.connection.recv(65536):
            web.receive_data(data)
            for event in web.events():
                if isinstance(event, CloseConnection):
                    return
                if isinstance(event, BytesMessage):
                    server.sendall(bytes(event.data)[1:])

    def _back(self, server: socket.socket, web: WSConnection) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                self.wfile.write(web.send(BytesMessage(b"\0" + data)))
            self.wfile.write(web.send(CloseConnection(1000)))
            self.connection.shutdown(socket.SHUT_RDWR)
