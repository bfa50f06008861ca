"""Requests through the API server's own port-forward to a pod, and with the key of a Secret of the cluster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.plan import Plan
from tests.client.vllm_server import Vllm, serving
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes
from tests.e2e.staged import apply

KEY = "sk-in-a-secret"
SERVICE = {
    "image": "registry.example.com/ascend-vllm:1",
    "model": "/mnt/models/Qwen2-7B-Instruct",
    "engine": {"maxModelLen": 4096, "servedModelName": ["qwen"]},
    "server": {"apiKey": {"secret": "keys", "key": "token"}},
}


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_program(tmp_path_factory.mktemp("requests"), sandbox(Plan("requests", ascend_nodes(1))))


@pytest.fixture(scope="module")
def vllm(project: Project) -> Iterator[Vllm]:
    """A server of vLLM's strictness; the port 8080 of every pod of the stack leads to it."""
    project.write("asked", {"qwen": SERVICE})
    project.pulumi("stack", "init", "asked")
    project.sandbox.kubectl("create", "namespace", "asked")
    project.sandbox.kubectl("create", "secret", "generic", "keys", f"--from-literal=token={KEY}", "--namespace=asked")
    with serving(Vllm(key=KEY)) as server:
        port = int(server.url.rpartition(":")[2])
        forward = {"ports": [8080], "target": {"address": "127.0.0.1", "port": port}}
        kind = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward", "metadata": {"name": "asked"}}
        apply(project.sandbox, [{**kind, "spec": {"selector": {"matchNamespaces": ["asked"]}, "forwards": [forward]}}])
        project.up("asked")
        yield server


def test_smoke_proves_a_pod_through_a_port_forward_with_the_key_of_the_secret(project: Project, vllm: Vllm) -> None:
    done = project.ascend_vllm("smoke", "asked")

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("qwen  health ✓ ")
    assert "wrong key → 401 ✓" in done.stdout
    assert "✗" not in done.stdout
    assert {f"Bearer {KEY}", "Bearer wrong"} == {*vllm.authorizations}


def test_request_streams_an_answer_of_a_pod(project: Project, vllm: Vllm) -> None:
    done = project.ascend_vllm("request", "asked", "qwen", "chat", "hello", "--max-tokens", "3", "--stream")

    assert (done.returncode, done.stdout.strip()) == (0, "word1 word2 word3")
    assert KEY not in done.stdout + done.stderr


def test_bench_measures_a_pod(project: Project, vllm: Vllm) -> None:
    done = project.ascend_vllm("bench", "asked", "qwen", "--concurrency", "2", "--requests", "4", "--output-len", "4")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2].split()[:2] == ["2", "0"]


def test_what_is_not_ready_fails_smoke_with_the_reason(project: Project, vllm: Vllm) -> None:
    project.sandbox.kubectl("scale", "deployment", "qwen", "--replicas", "0", "--namespace", "asked")
    project.sandbox.kubectl("wait", "--for=delete", "pod", "--all", "--namespace", "asked", "--timeout=120s")
    done = project.ascend_vllm("smoke", "asked", "--wait", "1s")

    assert done.returncode == 1
    in_one_line = " ".join(done.stdout.split())
    assert "ready ✗ (no pod of qwen is ready after 1 s; find the cause: ascend-vllm status)" in in_one_line
