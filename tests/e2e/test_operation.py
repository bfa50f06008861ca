"""Updates, gangs and queues with the real Volcano, on nodes whose NPUs are all in use."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
import yaml

from sandbox.plan import Plan
from tests.e2e.project import Project, copy_program, eventually
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes
from tests.e2e.staged import RUNNING, Situation, stages

POOLS = {"snt9b": {"nodes": 2, "npusPerNode": 8, "npuMemory": "64Gi"}}


def service(npus: int, tag: str = "1", **more: Any) -> dict[str, Any]:
    return {
        "image": f"registry.example.com/ascend-vllm:{tag}",
        "model": "/mnt/models/Qwen2-72B-Instruct" if npus == 8 else "/mnt/models/Qwen2-7B-Instruct",
        "npus": npus,
        "engine": {"maxModelLen": 4096},
    } | more


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two nodes of eight NPUs, and nothing else in them."""
    return copy_program(tmp_path_factory.mktemp("project"), sandbox(Plan("full", ascend_nodes(2))))


@pytest.fixture
def stack(project: Project, request: pytest.FixtureRequest) -> Any:
    """A stack of the test's own, destroyed after it: the nodes are scarce."""
    name = "t-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[-40:].strip("-")
    project.write(name, {"a": service(8)}, pools=POOLS)
    made = project.pulumi("stack", "init", name)
    assert made.returncode == 0, made.stderr
    yield name
    project.sandbox.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait")


def images(project: Project, stack: str) -> set[tuple[str, str]]:
    """Phase and image of every pod."""
    return {(pod["status"]["phase"], pod["spec"]["containers"][0]["image"]) for pod in project.objects("pod", stack)}


def test_on_full_nodes_an_image_change_completes(project: Project, stack: str) -> None:
    project.write(stack, {"a": service(8), "b": service(8)}, pools=POOLS)
    project.up(stack)

    project.write(stack, {"a": service(8, "2"), "b": service(8, "2")}, pools=POOLS)
    project.up(stack)

    assert images(project, stack) == {("Running", "registry.example.com/ascend-vllm:2")}


def test_on_full_nodes_the_same_objects_with_a_pod_more_hang(project: Project, stack: str) -> None:
    project.write(stack, {"a": service(8), "b": service(8)}, pools=POOLS)
    project.up(stack)
    surge = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    image = [{"name": "ascend-vllm", "image": "registry.example.com/ascend-vllm:2"}]
    forced = {"spec": {"strategy": surge, "template": {"spec": {"containers": image}}}}
    project.sandbox.kubectl("patch", "deployment", "a", "--namespace", stack, "--patch", json.dumps(forced))

    def waits() -> bool:
        return ("Pending", "registry.example.com/ascend-vllm:2") in images(project, stack)

    assert eventually(waits)
    time.sleep(5)
    assert waits()
    assert ("Running", "registry.example.com/ascend-vllm:1") in images(project, stack)


def test_the_rollout_that_would_hang_is_refused_before_anything_is_registered(project: Project, stack: str) -> None:
    surge = {"maxSurge": 1, "maxUnavailable": 0}
    project.write(stack, {"a": service(8, rollout=surge), "b": service(8)}, pools=POOLS)
    preview = project.pulumi("preview", "--stack", stack)

    assert preview.returncode != 0
    assert "error[rollout-would-hang]" in preview.stdout
    assert project.resources(stack) == []


def test_smaller_pods_that_larger_ones_leave_no_room_are_refused_before_anything_is_changed(
    project: Project, stack: str
) -> None:
    project.write(stack, {"a": service(8), "b": service(8)}, pools=POOLS)
    project.up(stack)
    half = service(8) | {"npus": 4}

    project.write(stack, {"a": half, "b": half}, pools=POOLS)
    refused = project.pulumi("up", "--stack", stack, "--yes", "--skip-preview")
    project.write(stack, {"a": half | {"rollout": "recreate"}, "b": half}, pools=POOLS)
    project.up(stack)

    assert refused.returncode != 0
    assert (
        "a: its update starts a pod with 4 NPUs first, but while its pods with 8 NPUs run, no node is sure"
        in refused.stdout
    )
    assert "= fix: write rollout: recreate for b, run pulumi up" in refused.stdout
    npus = [pod["spec"]["containers"][0]["resources"]["limits"] for pod in project.objects("pod", stack)]
    assert [one["huawei.com/ascend-1980"] for one in npus] == ["4", "4"]


def test_more_than_the_pools_have_is_refused_with_who_uses_what(project: Project, stack: str) -> None:
    project.write(stack, {"a": service(8, replicas=2), "b": service(1)}, pools=POOLS)
    preview = project.pulumi("preview", "--stack", stack)

    assert preview.returncode != 0
    assert "the services request 17 NPUs, the pools have 16: no room for 1 pod of b" in preview.stdout
    assert "a: 2 × 8 NPUs" in preview.stdout


def test_small_pods_leave_the_large_ones_their_node_when_all_are_updated_at_once(project: Project, stack: str) -> None:
    for tag in ("1", "2", "3"):
        services = {"a": service(8, tag), "b": service(1, tag), "c": service(1, tag), "d": service(2, tag)}
        project.write(stack, services, pools=POOLS)
        project.up(stack)

        assert images(project, stack) == {("Running", f"registry.example.com/ascend-vllm:{tag}")}


def test_a_gang_and_its_queue_are_as_asked_and_its_update_completes(project: Project, stack: str) -> None:
    queues = {"gang": {"npus": 16, "weight": 3, "create": True}}
    project.write(stack, {"a": service(8, replicas=2, minMember=2, queue="gang")}, pools=POOLS, queues=queues)
    project.up(stack)
    groups = json.loads(project.sandbox.kubectl("get", "podgroup", "--namespace", stack, "--output", "json"))["items"]
    queue = json.loads(project.sandbox.kubectl("get", "queue", "gang", "--output", "json"))

    assert [(group["spec"]["minMember"], group["spec"]["queue"]) for group in groups] == [(2, "gang")]
    assert (queue["spec"]["capability"], queue["spec"]["weight"]) == ({"huawei.com/ascend-1980": "16"}, 3)

    project.write(stack, {"a": service(8, "2", replicas=2, minMember=2, queue="gang")}, pools=POOLS, queues=queues)
    project.up(stack)

    assert images(project, stack) == {("Running", "registry.example.com/ascend-vllm:2")}

    destroyed = project.pulumi("destroy", "--stack", stack, "--yes", "--skip-preview")
    assert destroyed.returncode == 0, destroyed.stdout
    assert "gang" not in project.sandbox.kubectl("get", "queues", "--output", "name")


def test_what_render_prints_of_a_queue_is_accepted_by_the_cluster(project: Project, stack: str) -> None:
    queues = {"rendered": {"npus": 8, "create": True}}
    project.write(stack, {"a": service(8, queue="rendered")}, pools=POOLS, queues=queues)
    rendered = project.ascend_vllm("render", str(project.file(stack)))
    (queue,) = [one for one in yaml.safe_load_all(rendered.stdout) if one["kind"] == "Queue"]

    applied = project.sandbox.kubectl("apply", "--dry-run=server", "--filename", "-", stdin=json.dumps(queue))

    assert "queue.scheduling.volcano.sh/rendered created" in applied


def test_the_live_capacity_shows_who_holds_the_npus_and_what_has_no_room(project: Project, stack: str) -> None:
    project.write(stack, {"a": service(8)}, pools=POOLS)
    project.up(stack)
    other = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "notebook", "namespace": "default"},
        "spec": {
            "schedulerName": "volcano",
            "containers": [{"name": "n", "image": "a:1", "resources": {"limits": {"huawei.com/ascend-1980": "3"}}}],
        },
    }
    project.sandbox.kubectl("apply", "--filename", "-", stdin=json.dumps(other))
    project.sandbox.kubectl("wait", "pod", "notebook", "--for=condition=Ready", "--timeout=120s")
    try:
        fits = project.ascend_vllm("capacity", str(project.file(stack)), "--live")
        project.write(stack, {"a": service(8, replicas=2)}, pools=POOLS)
        short = project.ascend_vllm("capacity", str(project.file(stack)), "--live")
        record = json.loads(project.ascend_vllm("capacity", str(project.file(stack)), "--live", "--format=json").stdout)
    finally:
        project.sandbox.kubectl("delete", "pod", "notebook", "--grace-period=0", "--force")

    assert (fits.returncode, fits.stderr) == (0, "")
    assert "2 nodes, 11 of 16 NPUs used" in fits.stdout
    assert re.search(r"████████  a$", fits.stdout, re.MULTILINE)
    assert re.search(r"███·····  default/notebook$", fits.stdout, re.MULTILINE)
    assert short.returncode == 1
    assert "1 of 2 pods of a find no node with 8 free NPUs" in short.stdout
    assert [finding["rule"] for finding in record["findings"]] == ["no-room"]


SLOW_END = {
    "apiVersion": "kwok.x-k8s.io/v1alpha1",
    "kind": "Stage",
    "metadata": {"name": "slow-end"},
    "spec": {
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {
            "matchLabels": {"app.kubernetes.io/instance": "small"},
            "matchExpressions": [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}],
        },
        "weight": 1,
        "delay": {"durationMilliseconds": 4000},
        "next": {"delete": True, "finalizers": {"empty": True}},
    },
}


def test_a_large_service_keeps_its_node_while_small_ones_answer_their_last_requests(
    project: Project, stack: str
) -> None:
    slow = stages("small", Situation(state=RUNNING, phase="Running", ready_after=5))
    for one in (SLOW_END, *slow):
        project.sandbox.kubectl("apply", "--filename", "-", stdin=json.dumps(one))
    try:
        services = {"big": service(8), "small": service(2, replicas=4)}
        project.write(stack, services, pools=POOLS)
        project.up(stack)
        project.write(stack, {"big": service(8, "2"), "small": service(2, "small", replicas=4)}, pools=POOLS)
        project.up(stack)
    finally:
        for one in (SLOW_END, *slow):
            project.sandbox.kubectl("delete", "stage", one["metadata"]["name"])

    assert images(project, stack) == {
        ("Running", "registry.example.com/ascend-vllm:2"),
        ("Running", "registry.example.com/ascend-vllm:small"),
    }


@pytest.mark.parametrize(
    ("after", "late"),
    [
        ({"renamed": service(8, replicas=2)}, "renamed"),
        ({"a": service(8, "2")}, "a"),
    ],
    ids=["renamed", "removed beside a change"],
)
def test_what_waits_for_services_that_leave_is_not_waited_for_and_starts_when_they_are_gone(
    project: Project, stack: str, after: dict[str, Any], late: str
) -> None:
    before = {"a": service(8, replicas=2)} if late == "renamed" else {"a": service(8), "b": service(8)}
    project.write(stack, before, pools=POOLS)
    project.up(stack)
    project.write(stack, after, pools=POOLS)

    said = project.up(stack)

    assert f"not waiting for {late}: it needs NPUs" in said

    def runs() -> bool:
        pods = project.objects("pod", stack)
        return len(pods) == after[late].get("replicas", 1) and all(pod["status"]["phase"] == "Running" for pod in pods)

    assert eventually(runs)
    assert project.names("deployment", stack) == [late]
