"""A bucket that speaks S3's API and does to its readers what networks and servers do at night.

Signatures are checked by botocore, which AWS signs with, and not by the code under test.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.models.stand_in_server import SCRIPTS

REGION = "cn-north-4"
KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


@dataclass(frozen=True)
class Fault:
    """What happens to one answer."""

    status: int = 0
    code: str = ""
    """Of S3's error document."""
    headers: Mapping[str, str] = field(default_factory=dict)
    more: str = ""
    """Further elements of the document."""
    reset_after: int | None = None
    """Bytes of the body after which the connection is reset."""
    end_after: int | None = None
    """Bytes of the body after which it is closed as if that were all."""
    flip: int | None = None
    """Offset of a byte that comes as another one."""
    ignores_range: bool = False
    other_range: bool = False
    stalls_after: int | None = None
    """Bytes after which nothing comes any more."""
    length: int | None = None
    """What the answer says of its length."""


@dataclass
class Asked:
    """A request that came."""

    host: str
    path: str
    start: int
    signed: bool


@dataclass
class Content:
    """What the bucket holds, whom it obeys, and what goes wrong, answer by answer."""

    files: dict[str, bytes]
    keys: tuple[str, str] | None = KEYS
    faults: list[Fault] = field(default_factory=list)
    always: Mapping[str, Fault] = field(default_factory=dict)
    """What happens to every answer of a file."""
    asked: list[Asked] = field(default_factory=list)
    name: str = "models"
    host_first: bool = False
    """As OBS: the bucket belongs into the host's name."""
    pace: float = 0.0
    """Seconds for each 64 KiB."""
    guard: threading.Lock = field(default_factory=threading.Lock)
    sent: int = 0

    def fault(self, key: str) -> Fault:
        with self.guard:
            return self.always.get(key) or (self.faults.pop(0) if self.faults else Fault())


def is_signed(path: str, headers: Mapping[str, str], keys: tuple[str, str]) -> bool:
    """Whether botocore would sign the request alike."""
    names = re.search(r"SignedHeaders=([^,]+)", headers.get("Authorization", ""))
    if not names or not {"host", "x-amz-date"} <= {*names[1].split(";")}:
        return False
    wanted = {name: headers[name] for name in names[1].split(";")}
    url = f"http://{headers['Host']}{path}"
    auth = S3SigV4Auth(Credentials(*keys), "s3", REGION)
    request = AWSRequest("GET", url, headers=wanted)
    request.context["timestamp"] = headers["x-amz-date"]
    request.context["payload_signing_enabled"] = True
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    return f"Credential={auth.scope(request)}, " in headers["Authorization"] and headers["Authorization"].endswith(
        f"Signature={signature}"
    )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    content: Content

    def do_GET(self) -> None:
        self.path = re.sub("^http://[^/]*", "", self.path)  # as a proxy is asked
        host, path = self.headers["Host"], urllib.parse.unquote(self.path)
        bucket, _, key = path[1:].partition("/")
        if self.content.host_first and not host.startswith(f"{self.content.name}."):
            return self.refuse(Fault(400, "VirtualHostDomainRequired"))
        if self.content.host_first:
            bucket, key = self.content.name, path[1:]
        start = int((re.search(r"bytes=(\d+)-", self.headers.get("Range", "")) or ["", "0"])[1])
        signed = bool(self.content.keys) and is_signed(self.path, self.headers, self.content.keys or KEYS)
        self.content.asked.append(Asked(host, key, start, signed))
        fault = self.content.fault(key)
        if fault.status:
            return self.refuse(fault)
        if self.content.keys and not signed:
            return self.refuse(Fault(403, "SignatureDoesNotMatch", more=f"<StringToSign>{KEYS[1]}</StringToSign>"))
        if bucket != self.content.name or key not in self.content.files:
            return self.refuse(Fault(404, "NoSuchBucket" if bucket != self.content.name else "NoSuchKey"))
        return self.give(self.content.files[key], start, fault)

    def give(self, whole: bytes, start: int, fault: Fault) -> None:
        if start >= len(whole) and start:
            return self.refuse(Fault(416, "InvalidRange"))
        ranged = bool(start) and not fault.ignores_range
        first = start + 1 if fault.other_range else start if ranged else 0
        body = bytearray(whole[first:])
        if fault.flip is not None and fault.flip >= first:
            body[fault.flip - first] ^= 1
        self.send_response(206 if ranged else 200)
        length = fault.length or len(body)
        self.send_header("Content-Length", str(length))
        if ranged:
            self.send_header("Content-Range", f"bytes {first}-{len(whole) - 1}/{len(whole)}")
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        self.pour(bytes(body), fault)
        return None

    def pour(self, body: bytes, fault: Fault) -> None:
        ends = [end for end in (fault.reset_after, fault.end_after, fault.stalls_after) if end is not None]
        for piece in range(0, min([len(body), *ends]), 1 << 16):
            part = body[piece : min([piece + (1 << 16), len(body), *ends])]
            self.wfile.write(part)
            with self.content.guard:
                self.content.sent += len(part)
            time.sleep(self.content.pace)
        self.wfile.flush()
        if fault.stalls_after is not None:
            time.sleep(3)
        if fault.reset_after is not None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def refuse(self, fault: Fault) -> None:
        text = f"<?xml version='1.0'?><Error><Code>{fault.code}</Code>{fault.more}</Error>".encode()
        self.send_response_only(fault.status)
        for name, value in {"Date": formatdate(usegmt=True), **fault.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A reader that goes is nothing to speak of."""


@contextmanager
def serving(content: Content, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The endpoint of a bucket."""
    with Server(("127.0.0.1", 0), type("_Handler", (Handler,), {"content": content})) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True) if tls else server.socket
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def checksums_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The checksums of files, as `ascend-vllm checksums` writes them."""
    return {
        "files": {
            name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        }
    }


@dataclass(frozen=True)
class Node:
    """A node's directory for weights, and a pod on it that fetches."""

    root: Path
    name: str = "qwen-0123456789"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def final(self) -> Path:
        return self.store / self.name

    def command(self, endpoint: str, files: Mapping[str, bytes], *more: object, prefix: str = "") -> list[str]:
        checksums = self.root / "checksums.json"
        checksums.write_text(json.dumps(checksums_of(files)), "utf-8")
        words: Sequence[object] = [
            *(sys.executable, "-I", "-S", SCRIPTS / "fetch.py", "--endpoint", endpoint, "--region", REGION),
            *("--bucket", "models", "--prefix", prefix, "--manifest", checksums, "--store", self.store),
            *("--name", self.name, "--every", 0.05, "--pause", 0.01, "--timeout", 1, "--patience", 5, *more),
        ]
        return [*map(str, words)]

    def start(
        self, *asked: Any, keys: tuple[str, str] | None = KEYS, proxy: str = "", **named: Any
    ) -> subprocess.Popen[str]:
        """A pod that fetches; asked as for `command`."""
        given = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), keys or (), strict=False))
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "http_proxy": proxy, **given}
        return subprocess.Popen(
            self.command(*asked, **named), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def fetch(self, *asked: Any, **named: Any) -> tuple[int, list[str]]:
        """The exit code of such a pod, and its lines."""
        with self.start(*asked, **named) as pod:
            said, _ = pod.communicate(timeout=60)
        return pod.returncode, said.splitlines()

    def fetched(self) -> dict[str, bytes]:
        """What the server would see."""
        return {
            path.relative_to(self.final).as_posix(): path.read_bytes()
            for path in self.final.rglob("*")
            if path.is_file()
        }


MANY = random.Random(7)  # noqa: S311  the same bytes each time
FILES = {
    "config.json": b'{"model_type": "qwen2"}\n',
    "model-00001-of-00002.safetensors": MANY.randbytes(3_000_000),
    "model-00002-of-00002.safetensors": MANY.randbytes(1_500_001),
    "it's a $(dir)/模型 +~.bin": MANY.randbytes(70_000),
    "empty.txt": b"",
}
SHARD = "model-00001-of-00002.safetensors"
ONE = {SHARD: FILES[SHARD]}


def came(node: Node) -> int:
    """Bytes that lie on the node, whole files and parts."""
    return sum(path.stat().st_size for path in node.store.rglob("*") if path.is_file())


def until(seen: Callable[[], bool]) -> None:
    """Wait for something that has to happen."""
    end = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.01)
