"""A first look at the Deployments without kr8s: against a server that speaks TLS, with what kubeconfigs have."""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cluster import quick
from tests.cluster.objects import deployment

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])


@dataclass
class ApiServer:
    """What was asked, and what is answered."""

    url: str
    certificate: bytes
    key: bytes
    status: int = 200
    asked: list[tuple[str, str | None, bool]] = field(default_factory=list)
    """Path, authorization, and whether a client's certificate came with it."""


def certificate() -> tuple[bytes, bytes]:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return built.public_bytes(serialization.Encoding.PEM), private


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    cert, key = certificate()
    directory = tmp_path_factory.mktemp("tls")
    (directory / "both.pem").write_bytes(cert + key)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    found = ApiServer(f"https://127.0.0.1:{server.server_port}/prefix", cert, key)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            peer = self.connection.getpeercert(binary_form=True)  # type: ignore[attr-defined]  # it is wrapped in TLS
            found.asked.append((self.path, self.headers.get("Authorization"), bool(peer)))
            body = json.dumps({"items": [{"metadata": {"name": "qwen"}}]}).encode()
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory / "both.pem")
    tls.load_verify_locations(cadata=cert.decode())
    tls.verify_mode = ssl.CERT_OPTIONAL
    server.RequestHandlerClass = Handler
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def api(running: ApiServer, monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    running.status = 200
    running.asked.clear()
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return running


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def kubeconfig(
    directory: Path, monkeypatch: pytest.MonkeyPatch, cluster: dict[str, Any], user: dict[str, Any], name: str = "prod"
) -> None:
    content = {
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    (directory / "config").write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(directory / "config"))


def trusted(api: ApiServer) -> dict[str, Any]:
    return {"server": api.url, "certificate-authority-data": encoded(api.certificate)}


def names() -> list[str] | None:
    found = quick.deployments("prod", "inference")
    return None if found is None else [one["metadata"]["name"] for one in found]


def test_a_token_is_enough(api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubeconfig(tmp_path, monkeypatch, trusted(api), {"token": "secret"})

    assert names() == ["qwen"]
    assert api.asked == [
        (
            "/prefix/apis/apps/v1/namespaces/inference/deployments?labelSelector=app.kubernetes.io%2Fname%3Dascend-vllm",
            "Bearer secret",
            False,
        )
    ]


def test_a_certificate_in_the_kubeconfig_leaves_no_key_on_disk(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    user = {"client-certificate-data": encoded(api.certificate), "client-key-data": encoded(api.key)}
    kubeconfig(tmp_path, monkeypatch, trusted(api), user)

    assert names() == ["qwen"]
    assert api.asked[0][2], "the certificate was shown"
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_files_are_found_beside_the_kubeconfig(api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, data in (("ca.crt", api.certificate), ("me.crt", api.certificate), ("me.key", api.key)):
        (tmp_path / name).write_bytes(data)
    cluster = {"server": api.url, "certificate-authority": "ca.crt"}
    kubeconfig(tmp_path, monkeypatch, cluster, {"client-certificate": "me.crt", "client-key": "me.key"})

    assert names() == ["qwen"]
    assert api.asked[0][2]


def test_a_cluster_that_is_not_verified_is_asked_as_the_kubeconfig_says(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig(tmp_path, monkeypatch, {"server": api.url, "insecure-skip-tls-verify": True}, {"token": "t"})

    assert names() == ["qwen"]


def test_the_first_of_several_kubeconfigs_that_has_the_context_counts(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").write_text(yaml.safe_dump({"contexts": [{"name": "x", "context": {}}], "users": None}))
    kubeconfig(tmp_path, monkeypatch, trusted(api), {"token": "secret"})
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/missing:{tmp_path}/other:{tmp_path}/config")

    assert names() == ["qwen"]


@pytest.mark.parametrize(
    ("cluster", "user", "reason"),
    [
        ({}, {"exec": {"command": "aws"}}, "a program gives the token"),
        ({}, {"auth-provider": {"name": "oidc"}}, "a provider gives the token"),
        ({}, {"username": "me", "password": "secret"}, "a password"),
        ({"proxy-url": "http://127.0.0.1:1"}, {"token": "t"}, "a proxy"),
        ({"tls-server-name": "other"}, {"token": "t"}, "another name"),
        ({"certificate-authority-data": "bm9uZQ=="}, {"token": "t"}, "an authority that is none"),
        ({"server": "https://127.0.0.1:1"}, {"token": "t"}, "nobody listens"),
        ({"server": "not an address"}, {"token": "t"}, "no address"),
    ],
)
def test_what_is_not_simple_is_left_to_kr8s(
    api: ApiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cluster: dict[str, Any],
    user: dict[str, Any],
    reason: str,
) -> None:
    kubeconfig(tmp_path, monkeypatch, trusted(api) | cluster, user)

    assert names() is None, reason
    assert api.asked == [], reason


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refusal_is_left_to_kr8s_which_says_why(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    kubeconfig(tmp_path, monkeypatch, trusted(api), {"token": "t"})
    api.status = status

    assert names() is None


def test_a_certificate_of_somebody_else_is_not_trusted(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, _ = certificate()
    cluster = {"server": api.url, "certificate-authority-data": encoded(other)}
    kubeconfig(tmp_path, monkeypatch, cluster, {"token": "secret"})

    assert names() is None
    assert api.asked == []


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", "contexts: [{name: prod, context: {cluster: gone, user: gone}}]"])
def test_a_kubeconfig_that_is_none_is_left_to_kr8s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))

    assert names() is None


def test_behind_a_proxy_kr8s_is_asked(api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubeconfig(tmp_path, monkeypatch, trusted(api), {"token": "t"})
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    assert names() is None


def test_pods_that_start_at_once_are_seen_ready_without_kr8s(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([[deployment(availableReplicas=0)], [deployment(availableReplicas=0)], [deployment()]])
    monkeypatch.setattr(quick, "deployments", lambda *_: next(looks))

    assert asyncio.run(quick.are_soon_settled("prod", "inference", ["qwen"]))


@pytest.mark.parametrize("listed", [None, [], [deployment(availableReplicas=0)]])
def test_what_takes_longer_or_cannot_be_asked_is_left_to_kr8s(
    listed: list[Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "deployments", lambda *_: listed)
    monkeypatch.setattr(quick, "LOOKS", 2)

    assert not asyncio.run(quick.are_soon_settled("prod", "inference", ["qwen"]))
