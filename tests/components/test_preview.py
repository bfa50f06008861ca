"""A preview says what the pods that run mean for the update: that it would hang, or has less downtime in steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from cluster.api.errors import ClusterError
from cluster.snapshot import Object
from components import running_pods
from models.manifests import stack_objects
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.components.harness import run_program
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

CONTEXT = "prod"


@dataclass
class ClusterOfTheTest:
    """A cluster with the pods of a stack."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    problem: ClusterError | None = None

    async def deployments(self) -> Sequence[Object]:
        if self.problem:
            raise self.problem
        return [item for item in self.objects if item["kind"] == "Deployment"]

    async def leader_worker_sets(self) -> Sequence[Object]:
        return [item for item in self.objects if item["kind"] == "LeaderWorkerSet"]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterOfTheTest:
    found = ClusterOfTheTest()

    @asynccontextmanager
    async def connected(*_: str) -> AsyncIterator[ClusterOfTheTest]:
        yield found

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(running_pods, "connected", connected)
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": CONTEXT}]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return found


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    shown: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", shown.append)
    return shown


def entry(npus: int, replicas: int = 1, tag: str = "6.3.912", **further: Any) -> dict[str, Any]:
    return {
        "image": f"registry.example.com/ascend-vllm:{tag}",
        "model": f"/mnt/models/Qwen2-{npus}B-Instruct",
        "npus": npus,
        "replicas": replicas,
        "engine": {"maxModelLen": 4096},
        "startup": "12m",
        **further,
    }


def config(services: dict[str, Any], nodes: int = 2, **cluster: Any) -> dict[str, Any]:
    pools = {"snt9b": {"nodes": nodes, "npusPerNode": 8, "npuMemory": "64Gi"}}
    return {
        "ascend-vllm:cluster": {"context": CONTEXT, "pools": pools, **cluster},
        "ascend-vllm:services": services,
    }


def objects(services: dict[str, Any], nodes: int = 2, **cluster: Any) -> list[dict[str, Any]]:
    text = yaml.safe_dump({"config": config(services, nodes, **cluster)})
    return deepcopy(list(stack_objects(resolve(load_text("prod", "Pulumi.prod.yaml", text)))))


BEFORE = {"qwen": entry(8), "summary": entry(8, replicas=2)}
AFTER = {"qwen": entry(8, tag="6.3.913"), "summary": entry(8, replicas=2)}
LESS = "in 3 steps, the downtime is 0 s instead of 12 min: ascend-vllm plan test --live"
"""On three nodes, `qwen` has no downtime if `summary` has one replica less for a while."""


def previewed(warnings: list[str], services: dict[str, Any], nodes: int = 3, **cluster: Any) -> str:
    """The line of a preview of an update; empty if there is none."""
    run_program("test", config(services, nodes, **cluster), preview=True)
    lines = [warning for warning in warnings if "ascend-vllm plan" in warning]
    return "\n".join(lines)


def test_a_preview_shows_the_downtime_that_steps_save(cluster: ClusterOfTheTest, warnings: list[str]) -> None:
    cluster.objects = objects(BEFORE, nodes=3)

    assert previewed(warnings, AFTER) == LESS


def test_an_update_itself_shows_nothing(cluster: ClusterOfTheTest, warnings: list[str]) -> None:
    cluster.objects = objects(BEFORE, nodes=3)

    run_program("test", config(AFTER, nodes=3))

    assert not [warning for warning in warnings if "ascend-vllm plan" in warning]


@pytest.mark.parametrize(
    ("before", "after", "nodes"),
    [
        pytest.param(BEFORE, BEFORE, 3, id="nothing changes"),
        pytest.param({}, AFTER, 3, id="the first update"),
        pytest.param({"qwen": entry(8)}, {"qwen": entry(8, tag="6.3.913")}, 1, id="steps save nothing"),
        pytest.param({"qwen": entry(8)}, {"qwen": entry(8, tag="6.3.913")}, 2, id="no downtime"),
    ],
)
def test_a_preview_shows_no_line_if_steps_save_no_downtime(
    before: dict[str, Any], after: dict[str, Any], nodes: int, cluster: ClusterOfTheTest, warnings: list[str]
) -> None:
    cluster.objects = objects(before, nodes) if before else []

    assert previewed(warnings, after, nodes) == ""


def test_the_npus_of_a_removed_service_are_used(cluster: ClusterOfTheTest, warnings: list[str]) -> None:
    """In a namespace that the stack does not create, the pods may be those of another stack, and they stay."""
    before = {"qwen": entry(8), "old": entry(8)}
    after = {"qwen": entry(8, tag="6.3.913"), "new": entry(4), "other": entry(4)}
    cluster.objects = objects(before)
    shared = {"name": "shared", "create": False}

    assert previewed(warnings, after, nodes=2) == LESS.replace("3 steps", "4 steps")
    warnings.clear()
    assert previewed(warnings, after, nodes=2, namespace=shared) == ""


def test_a_group_is_planned_as_a_whole(cluster: ClusterOfTheTest, warnings: list[str]) -> None:
    group = {"nodes": 2, "engine": {"maxModelLen": 4096, "tensorParallelSize": 16}}
    new = {"image": "quay.io/ascend/vllm-ascend:v0.23.0"}
    before = {"deepseek": entry(8, **group, **new), "summary": entry(8, replicas=3)}
    after = {**before, "deepseek": entry(8, **group, image="quay.io/ascend/vllm-ascend:v0.23.0-openeuler")}
    cluster.objects = objects(before, nodes=5)

    assert "the downtime is 0 s instead of 12 min" in previewed(warnings, after, nodes=5)


def test_a_cluster_that_cannot_be_read_is_no_error(cluster: ClusterOfTheTest, warnings: list[str]) -> None:
    cluster.problem = ClusterError("the API server does not answer", "wait", passing=True)

    assert previewed(warnings, AFTER) == ""


def test_a_small_update_of_a_large_stack_is_planned_in_a_preview(
    cluster: ClusterOfTheTest, warnings: list[str]
) -> None:
    many = {f"other-{number}": entry(8) for number in range(30)}
    cluster.objects = objects({**BEFORE, **many}, nodes=33)

    assert previewed(warnings, {**AFTER, **many}, nodes=33) == LESS


def test_a_large_update_is_not_planned_in_a_preview(cluster: ClusterOfTheTest, warnings: list[str]) -> None:
    many = {f"small-{number}": entry(1) for number in range(16)}
    updated = {name: entry(1, tag="6.3.913") for name in many}
    cluster.objects = objects({**BEFORE, **many}, nodes=5)

    assert previewed(warnings, {**AFTER, **updated}, nodes=5) == (
        "17 services will not answer for some time; to see whether steps have less downtime, "
        "run ascend-vllm plan test --live"
    )


def test_a_preview_warns_of_an_update_that_the_running_pods_leave_no_room(
    cluster: ClusterOfTheTest, warnings: list[str]
) -> None:
    cluster.objects = objects({"a": entry(8), "b": entry(8)})

    run_program("test", config({"a": entry(4), "b": entry(4)}), preview=True)

    (warning,) = [text for text in warnings if "would refuse" in text]
    assert warning.startswith(
        "pulumi up would refuse this update now:\nerror[rollout-would-hang]: a: its update starts a pod"
    )
    assert "write rollout: recreate for b" in warning


GROUP = {"nodes": 2, "image": "quay.io/ascend/vllm-ascend:v0.23.0"}


def group(npus: int) -> dict[str, Any]:
    """A service over two nodes, of which each pod has these NPUs."""
    return entry(npus, **GROUP) | {"engine": {"maxModelLen": 4096, "tensorParallelSize": 2 * npus}}


def test_a_preview_warns_of_groups_whose_larger_pods_leave_the_new_ones_no_room(
    cluster: ClusterOfTheTest, warnings: list[str]
) -> None:
    cluster.objects = objects({"deepseek": group(8)})

    run_program("test", config({"deepseek": group(4)}), preview=True)

    (warning,) = [text for text in warnings if "would refuse" in text]
    assert "while its pods with 8 NPUs run" in warning


def test_an_update_of_groups_that_would_hang_is_refused(cluster: ClusterOfTheTest) -> None:
    cluster.objects = objects({"deepseek": group(8)})

    with pytest.raises(pulumi.RunError, match="while its pods with 8 NPUs run"):
        run_program("test", config({"deepseek": group(4)}))


@pytest.mark.parametrize(("nodes", "is_refused"), [(2, True), (3, False)])
@pytest.mark.parametrize("grows", [True, False])
def test_one_node_more_or_less_needs_room_for_the_old_and_the_new_pods(
    cluster: ClusterOfTheTest, nodes: int, is_refused: bool, grows: bool
) -> None:
    single = entry(8, image=GROUP["image"])
    before, after = (single, group(8)) if grows else (group(8), single)
    cluster.objects = objects({"deepseek": before}, nodes=nodes)

    if is_refused:
        with pytest.raises(pulumi.RunError, match="but there is no room for"):
            run_program("test", config({"deepseek": after}, nodes=nodes))
    else:
        run_program("test", config({"deepseek": after}, nodes=nodes))
