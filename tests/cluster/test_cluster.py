"""Reading a cluster through kr8s, from an API server with prepared answers."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.api.errors import ClusterError
from cluster.api.key_files import forget_keys
from cluster.api.reader import connected
from cluster.snapshot import Snapshot
from tests.cluster.objects import deployment, node, pod

pytestmark = pytest.mark.slow

FORBIDDEN = {"kind": "Status", "message": 'nodes is forbidden: User "u" cannot list resource "nodes"'}


@dataclass
class Api:
    """An API server with prepared answers by path, which records its requests."""

    port: int = 0
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    accepts: list[str] = field(default_factory=list)
    patched: list[tuple[str, str, str]] = field(default_factory=list)
    """Path, content type and body of each PATCH."""

    def listed(self, path: str, *items: Any) -> None:
        self.answers[path] = (
            200,
            {"kind": "List", "items": [{k: v for k, v in i.items() if k != "kind"} for i in items]},
        )


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An API server, and a kubeconfig with its context `there` and without a current context."""
    made = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.asked.append(self.path)
            made.accepts.append(self.headers.get("Accept", ""))
            made.tokens.append(self.headers.get("Authorization", ""))
            self._answer()

        def do_PATCH(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.patched.append((self.path, self.headers["Content-Type"], text))
            self._answer()

        def _answer(self) -> None:
            status, body = made.answers.get(self.path.partition("?")[0], (404, {"message": "not found"}))
            if callable(body):
                status, body = body()
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        write_kubeconfig(tmp_path / "kubeconfig", {"server": f"http://127.0.0.1:{made.port}"}, {"token": "t-1"})
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        yield made
        server.shutdown()


def write_kubeconfig(file: Path, cluster: dict[str, Any], user: dict[str, Any]) -> None:
    config = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "there", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(yaml.safe_dump(config))


def look(*, wide: bool = False) -> Snapshot:
    async def ask() -> Snapshot:
        async with connected("there", "inference") as cluster:
            return await cluster.look(wide=wide)

    return asyncio.run(ask())


def failure(context: str = "there") -> ClusterError:
    async def ask() -> None:
        async with connected(context, "inference") as cluster:
            await cluster.deployments()

    with pytest.raises(ClusterError) as failed:
        asyncio.run(ask())
    assert failed.value.fix
    return failed.value


BASE = "/apis/apps/v1/namespaces/inference"


def test_the_deployments_of_the_services_are_one_call(api: Api) -> None:
    api.listed(f"{BASE}/deployments", deployment())

    async def ask() -> Any:
        async with connected("there", "inference") as cluster:
            return await cluster.deployments()

    listed = asyncio.run(ask())

    assert [(item["kind"], item["metadata"]["name"]) for item in listed] == [("Deployment", "qwen")]
    assert api.asked == [f"{BASE}/deployments?labelSelector=app.kubernetes.io%2Fname%3Dascend-vllm"]
    assert set(api.tokens) == {"Bearer t-1"}


def test_a_wide_look_reads_everything_and_names_kinds_that_cannot_be_read(api: Api) -> None:
    for kind in ("deployments", "replicasets"):
        api.listed(f"{BASE}/{kind}")
    api.listed("/api/v1/namespaces/inference/pods", pod())
    api.listed("/api/v1/namespaces/inference/events")
    api.listed("/api/v1/pods", pod())
    api.answers["/api/v1/nodes"] = (403, FORBIDDEN)
    snapshot = look(wide=True)

    assert [item["kind"] for item in (*snapshot.pods, *snapshot.holders)] == ["Pod", "Pod"]
    assert snapshot.unread == {
        "nodes": f"not allowed to list nodes: {FORBIDDEN['message']}",
        "podgroups": "cannot list podgroups: the cluster does not know this kind",
        "queues": "cannot list queues: the cluster does not know this kind",
    }
    assert "/api/v1/pods?fieldSelector=spec.nodeName%21%3D" in api.asked


def test_a_narrow_look_reads_only_the_namespace(api: Api) -> None:
    api.listed("/api/v1/nodes", node())
    snapshot = look()

    assert snapshot.nodes == ()
    assert all("/namespaces/inference/" in path for path in api.asked)


def test_last_log_lines_are_read_and_a_missing_log_is_empty(api: Api) -> None:
    api.answers["/api/v1/namespaces/inference/pods/qwen-0/log"] = (200, "one\ntwo\n")

    async def ask() -> Any:
        async with connected("there", "inference") as cluster:
            there = await cluster.log("qwen-0", "ascend-vllm", previous=True, lines=2)
            return there, await cluster.log("gone", "ascend-vllm", previous=False, lines=2)

    assert asyncio.run(ask()) == (("one", "two"), ())
    asked = "/log?container=ascend-vllm&tailLines=2&previous=true&limitBytes=1048576"
    assert f"/api/v1/namespaces/inference/pods/qwen-0{asked}" in api.asked


def test_expired_credentials_are_renewed(api: Api) -> None:
    answers = iter([(401, {"message": "expired"}), (200, {"items": [deployment()]}), (200, {"items": []})])
    api.answers[f"{BASE}/deployments"] = (0, lambda: next(answers))

    async def ask() -> Any:
        async with connected("there", "inference") as cluster:
            return len(await cluster.deployments())

    assert asyncio.run(ask()) == 1


@pytest.mark.parametrize(
    ("status", "body", "message", "passing"),
    [
        (403, FORBIDDEN, "not allowed to list deployments: nodes is forbidden", False),
        (401, {"message": "Unauthorized"}, "'there' does not accept these credentials", False),
        (500, {"message": "etcd is away"}, "the API server of 'there' answers 500: etcd is away", True),
        (503, "<html>proxy</html>", "the API server of 'there' answers 503: <html>proxy</html>", True),
        (429, {"message": "too many"}, "answers 429: too many", True),
    ],
)
def test_an_error_of_the_api_server_is_explained(api: Api, status: int, body: Any, message: str, passing: bool) -> None:
    api.answers[f"{BASE}/deployments"] = (status, body)
    failed = failure()

    assert message in failed.message
    assert failed.passing == passing


def test_a_missing_context_is_reported_with_the_key_that_names_it(api: Api) -> None:
    failed = failure("elsewhere")

    assert failed.message == "the kubeconfig has no context 'elsewhere', which cluster.context names"
    assert not failed.passing


def test_a_missing_kubeconfig_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    assert "has no context 'there'" in failure().message


def test_an_api_server_that_does_not_answer_is_a_passing_error(api: Api, tmp_path: Path) -> None:
    write_kubeconfig(tmp_path / "kubeconfig", {"server": "http://127.0.0.1:1"}, {})
    failed = failure()

    assert failed.message.startswith("the API server of 'there' does not answer")
    assert "kubectl --context there get nodes" in failed.fix
    assert failed.passing


def test_the_error_of_a_credential_program_is_quoted(api: Api, tmp_path: Path) -> None:
    for command, words in (("false", "non-zero code 1"), ("no-such-program", "no-such-program")):
        plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": []}
        server = {"server": f"http://127.0.0.1:{api.port}"}
        write_kubeconfig(tmp_path / "kubeconfig", server, {"exec": plugin})
        failed = failure()

        assert failed.message.startswith("the kubeconfig's context 'there' cannot be used: ")
        assert words in failed.message
        assert not failed.passing


def test_key_files_written_by_kr8s_are_removed_and_files_of_the_user_stay(tmp_path: Path) -> None:
    directory = Path(tempfile.gettempdir())
    written, old, own = directory / "tmpabcd1234", directory / "tmpold12345", tmp_path / "tmpmine.pem"
    for file in (written, old, own):
        file.write_text("key")

    os.utime(old, (1, 1))

    class Auth:
        client_key_file, client_cert_file, server_ca_file = str(written), str(old), str(own)

    try:
        forget_keys(Auth(), written.stat().st_mtime)

        assert [file.exists() for file in (written, old, own)] == [False, True, True]
    finally:
        old.unlink()
