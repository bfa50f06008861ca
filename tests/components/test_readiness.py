"""The end of an update: each service waits until its pods are ready and its smoke Job has succeeded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from cluster.api.errors import ClusterError
from cluster.service import WatchedService
from cluster.snapshot import Object, Snapshot
from cluster.update.smoke_job import NotProvedError
from cluster.update.wait import Awaited, NotReadyError
from components import (
    ClusterConfig,
    EngineArgs,
    InferenceDeployment,
    InferenceDeploymentArgs,
    ServiceConfig,
    readiness,
    running_pods,
)
from tests.cluster.objects import NOW, deployment
from tests.components import harness
from tests.components.harness import build, run_program, stack_config
from tests.conftest import ROOT

CONTINUES = "applied changes stay, the pods keep running, and the next pulumi up continues"
GONE = ClusterError("the API server does not answer", "see the network", passing=True)


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig that has the context of the stack."""
    monkeypatch.chdir(ROOT)
    context = stack_config("dev")["ascend-vllm:cluster"]["context"]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": context}]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


@dataclass
class ClusterOfTheTest:
    """A cluster whose Deployments are as the test says."""

    available: dict[str, int] = field(default_factory=dict)
    """Available pods of each Deployment."""
    connections: list[tuple[str, str]] = field(default_factory=list)
    """Context and namespace of each connection."""
    problem: ClusterError | None = None

    async def leader_worker_sets(self) -> Sequence[Object]:
        raise ClusterError("the cluster has no LeaderWorkerSets", "install the controller", unknown_kind=True)

    async def deployments(self) -> Sequence[Object]:
        if self.problem:
            raise self.problem
        return [self._deployment(name, available) for name, available in self.available.items()]

    async def look(self, *, wide: bool) -> Snapshot:
        return Snapshot(NOW, "inference", tuple(await self.deployments()))

    async def named(self, kind: str, name: str) -> Object:
        """Every Job has ended well."""
        return {
            "kind": kind,
            "metadata": {"name": name},
            "status": {"conditions": [{"type": "Complete", "status": "True"}]},
        }

    def _deployment(self, name: str, available: int) -> Object:
        made = deployment(name, availableReplicas=available)
        return {**made, "spec": {**made["spec"], "template": {"spec": {}}}}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ClusterOfTheTest:
    """A cluster in which the service of `dev` is ready; every registered object exists in it."""
    made = ClusterOfTheTest({"qwen2-7b": 1})

    def new_resource(_: Any, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        metadata = {**args.inputs.get("metadata", {}), "uid": "a-uid"}
        return f"{args.name}-id", {**args.inputs, "metadata": metadata}

    @asynccontextmanager
    async def connected(context: str, namespace: str) -> AsyncIterator[ClusterOfTheTest]:
        made.connections.append((context, namespace))
        yield made

    monkeypatch.setattr(harness._Mocks, "new_resource", new_resource)
    monkeypatch.setattr(readiness, "connected", connected)
    monkeypatch.setattr(running_pods, "connected", connected)
    monkeypatch.setattr(readiness, "FIRST_POLL", 0.0)
    return made


def fail_with(problem: Exception) -> Callable[..., Any]:
    async def wait(*_: Any) -> None:
        raise problem

    return wait


def with_smoke_job() -> dict[str, Any]:
    """The configuration of `dev` with a smoke Job."""
    config = stack_config("dev")
    config["ascend-vllm:services"]["qwen2-7b"]["smoke"] = True
    return config


def two_services() -> dict[str, Any]:
    """The configuration of `dev` with a second service, both with a smoke Job."""
    config = with_smoke_job()
    services = config["ascend-vllm:services"]
    services["second"] = {"image": "a:1", "model": "/mnt/models/x", "engine": {"maxModelLen": 4096}, "smoke": True}
    return config


def test_an_update_reads_the_cluster_of_the_stack(cluster: ClusterOfTheTest) -> None:
    plan = run_program("dev")

    assert set(cluster.connections) == {("kwok-ascend-sandbox", "inference")}
    assert list(plan.outputs["services"]) == ["qwen2-7b"]


def test_a_preview_looks_once_at_the_pods_that_run(cluster: ClusterOfTheTest) -> None:
    run_program("dev", preview=True)

    assert len(cluster.connections) == 1


def test_an_update_under_mocks_does_not_wait() -> None:
    assert "qwen2-7b" in run_program("dev").resources


def test_each_service_has_its_own_time(cluster: ClusterOfTheTest, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Awaited] = []

    async def wait(_: Any, services: Sequence[Awaited], say: Callable[[str, str], None]) -> list[str]:
        seen.extend(services)
        say("qwen2-7b", "0/1 loading weights")
        return []

    cluster.available["qwen2-7b"] = 0
    monkeypatch.setattr(readiness, "wait_until_ready", wait)
    run_program("dev")

    assert [awaited.service.name for awaited in seen] == ["qwen2-7b"]
    assert seen[0].service.resource == "huawei.com/ascend-1980"
    assert seen[0].timeout > seen[0].service.startup


def test_services_of_a_namespace_are_waited_for_with_one_connection(
    cluster: ClusterOfTheTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proved: list[str] = []

    async def wait(_: Any, jobs: dict[str, WatchedService], say: Callable[[str, str], None]) -> None:
        proved.extend(sorted(jobs))
        say("second", "smoke: a Job asks the service")

    cluster.available["second"] = 1
    monkeypatch.setattr(readiness, "wait_until_proved", wait)
    plan = run_program("dev", two_services())

    assert len(cluster.connections) == 2, "one before the update and one for the wait"
    assert sorted(proved) == sorted(job.inputs["metadata"]["name"] for job in plan.of_type("Job"))


def test_a_preview_shows_the_smoke_job_and_does_not_wait_for_it(cluster: ClusterOfTheTest) -> None:
    assert "qwen2-7b-smoke" in run_program("dev", with_smoke_job(), preview=True).resources
    assert len(cluster.connections) == 1, "one look at the pods that run"


def test_a_service_that_waits_for_a_removed_one_is_a_warning_and_has_no_smoke_job(
    cluster: ClusterOfTheTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(*_: Any) -> list[str]:
        return ["not waiting for qwen2-7b"]

    warnings: list[str] = []
    cluster.available["qwen2-7b"] = 0
    monkeypatch.setattr(readiness, "wait_until_ready", wait)
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    plan = run_program("dev", with_smoke_job())

    assert "not waiting for qwen2-7b" in warnings
    assert "qwen2-7b-smoke" not in plan.resources


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (NotProvedError("qwen2-7b: the answer is empty"), "qwen2-7b: the answer is empty"),
        (GONE, f"cannot find out whether the services answer: {GONE.message}\nfix: {GONE.fix}; {CONTINUES}"),
    ],
)
def test_a_wrong_answer_fails_the_update(
    cluster: ClusterOfTheTest, monkeypatch: pytest.MonkeyPatch, problem: Exception, text: str
) -> None:
    monkeypatch.setattr(readiness, "wait_until_proved", fail_with(problem))
    with pytest.raises(pulumi.RunError) as failed:
        run_program("dev", with_smoke_job())

    assert str(failed.value) == text


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (NotReadyError([], "qwen cannot start"), "qwen cannot start"),
        (GONE, f"cannot find out whether the services are ready: {GONE.message}\nfix: {GONE.fix}; {CONTINUES}"),
    ],
)
def test_a_service_that_does_not_become_ready_fails_the_update(
    cluster: ClusterOfTheTest, monkeypatch: pytest.MonkeyPatch, problem: Exception, text: str
) -> None:
    cluster.available = {"qwen2-7b": 0, "second": 1}
    monkeypatch.setattr(readiness, "wait_until_ready", fail_with(problem))
    with pytest.raises(pulumi.RunError) as failed:
        run_program("dev", two_services())

    assert str(failed.value).strip() == text


def test_a_cluster_that_cannot_be_read_before_the_update_does_not_stop_it(cluster: ClusterOfTheTest) -> None:
    answers = iter([GONE, None])
    original = cluster.deployments

    async def deployments() -> Sequence[Object]:
        cluster.problem = next(answers, None)
        return await original()

    cluster.deployments = deployments  # type: ignore[method-assign]

    assert "qwen2-7b" in run_program("dev").resources


@pytest.mark.parametrize("name", ["qwen2-7b-deployment", "qwen2-7b-smoke"])
def test_pulumi_itself_waits_neither_for_the_pods_nor_for_the_job(name: str) -> None:
    inputs = run_program("dev", with_smoke_job()).resources[name].inputs

    assert inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"


def test_a_service_with_errors_ends_the_wait_for_the_services_before_it(cluster: ClusterOfTheTest) -> None:
    never_ready = ServiceConfig(image="a:1", model="/mnt/models/x", engine=EngineArgs(max_model_len=4096))
    wrong = never_ready.model_copy(update={"npus": 3})
    place = ClusterConfig(context="kwok-ascend-sandbox", namespace="inference")
    cluster.available["first"] = 0

    def program() -> None:
        InferenceDeployment("first", InferenceDeploymentArgs(never_ready, place))
        InferenceDeployment("second", InferenceDeploymentArgs(wrong, place))

    with pytest.raises(pulumi.RunError, match="cannot allocate 3 NPUs to one pod"):
        build(program)


def test_an_unexpected_failure_of_the_wait_is_not_hidden(
    cluster: ClusterOfTheTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.available["qwen2-7b"] = 0
    monkeypatch.setattr(readiness, "wait_until_ready", fail_with(KeyError("a bug")))
    with pytest.raises(KeyError, match="a bug"):
        run_program("dev")
