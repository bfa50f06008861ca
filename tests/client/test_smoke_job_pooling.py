"""The smoke Job of a model that embeds texts or scores documents, run against a server."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from models.launch.scripts import SMOKE, SMOKE_POOLING, script_text
from models.manifests import service_objects
from models.service.resolved import ResolvedService
from tests.client.conftest import KEY, service_of, service_of_release
from tests.client.vllm_ascend_server import serving_release

MODELS = {"embed": "Qwen3-Embedding-8B", "rerank": "Qwen3-Reranker-8B"}


def service_for(task: str, more: str = KEY) -> ResolvedService:
    return service_of_release("0.23.0", f"model: /m/{MODELS[task]}\nsmoke: true\n{more}", length=512)


def command_of(service: ResolvedService) -> list[str]:
    (job,) = [item for item in service_objects(service) if item["kind"] == "Job"]
    command: list[str] = job["spec"]["template"]["spec"]["containers"][0]["command"]
    return command


def run(service: ResolvedService, **what: Any) -> subprocess.CompletedProcess[str]:
    with serving_release("0.23.0", key="sk-1", pooling=what.pop("pooling", True), **what) as server:
        *start, questions = command_of(service)
        there = json.dumps({**json.loads(questions), "url": server.url, "patience": 5})
        environment = {**os.environ, "VLLM_API_KEY": "sk-1"}
        return subprocess.run([*start, there], env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["embed", "rerank"])
def test_a_healthy_service_passes(task: str) -> None:
    done = run(service_for(task))

    assert (done.returncode, done.stderr) == (0, "")
    names = [line.split(": ")[1] for line in done.stdout.splitlines()]
    vectors = ["embeddings"] if task == "embed" else []
    assert names == ["health", "models", *vectors, "rerank", "wrong key", "unknown model"]


@pytest.mark.slow
def test_wrong_behaviour_fails() -> None:
    unsorted = run(service_for("rerank"), ends="unsorted")
    text = run(service_for("embed"), pooling=False)

    assert (unsorted.returncode, text.returncode) == (1, 1)
    assert "smoke: rerank: FAILED: the scores of 2 documents are" in unsorted.stdout
    assert "smoke: embeddings: FAILED: /v1/embeddings answers 404" in text.stdout


def test_only_such_a_model_gets_the_other_script() -> None:
    text = service_of("smoke: true\n")
    assert script_text(SMOKE) in command_of(text)
    assert "task" not in json.loads(command_of(text)[-1])
    assert script_text(SMOKE_POOLING) in command_of(service_for("embed"))
