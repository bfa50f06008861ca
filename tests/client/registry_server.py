"""A registry on this machine: manifests behind a token service, behind a password, or behind nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Literal

MANIFEST = b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"

Access = Literal["open", "basic", "token", "closed"]


@dataclass
class StandInRegistry:
    """A registry with one image: `ascend/vllm-ascend:v0.23.0`."""

    access: Access = "open"
    names_the_digest: bool = True
    status: int = 200
    manifest: bytes = MANIFEST
    digest: str = DIGEST
    """The digest that it names."""
    token_answer: bytes | None = None
    """What the token service answers instead of a token."""
    token: str = "the-token"
    login: tuple[str, str] | None = None
    """The user that it asks for; None for a token that everybody gets."""
    address: str = ""
    authorizations: list[str] = field(default_factory=list)
    """What stood in the header Authorization of each request to the token service."""

    @property
    def image(self) -> str:
        return f"{self.address}/ascend/vllm-ascend:v0.23.0"

    def expected_login(self) -> str:
        user, password = self.login or ("", "")
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class _Handler(BaseHTTPRequestHandler):
    """Answers for a registry; each registry has a class of its own."""

    stand_in: ClassVar[StandInRegistry]

    def do_GET(self) -> None:
        if self.path.startswith("/token?"):
            self.give_token()
        elif not self.is_allowed():
            self.challenge()
        elif self.path != "/v2/ascend/vllm-ascend/manifests/v0.23.0":
            self.answer(404, b"{}")
        else:
            self.answer(self.stand_in.status, self.stand_in.manifest, self.stand_in.digest)

    def is_allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        wanted = {
            "open": given,
            "basic": self.stand_in.expected_login(),
            "token": f"Bearer {self.stand_in.token}",
            "closed": "nothing is enough",
        }
        return given == wanted[self.stand_in.access]

    def challenge(self) -> None:
        challenge = 'Basic realm="registry"'
        if self.stand_in.access == "token":
            realm = f"http://{self.stand_in.address}/token"
            scope = "repository:ascend/vllm-ascend:pull"
            challenge = f'Bearer realm="{realm}",service="registry, of tests",scope="{scope}"'
        self.send_response(401)
        self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give_token(self) -> None:
        given = self.headers.get("Authorization", "")
        self.stand_in.authorizations.append(given)
        if self.stand_in.login and given != self.stand_in.expected_login():
            self.answer(401, b"{}")
            return
        assert "scope=repository" in self.path
        token = json.dumps({"token": self.stand_in.token}).encode()
        self.answer(200, self.stand_in.token_answer or token)

    def answer(self, status: int, body: bytes, digest: str = "") -> None:
        self.send_response(status)
        if self.stand_in.names_the_digest and digest:
            self.send_header("Docker-Content-Digest", digest)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def registry(stand_in: StandInRegistry) -> Iterator[StandInRegistry]:
    """Run a registry."""

    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    stand_in.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
