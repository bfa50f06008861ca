"""Services over several nodes, with the real LeaderWorkerSet controller and the real Volcano on simulated nodes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.api.reader import connected
from cluster.service import State, WatchedService, look
from models.finding import Finding
from sandbox import cluster, leader_worker_set, paths, pins, processes
from sandbox.controlplane import component_environment
from sandbox.plan import Plan
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import RESOURCE, SandboxFactory, ascend_nodes
from tests.e2e.staged import HOUR, REGISTRY, Situation, apply, ended, stage_images, unready_node, unstage, waiting

NODES = 4
POOLS = {"snt9b": {"nodes": NODES, "npusPerNode": 8, "npuMemory": "64Gi"}}
CRASH = Situation(waiting("CrashLoopBackOff"), ended(1), restarts=1, phase="Running")
LONGEST = 120


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    plan = Plan("groups", ascend_nodes(NODES), groups=True)
    made = copy_program(tmp_path_factory.mktemp("groups"), sandbox(plan))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", made.sandbox.env["KUBECONFIG"])
        yield made


def deepseek(tag: str = "one", nodes: int = 2, **keys: Any) -> dict[str, Any]:
    """A server over these nodes, with all NPUs of each."""
    return {
        "image": f"{REGISTRY}:{tag}",
        "model": "/mnt/models/Qwen2.5-72B-Instruct",
        "nodes": nodes,
        "npus": 8,
        "engine": {"version": "0.23.0", "maxModelLen": 4096, **parallel(nodes)},
        **keys,
    }


def parallel(nodes: int) -> dict[str, Any]:
    """Sizes that use all NPUs of the nodes."""
    return {"tensorParallelSize": 8, "dataParallelSize": nodes}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def listed(project: Project, kind: str, namespace: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(project.sandbox.kubectl("get", kind, "-n", namespace, "-o", "json"))[
        "items"
    ]
    return items


def gangs(project: Project, stack: str) -> list[int]:
    """The number of pods that Volcano starts together, for each PodGroup."""
    return [group["spec"]["minMember"] for group in listed(project, "podgroups", stack)]


def status(project: Project, stack: str) -> dict[str, Any]:
    """What `status` says of the service."""
    done = project.ascend_vllm("status", stack, "--format", "json")
    assert done.stdout, done.stderr
    (service,) = json.loads(done.stdout)["services"]
    return dict(service)


def state(project: Project, stack: str) -> State:
    """What `status` reads of the service, without a new process."""
    watched = WatchedService("deepseek", RESOURCE, startup=600, nodes=2)

    async def read() -> State:
        async with connected(project.sandbox.context, stack) as reader:
            _, (found,) = await look(reader, [watched], wide=True)
        return found

    return asyncio.run(read())


def diagnosed(project: Project, stack: str, rule: str) -> Finding:
    """The diagnosis, once it is of this rule."""
    found: list[Finding] = []

    def is_there() -> bool:
        finding = state(project, stack).finding
        found[:] = [finding] if finding else []
        return bool(finding and finding.rule == rule)

    until(is_there)
    return found[0]


def is_ready(project: Project, stack: str) -> bool:
    return state(project, stack).is_ready


def test_groups_are_deployed_updated_on_a_full_pool_resized_stopped_and_destroyed(project: Project) -> None:
    stack = "whole"
    stage_images(project.sandbox, {"crash": CRASH})
    project.write(stack, {"deepseek": deepseek(replicas=2)}, pools=POOLS)
    project.pulumi("stack", "init", stack)

    project.up(stack)
    assert gangs(project, stack) == [2, 2]
    found = status(project, stack)
    assert (found["ready"], found["replicas"], found["unit"]) == (2, 2, "group")
    assert len(found["nodes"]) == NODES, "the pool is full"
    assert "no drift" in project.ascend_vllm("drift", stack).stdout
    assert project.ascend_vllm("diff", stack, "--live").returncode == 0, "nothing changes"

    project.write(stack, {"deepseek": deepseek("crash", replicas=2)}, pools=POOLS)
    failed = project.pulumi("up", "--stack", stack, "--yes", "--skip-preview")
    said = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert "error[group-crash-loop]: deepseek: " in said
    assert "the whole group was recreated" in said

    unstage(project.sandbox, "crash")
    project.write(stack, {"deepseek": deepseek("two", replicas=2)}, pools=POOLS)
    project.up(stack)
    images = {pod["spec"]["containers"][0]["image"] for pod in project.objects("pods", stack)}
    assert images == {f"{REGISTRY}:two"}, "every group has the new template"

    project.write(stack, {"deepseek": deepseek("two", replicas="external")}, pools=POOLS)
    project.up(stack)
    assert gangs(project, stack) == [2, 2], "an autoscaler gets the number that there is"

    project.write(stack, {"deepseek": deepseek("two", nodes=4)}, pools=POOLS)
    project.up(stack)
    assert gangs(project, stack) == [4]

    project.write(stack, {"deepseek": deepseek("two", nodes=4, replicas=0)}, pools=POOLS)
    project.up(stack)
    until(lambda: not gangs(project, stack) and not project.objects("pods", stack))

    project.write(stack, {"deepseek": deepseek("two")}, pools=POOLS)
    project.up(stack)
    assert gangs(project, stack) == [2]

    gone = project.pulumi("destroy", "--stack", stack, "--yes", "--skip-preview")
    assert gone.returncode == 0, gone.stdout
    until(lambda: not json.loads(project.sandbox.kubectl("get", "podgroups", "-A", "-o", "json"))["items"])


def test_queues_that_are_missing_or_full_are_named_and_an_autoscaler_may_set_the_number_of_groups(
    project: Project,
) -> None:
    stack = "queues"
    queue = {"apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "Queue", "metadata": {"name": "small"}}
    apply(project.sandbox, [{**queue, "spec": {"weight": 1, "capability": {RESOURCE: "8"}}}])

    in_queue(project, stack, "nowhere")
    assert "nowhere" in diagnosed(project, stack, "no-queue").message

    project.sandbox.kubectl("delete", "leaderworkersets", "--all", "-n", stack)
    until(lambda: not project.objects("pods", stack))
    in_queue(project, stack, "small", replicas="external")
    assert "small" in diagnosed(project, stack, "queue-full").message

    apply(project.sandbox, [{**queue, "spec": {"weight": 1, "capability": {RESOURCE: "32"}}}])
    until(lambda: is_ready(project, stack))
    project.sandbox.kubectl("scale", "leaderworkerset", "deepseek-group", "-n", stack, "--replicas=2")
    until(lambda: state(project, stack).ready == 2)
    apply(project.sandbox, rendered(project, stack))
    assert len(gangs(project, stack)) == 2, "the program leaves the number to the autoscaler"

    project.sandbox.kubectl("delete", "namespace", stack)


def in_queue(project: Project, stack: str, queue: str, **keys: Any) -> None:
    project.write(stack, {"deepseek": deepseek(queue=queue, **keys)}, pools=POOLS, queues={queue: {}})
    apply(project.sandbox, rendered(project, stack))


def rendered(project: Project, stack: str) -> list[dict[str, Any]]:
    done = project.ascend_vllm("render", stack)
    assert done.returncode == 0, done.stderr
    return [item for item in yaml.safe_load_all(done.stdout) if item["kind"] != "Job"]


def holder(node: str) -> dict[str, Any]:
    """Somebody else's pod, which holds all NPUs of a node."""
    limits = {"requests": {RESOURCE: "8"}, "limits": {RESOURCE: "8"}}
    spec = {"nodeName": node, "containers": [{"name": "c", "image": "notebook:1", "resources": limits}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"on-{node}", "namespace": "others"}, "spec": spec}


@pytest.fixture(scope="module")
def running(project: Project) -> str:
    """A stack with one group, after it had to wait for its second node."""
    stack = "parts"
    project.sandbox.kubectl("create", "namespace", "others")
    apply(project.sandbox, [holder(f"snt9b-{number}") for number in (1, 2, 3)])
    project.write(stack, {"deepseek": deepseek()}, pools=POOLS)
    apply(project.sandbox, rendered(project, stack))

    found = diagnosed(project, stack, "gang-waiting")
    assert found.message.startswith("the group needs 8 free NPUs on each of 2 nodes, but only 1 pod fits: ")
    pods = project.objects("pods", stack)
    assert [pod["spec"].get("nodeName") for pod in pods] == [None, None], "nothing starts, and nothing is held"

    project.sandbox.kubectl("delete", "pod", "-n", "others", "on-snt9b-1", "--now")
    until(lambda: is_ready(project, stack))
    return stack


def changed(project: Project, stack: str, image: str, **limits: int) -> None:
    """Change the template and the limits of the update, as somebody with kubectl would."""
    (group_set,) = project.objects("leaderworkersets", stack)
    group_set["metadata"] = {"name": "deepseek-group", "namespace": stack, "labels": group_set["metadata"]["labels"]}
    del group_set["status"]
    group_set["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"] = limits
    template = group_set["spec"]["leaderWorkerTemplate"]
    for pods in (template["leaderTemplate"], template["workerTemplate"]):
        pods["spec"]["containers"][0]["image"] = f"{REGISTRY}:{image}"
    apply(project.sandbox, [group_set])


def test_an_update_with_an_additional_group_on_a_full_pool_shows_the_way_out(project: Project, running: str) -> None:
    surge = {"maxSurge": 1, "maxUnavailable": 0}
    project.write("full", {"deepseek": deepseek(replicas=2, rollout=surge)}, pools=POOLS)
    assert "error[rollout-would-hang]" in project.ascend_vllm("check", "full").stdout, "where the pools tell"

    changed(project, running, "three", **surge)
    found = diagnosed(project, running, "group-surge-stuck")
    assert "write rollout: {maxSurge: 0, maxUnavailable: 1}" in found.fix
    assert state(project, running).ready == 1, "the old group serves"

    changed(project, running, "three", maxSurge=0, maxUnavailable=1)

    until(lambda: is_ready(project, running))
    assert gangs(project, running) == [2]


def test_a_group_survives_a_silent_node_by_a_way_that_status_names_and_the_drain_of_another(
    project: Project, running: str
) -> None:
    for number in (2, 3):
        project.sandbox.kubectl("delete", "pod", "-n", "others", f"on-snt9b-{number}", "--now")
    until(lambda: is_ready(project, running))
    worker = next(pod for pod in project.objects("pods", running) if pod["metadata"]["name"].endswith("-0-1"))
    node = worker["spec"]["nodeName"]
    silence(project, node)
    project.sandbox.kubectl("delete", "pod", "-n", running, worker["metadata"]["name"], "--wait=false")

    found = diagnosed(project, running, "node-lost")
    assert found.message.startswith(f"worker 1 on {node} keeps the group back: the node {node} has not been ready")
    ways = found.fix.partition("take one of three ways: ")[2].split("; ")
    assert len(ways) == 3

    project.sandbox.kubectl(*ways[2].split()[1:])

    until(lambda: is_ready(project, running))
    nodes = state(project, running).nodes
    assert node not in nodes

    drained = nodes[0]
    project.sandbox.kubectl("drain", drained, "--ignore-daemonsets", "--force", "--delete-emptydir-data")
    until(lambda: is_ready(project, running) and drained not in state(project, running).nodes)


def silence(project: Project, node: str) -> None:
    """A node stops answering: its pods do not end."""
    rules = [
        {"key": ".spec.nodeName", "operator": "In", "values": [node]},
        {"key": ".metadata.deletionTimestamp", "operator": "Exists"},
    ]
    kept = {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": f"keep-pods-{node}"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": rules},
            "weight": 1,
            "delay": {"durationMilliseconds": HOUR},
            "next": {"event": {"type": "Normal", "reason": "Held"}},
        },
    }
    apply(project.sandbox, [kept])
    unready_node(project.sandbox, node)


def live_rules(project: Project, stack: str) -> set[str]:
    """The rules that `check --live` reports."""
    done = project.ascend_vllm("check", stack, "--live", "--format", "json")
    return {finding["rule"] for finding in json.loads(done.stdout)["findings"]}


def test_check_live_sees_a_controller_that_does_not_answer_or_makes_no_gangs(project: Project, running: str) -> None:
    about = {"group-controller-down", "gang-scheduling-off", "no-leader-worker-set"}
    home = paths.home(project.sandbox.name)
    assert not about & live_rules(project, running)

    end_manager(project)
    assert about & live_rules(project, running) == {"group-controller-down"}
    project.sandbox.kubectl("delete", "pod", "-n", running, "deepseek-group-0", "--wait=false")
    found = diagnosed(project, running, "group-controller-down")
    assert "failed calling webhook" in found.message

    start_without_gangs(home)
    until(lambda: about & live_rules(project, running) == {"gang-scheduling-off"})

    end_manager(project)
    leader_worker_set.start(home, paths.tools_dir(pins.key(pins.GROUP_TOOLS)) / "crd")
    assert not about & live_rules(project, running)


def end_manager(project: Project) -> None:
    pid = cluster.status(project.sandbox.name).components[leader_worker_set.MANAGER]
    os.kill(pid, signal.SIGKILL)
    until(lambda: leader_worker_set.MANAGER not in cluster.status(project.sandbox.name).components)


def start_without_gangs(home: Path) -> None:
    configuration = json.loads((home / "lws.json").read_text())
    del configuration["gangSchedulingManagement"]
    plain = home / "lws-without-gangs.json"
    plain.write_text(json.dumps(configuration))
    variables = {**component_environment(home), "KUBECONFIG": str(paths.kubeconfig(home))}
    program = [str(home / "bin" / leader_worker_set.MANAGER), f"--config={plain}"]
    processes.start(program, variables, home / "logs" / "lws-without-gangs.log")
