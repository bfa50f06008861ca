"""The smoke Job: the command of its container, run against a strict server."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from models.manifests import service_objects
from models.service.resolved import ResolvedService
from tests.client.vllm_server import Vllm, serving
from tests.conftest import stack_of

pytestmark = pytest.mark.slow

BASE = "qwen:\n  image: a:1\n  model: /m/Qwen2-7B\n  engine: {maxModelLen: 4096, servedModelName: [qwen]}\n"
WITH_ADAPTER = "  lora: {adapters: {law: /m/law}}\n"
WITH_KEY = "  server: {apiKey: {secret: keys, key: token}}\n"


def service(extra: str = "  smoke: true\n") -> ResolvedService:
    return stack_of(BASE + extra).services[0]


def job(of: ResolvedService) -> Any:
    return next(item for item in service_objects(of) if item["kind"] == "Job")


def asked(of: ResolvedService, vllm: Vllm, key: str = "") -> subprocess.CompletedProcess[str]:
    """What the container's command says when the Service leads to this server."""
    *command, words = job(of)["spec"]["template"]["spec"]["containers"][0]["command"]
    wanted = {**json.loads(words), "url": vllm.url, "patience": 0.2}
    env = {**os.environ, "VLLM_API_KEY": key}
    return subprocess.run(
        [*command, json.dumps(wanted)], env=env, capture_output=True, text=True, check=False, timeout=30
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.removeprefix("smoke: ").partition(" in ")[0] for line in done.stdout.splitlines()]


def test_a_service_that_answers_passes_every_check() -> None:
    with serving(Vllm(adapters=("law",), key="sk-1")) as vllm:
        done = asked(service("  smoke: true\n" + WITH_ADAPTER + WITH_KEY), vllm, "sk-1")

    assert (done.returncode, done.stderr) == (0, "")
    assert lines(done) == [
        "health: passed",
        "models: passed",
        "answer of qwen: passed",
        "answer of law: passed",
        "stream: passed",
        "wrong key: passed",
        "unknown model: passed",
        "too long: passed",
    ]


def test_the_plain_server_is_asked_by_generate() -> None:
    plain = stack_of(BASE.replace(", servedModelName: [qwen]", "") + "  server: api_server\n  smoke: true\n").services[
        0
    ]
    with serving(Vllm(kind="api_server")) as vllm:
        done = asked(plain, vllm)

    assert (done.returncode, lines(done)) == (0, ["health: passed", "generate: passed"])


@pytest.mark.parametrize(
    ("vllm", "line"),
    [
        (Vllm(names=("other",)), "models: FAILED: qwen is not served, but other"),
        (Vllm(ends="sick"), "health: FAILED: /health answers 500:"),
        (Vllm(ends="half"), "stream: FAILED: "),
        (Vllm(longest=9000), "too long: FAILED: /v1/completions answers 200: "),
    ],
)
def test_wrong_behaviour_fails_the_job_with_a_message(vllm: Vllm, line: str) -> None:
    with serving(vllm):
        done = asked(service(), vllm)

    assert done.returncode == 1
    assert (len(lines(done)) == 1) == line.startswith("health")
    assert any(said.startswith(f"smoke: {line}") for said in done.stdout.splitlines()), done.stdout


def test_the_key_is_never_printed() -> None:
    with serving(Vllm(key="sk-right")) as vllm:
        done = asked(service("  smoke: true\n" + WITH_KEY), vllm, "sk-of-nobody")

    assert done.returncode == 1
    assert "sk-" not in done.stdout + done.stderr


def test_there_is_a_job_if_smoke_is_set_and_the_service_has_pods() -> None:
    for extra in ("", "  smoke: true\n  replicas: 0\n"):
        assert [item["kind"] for item in service_objects(service(extra))] == ["ConfigMap", "Deployment", "Service"]


def test_a_new_job_is_created_exactly_if_the_pod_changes() -> None:
    names = [
        job(service(f"  smoke: true\n{more}"))["metadata"]["name"]
        for more in ("", "  replicas: 2\n", "  quantization: awq\n", "  queue: q\n")
    ]

    assert names[0] == names[1]
    assert len(set(names)) == 3


def test_the_job_refers_to_the_key_and_uses_no_npu_and_is_not_selected_by_the_service() -> None:
    wanted = job(service("  smoke: true\n" + WITH_KEY))
    (container,) = wanted["spec"]["template"]["spec"]["containers"]

    assert container["env"] == [
        {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}}
    ]
    assert {*container["resources"]["limits"]} == {"memory"}
    labels = wanted["spec"]["template"]["metadata"]["labels"]
    assert not {"app.kubernetes.io/name": "ascend-vllm", "app.kubernetes.io/instance": "qwen"}.items() <= labels.items()
    assert labels["app.kubernetes.io/component"] == "smoke"
    assert wanted["spec"]["template"]["spec"]["restartPolicy"] == "Never"
