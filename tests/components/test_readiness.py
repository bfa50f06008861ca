"""The end of an update: the program waits for the services that Pulumi really made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from cluster import update
from cluster.errors import ClusterError
from cluster.snapshot import Seen
from cluster.update import UpdateError
from cluster.wait import Awaited, NotReadyError
from components import readiness
from tests.cluster.objects import NOW, deployment
from tests.cluster.reader import FakeReader
from tests.components import harness
from tests.components.harness import run_program, stack_config
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig that has the context of the stack."""
    monkeypatch.chdir(ROOT)
    context = stack_config("dev")["ascend-vllm:cluster"]["context"]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": context}]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


@pytest.fixture
def in_a_cluster(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Have every object that is registered be in a cluster, where all services are ready; what was connected."""

    def made(_: Any, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        metadata = {**args.inputs.get("metadata", {}), "uid": "a-uid"}
        return f"{args.name}-id", {**args.inputs, "metadata": metadata}

    asked: list[tuple[str, str]] = []

    @asynccontextmanager
    async def connected(context: str, namespace: str) -> AsyncIterator[FakeReader]:
        asked.append((context, namespace))
        ready = deployment("qwen2-7b")
        ready["spec"]["template"] = {"spec": {}}
        yield FakeReader([Seen(NOW, namespace, (ready,))])

    monkeypatch.setattr(harness._Mocks, "new_resource", made)
    monkeypatch.setattr(update, "connected", connected)
    return asked


def fail_with(problem: Exception) -> Callable[..., Any]:
    async def wait(*_: Any) -> None:
        raise problem

    return wait


def test_an_update_asks_the_stacks_cluster_whether_the_services_are_ready(in_a_cluster: list[tuple[str, str]]) -> None:
    plan = run_program("dev")

    assert set(in_a_cluster) == {("kwok-ascend-sandbox", "inference")}
    assert list(plan.outputs["services"]) == ["qwen2-7b"]


def test_a_preview_asks_nobody(in_a_cluster: list[tuple[str, str]]) -> None:
    run_program("dev", preview=True)

    assert in_a_cluster == []


def test_each_service_is_waited_for_with_its_own_budget(
    in_a_cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Awaited] = []

    async def wait(_: Any, services: Sequence[Awaited], say: Callable[[str, str], None]) -> list[str]:
        seen.extend(services)
        say("qwen2-7b", "0/1 loading weights")
        return []

    monkeypatch.setattr(update, "wait_until_ready", wait)
    run_program("dev")

    assert [awaited.wanted.name for awaited in seen] == ["qwen2-7b"]
    assert seen[0].wanted.resource == "huawei.com/ascend-1980"
    assert seen[0].timeout > seen[0].wanted.startup


def proving() -> dict[str, Any]:
    """The configuration of `dev` with a Job that asks its service."""
    config = stack_config("dev")
    config["ascend-vllm:services"]["qwen2-7b"]["smoke"] = True
    return config


def test_an_update_waits_for_the_job_that_asks_and_a_preview_does_not(
    in_a_cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, str]] = []

    async def prove(_: Any, jobs: dict[str, str], say: Callable[[str, str], None]) -> None:
        asked.append(jobs)
        say("qwen2-7b", "smoke: a Job asks the service")

    monkeypatch.setattr(readiness, "prove", prove)
    run_program("dev", proving(), preview=True)
    plan = run_program("dev", proving())

    assert asked == [{}, {"qwen2-7b": plan.resources["qwen2-7b-smoke"].inputs["metadata"]["name"]}]


def test_a_service_that_does_not_answer_as_it_should_fails_the_update_in_words(
    in_a_cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "prove", fail_with(UpdateError("qwen2-7b: the answer is empty")))
    with pytest.raises(pulumi.RunError, match="qwen2-7b: the answer is empty"):
        run_program("dev", proving())


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (NotReadyError([], "qwen cannot start"), "qwen cannot start"),
        (
            ClusterError("the API server does not answer", "see the network"),
            "nobody knows whether the services are ready: the API server does not answer\nfix: see the network",
        ),
    ],
)
def test_what_is_not_ready_fails_the_update_in_words(
    in_a_cluster: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, problem: Exception, text: str
) -> None:
    monkeypatch.setattr(update, "wait_until_ready", fail_with(problem))
    with pytest.raises(pulumi.RunError) as failed:
        run_program("dev")

    assert str(failed.value).strip() == text


@pytest.mark.parametrize("name", ["qwen2-7b-deployment", "qwen2-7b-smoke"])
def test_pulumi_itself_waits_neither_for_the_pods_nor_for_the_job(name: str) -> None:
    inputs = run_program("dev", proving()).resources[name].inputs

    assert inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
