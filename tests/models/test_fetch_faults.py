"""Answers of a bucket that nobody expects end a fetch in words, or are overcome."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.bucket_server import KEYS, Content, Fault, Node, serving

pytestmark = pytest.mark.slow

FILES = {"config.json": b'{"model_type": "qwen2"}\n'}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.mark.parametrize("date", ["yesterday", "Mon, 99 Foo 2026 10:00:00 GMT", ""])
def test_a_date_that_is_none_does_not_hide_that_the_clock_is_wrong(node: Node, date: str) -> None:
    fault = Fault(403, "RequestTimeTooSkewed", headers={"Date": date})
    with serving(Content(dict(FILES), faults=[fault])) as endpoint:
        code, said = node.fetch(endpoint, FILES)

    assert code == 1
    assert said[-1] == (
        "weights: error: the bucket refuses the node's time (RequestTimeTooSkewed): it is too far from its own; "
        "fix: set the node's clock (NTP)"
    )


@pytest.mark.parametrize("status", [100, 204, 206])
def test_a_request_is_repeated_if_the_answer_does_not_contain_the_file(node: Node, status: int) -> None:
    with serving(Content(dict(FILES), faults=[Fault(status)])) as endpoint:
        code, said = node.fetch(endpoint, FILES)

    assert (code, node.fetched()) == (0, FILES), said


def test_a_sign_of_life_that_a_node_left_broken_counts_as_none(node: Node) -> None:
    node.store.mkdir()
    (node.store / f".{node.name}.lease").write_bytes(b"\xff\xfe")
    with serving(Content(dict(FILES))) as endpoint:
        code, said = node.fetch(endpoint, FILES, "--shared", "--beat", 0.05)

    assert (code, node.fetched()) == (0, FILES), said
    assert "gives no sign of life; taking over" in "\n".join(said)


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    """A file with a key and its certificate, for another host than localhost."""
    file = str(tmp_path / "other.pem")
    names = ["-subj", "/CN=other.example.com", "-addext", "subjectAltName=DNS:other.example.com"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", file, "-out", "-"]
    text = subprocess.run([*made, *names], check=True, capture_output=True, text=True).stdout
    Path(file).write_text(Path(file).read_text() + text)
    return file


@pytest.fixture
def endpoint(certificate: str) -> Iterator[str]:
    """A bucket whose certificate is for another host."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with serving(Content(dict(FILES)), tls) as address:
        yield address


def test_a_certificate_of_another_host_is_no_matter_of_authorities(node: Node, endpoint: str, certificate: str) -> None:
    keys = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), KEYS, strict=True))
    fixes = []
    for trusted in ({"SSL_CERT_FILE": certificate}, {}):
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **keys, **trusted}
        done = subprocess.run(node.command(endpoint, FILES), env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        fixes.append(done.stderr.splitlines()[-1].partition("; fix: ")[2])

    assert "model.source.endpoint" in fixes[0]
    assert "the name of the bucket has dots" in fixes[0]
    assert "SSL_CERT_FILE" not in fixes[0]
    assert "SSL_CERT_FILE" in fixes[1]
