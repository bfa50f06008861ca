"""The address that a server listens on, and its certificate, by release and kind of server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.check import check
from models.engines.releases import VERSIONS
from models.service.resolve import resolve
from models.stack_file.load import load_text

LATER = VERSIONS[1:]


def severities(release: str, server: dict[str, Any], rule: str = "server-address", **more: Any) -> list[str]:
    service = {
        "image": "registry.example.com/own:r1",
        "model": "/mnt/models/Qwen2.5-7B-Instruct",
        "engine": {"maxModelLen": 4096, "version": release},
        "server": server,
        **more,
    }
    services = {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"qwen": service}}
    stack = resolve(load_text("test", "Pulumi.test.yaml", json.dumps({"config": services})))
    return [finding.severity for finding in check(stack).findings if finding.rule == rule]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "LocalHost", "::1", "10.0.0.5", "qwen.prod.svc"])
@pytest.mark.parametrize("release", LATER)
def test_an_address_that_nobody_reaches_is_an_error(release: str, host: str) -> None:
    assert severities(release, {"host": host}) == ["error"]


@pytest.mark.parametrize("host", ["http://0.0.0.0", "0.0.0.0:8080", "0.0.0", "256.0.0.1", "*", "[::]"])
def test_a_text_that_is_no_address_is_an_error(host: str) -> None:
    assert severities("0.23.0", {"host": host}) == ["error"]
    assert severities("0.6.3", {"kind": "api_server", "host": host}) == ["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.5", "http://0.0.0.0"])
def test_the_openai_server_of_the_first_release_ignores_its_address(host: str) -> None:
    assert severities("0.6.3", {"host": host}) == ["no-effect"]


@pytest.mark.parametrize("release", VERSIONS)
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"])
def test_every_address_is_accepted(release: str, host: str) -> None:
    assert severities(release, {"host": host}) == []


def test_a_pod_in_the_network_of_its_node_can_listen_on_an_address_of_the_node() -> None:
    template = {"spec": {"hostNetwork": True}}

    assert severities("0.23.0", {"host": "10.0.0.5"}, podTemplate=template) == []
    assert severities("0.23.0", {"host": "127.0.0.1"}, podTemplate=template) == ["error"]


def test_a_server_behind_a_proxy_in_its_pod_is_not_judged() -> None:
    proxy = {"name": "proxy", "image": "registry.example.com/proxy:1.2.3"}

    assert severities("0.23.0", {"host": "127.0.0.1"}, podTemplate={"spec": {"containers": [proxy]}}) == []
    sidecar = {**proxy, "restartPolicy": "Always"}
    assert severities("0.23.0", {"host": "127.0.0.1"}, podTemplate={"spec": {"initContainers": [sidecar]}}) == []
    assert severities("0.23.0", {"host": "127.0.0.1"}, podTemplate={"spec": {"initContainers": [proxy]}}) == ["error"]


@pytest.mark.parametrize("release", LATER)
def test_a_server_that_listens_on_a_file_is_an_error(release: str) -> None:
    assert severities(release, {"extraArgs": {"uds": "/tmp/vllm.sock"}}) == ["error"]


@pytest.mark.parametrize(
    ("release", "arguments", "expected"),
    [
        ("0.6.3", {"sslKeyfile": "/t/tls.key"}, ["error"]),
        ("0.23.0", {"ssl-keyfile": "/t/tls.key"}, ["error"]),
        ("0.30.0", {"sslKeyfile": "/t/tls.key", "sslCaCerts": "/t/ca.crt"}, ["error"]),
        ("0.30.0", {"sslCaCerts": "/t/ca.crt"}, ["no-effect"]),
        ("0.18.0", {"enableSslRefresh": True}, ["no-effect"]),
        ("0.6.3", {"sslCertfile": "/t/both.pem"}, []),
        ("0.23.0", {"sslKeyfile": "/t/tls.key", "sslCertfile": "/t/tls.crt", "sslCaCerts": "/t/ca.crt"}, []),
    ],
)
def test_tls_needs_a_certificate(release: str, arguments: dict[str, Any], expected: list[str]) -> None:
    assert severities(release, {"extraArgs": arguments}, rule="tls-certificate") == expected
