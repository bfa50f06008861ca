"""Services are reached by an address or by a port-forward. API keys stay secret."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from client.answer import Answer
from client.body import BadInputError, question
from client.http import Link, UnreachableError, get, send
from client.reach import ConnectOptions, address, given_key, reached
from cluster.api.errors import ClusterError
from models.engines.requests import Kind
from models.service.resolved import ResolvedService
from tests.client.conftest import KEY, Serve, service_of
from tests.client.kube_server import Kube, cluster

pytestmark = pytest.mark.slow

Cluster = Callable[..., Kube]


@pytest.fixture
def kube(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    with ExitStack() as opened:
        yield lambda **what: opened.enter_context(cluster(Kube(**what), tmp_path / "kubeconfig"))


def there(service: ResolvedService) -> ResolvedService:
    return replace(service, cluster=replace(service.cluster, context="there"))


def ask(service: ResolvedService, options: ConnectOptions, **given: Any) -> Answer:
    async def asked() -> Answer:
        async with reached(service, options) as link:
            return await send(link, question(Kind.CHAT, service, "hello", given))

    return asyncio.run(asked())


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_without_an_address_a_ready_pod_answers_through_a_port_forward(kube: Cluster, serve: Serve) -> None:
    held = kube(forwards_to=port(serve().url))
    answer = ask(there(service_of()), ConnectOptions(), max_tokens=3)

    assert answer.text == "word1 word2 word3"
    assert "/api/v1/namespaces/inference/pods/qwen-0/portforward" in held.asked
    deadline = time.monotonic() + 5
    while held.open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert held.open == 0


def test_a_stream_comes_through_the_port_forward_too(kube: Cluster, serve: Serve) -> None:
    kube(forwards_to=port(serve(pace=0.001).url))

    assert ask(there(service_of()), ConnectOptions(), max_tokens=200, stream=True).text.endswith("word200")


def test_only_the_request_reports_a_broken_port_forward(
    kube: Cluster, serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    kube(forwards_to=port(serve(ends="half").url))

    assert (
        ask(there(service_of()), ConnectOptions(), stream=True).error
        == "the connection broke before the end of the answer"
    )
    assert capfd.readouterr() == ("", "")


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("wait", [0, 600], ids=["request", "smoke"])
def test_on_a_simulated_node_it_is_said_at_once_that_nothing_runs_there(wait: float, kube: Cluster) -> None:
    kube(simulated=True, forwards_to=unused_port())

    with pytest.raises(
        UnreachableError, match=r"nothing runs in the pod of qwen: its node node-1 is simulated, so no server answers"
    ):
        ask(there(service_of()), ConnectOptions(wait=wait))


def test_a_server_of_this_machine_may_answer_for_a_simulated_pod(kube: Cluster, serve: Serve) -> None:
    kube(simulated=True, forwards_to=port(serve().url))

    assert ask(there(service_of()), ConnectOptions(wait=5), max_tokens=1).text == "word1"


def test_without_a_ready_pod_nothing_is_sent(kube: Cluster) -> None:
    kube(ready=False)

    with pytest.raises(UnreachableError, match="no pod of qwen is ready"):
        ask(there(service_of()), ConnectOptions())


def test_a_pod_is_waited_for_until_it_is_ready(kube: Cluster, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.reach._SECONDS_BETWEEN_CHECKS", 0.01)
    held, said = kube(ready=False, forwards_to=port(serve().url)), list[str]()

    def say(line: str) -> None:
        said.append(line)
        held.ready = True

    assert ask(there(service_of()), ConnectOptions(wait=30, say=say)).ok
    assert said == ["waiting up to 30 s for a pod of qwen to be ready"]


def test_the_wait_for_an_unreachable_server_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.reach._SECONDS_BETWEEN_CHECKS", 0.01)
    said: list[str] = []

    with pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:1 does not answer"):
        ask(service_of(), ConnectOptions("http://127.0.0.1:1", wait=0.1, say=said.append))
    assert len(said) == 1


def test_an_unhealthy_server_is_reported_after_the_wait(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.reach._SECONDS_BETWEEN_CHECKS", 0.01)

    with pytest.raises(UnreachableError, match="/health of qwen answers 500"):
        ask(service_of(), ConnectOptions(serve(ends="sick").url, wait=0.1))


def test_the_key_comes_from_the_secret_that_the_stack_names(kube: Cluster, serve: Serve) -> None:
    held = kube(secrets={"keys": {"qwen": "sk-cluster"}})

    assert ask(there(service_of(KEY)), ConnectOptions(serve(key="sk-cluster").url)).ok
    assert "/api/v1/namespaces/inference/secrets/keys" in held.asked


def test_a_key_from_the_environment_or_a_file_needs_no_cluster(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("VLLM_API_KEY", "sk-variable")
    (tmp_path / "key").write_text("sk-file\n")

    assert ask(service_of(KEY), ConnectOptions(serve(key="sk-variable").url)).ok
    assert ask(service_of(KEY), ConnectOptions(serve(key="sk-file").url, tmp_path / "key")).ok


def test_a_service_without_a_key_gets_no_key(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "sk-of-another")
    server = serve()

    assert ask(service_of(), ConnectOptions(server.url)).ok
    assert server.authorizations == [""]


@pytest.mark.parametrize(
    ("secrets", "message"),
    [({}, "inference has no Secret 'keys'"), ({"keys": {"other": "k"}}, "the Secret keys has no key 'qwen'")],
)
def test_a_missing_secret_is_reported(
    secrets: dict[str, dict[str, str]], message: str, kube: Cluster, serve: Serve
) -> None:
    kube(secrets=secrets)

    with pytest.raises(ClusterError, match=message):
        ask(there(service_of(KEY)), ConnectOptions(serve().url))


def test_an_empty_or_missing_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")

    with pytest.raises(BadInputError, match="is empty"):
        given_key(ConnectOptions(key_file=tmp_path / "empty"))
    with pytest.raises(BadInputError, match="cannot be read: No such file"):
        given_key(ConnectOptions(key_file=tmp_path / "none"))


@pytest.mark.parametrize("key", ["sk-1\n2", "sk-密钥"])
def test_a_key_with_forbidden_characters_is_refused_without_showing_it(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_API_KEY", key)

    with pytest.raises(BadInputError, match="the API key has characters that an HTTP header does not allow") as caught:
        given_key(ConnectOptions())
    assert key not in str(caught.value)


def test_a_newline_at_the_end_of_a_key_is_removed(kube: Cluster, serve: Serve) -> None:
    kube(secrets={"keys": {"qwen": "sk-cluster\n"}})

    assert ask(there(service_of(KEY)), ConnectOptions(serve(key="sk-cluster").url + "/v1")).ok


def test_the_key_is_not_in_representations_or_errors(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "sk-123456")
    answer = ask(service_of(KEY), ConnectOptions(serve(key="another").url))
    link = Link(None, "http://a", "sk-123456")  # type: ignore[arg-type]

    assert (answer.status, answer.error) == (401, "Unauthorized")
    assert "sk-123456" not in repr(link)
    assert link.hidden("the key sk-123456 is wrong") == "the key *** is wrong"


def test_the_address_for_curl_is_the_configured_one_or_the_one_in_the_cluster() -> None:
    assert address(service_of(), ConnectOptions("http://localhost:9/")) == "http://localhost:9"
    assert address(service_of(), ConnectOptions("http://localhost:9/v1/")) == "http://localhost:9"
    assert address(service_of(), ConnectOptions()) == "http://qwen.inference.svc:8080"


def test_no_proxy_is_used_for_this_machine(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")

    async def health() -> int:
        async with reached(service_of(), ConnectOptions(serve().url)) as link:
            return (await get(link, "/health"))[0]

    assert asyncio.run(health()) == 200
