"""`upgrade` swaps two models on a full pool, as planned, although it is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.plan import Plan
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import RESOURCE, SandboxFactory, ascend_nodes
from tests.e2e.staged import REGISTRY

STACK = "swap"
POOLS = {"snt9b": {"nodes": 2, "npusPerNode": 8, "npuMemory": "64Gi"}}
MODEL = "/mnt/models/Qwen2-72B-Instruct"


def entry(npus: int, tag: str) -> dict[str, Any]:
    return {
        "image": f"{REGISTRY}:{tag}",
        "model": MODEL,
        "npus": npus,
        "drain": "5s",
        "preflight": False,
        "engine": {"version": "0.6.3", "maxModelLen": 4096, "tensorParallelSize": npus},
    }


BEFORE = {"big": entry(8, "old"), "other": entry(4, "old"), "small": entry(4, "old")}
AFTER = {"big": entry(4, "new"), "other": entry(4, "old"), "small": entry(8, "new")}


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = copy_program(tmp_path_factory.mktemp("upgrade"), sandbox(Plan("upgrade", ascend_nodes(2))))
    made.write(STACK, BEFORE, pools=POOLS)
    assert made.pulumi("stack", "init", STACK).returncode == 0
    made.up(STACK)
    made.run("git", "init", "--quiet")
    made.run("git", "add", ".")
    made.run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "before")
    made.write(STACK, AFTER, pools=POOLS)
    return made


@dataclass
class Seen:
    """What was seen of the pods, again and again."""

    most_npus: int = 0
    without_ready_pod: set[str] = field(default_factory=set)


@contextmanager
def watched(project: Project) -> Iterator[Seen]:
    seen = Seen()
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            pods = project.objects("pods", STACK)
            placed = [pod for pod in pods if pod["spec"].get("nodeName")]
            seen.most_npus = max(seen.most_npus, sum(map(npus, placed)))
            ready = {pod["metadata"]["labels"]["app.kubernetes.io/instance"] for pod in placed if is_ready(pod)}
            seen.without_ready_pod |= BEFORE.keys() - ready

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def npus(pod: dict[str, Any]) -> int:
    return int(pod["spec"]["containers"][0]["resources"]["limits"][RESOURCE])


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def upgrade(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return project.ascend_vllm("upgrade", STACK, "--from", "HEAD", *arguments)


def killed_in(project: Project, step: int, *arguments: str) -> None:
    """Start the upgrade, and kill it when a step has begun; its `pulumi up` goes on."""
    log = Path(project.directory) / "killed.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "cli", "upgrade", STACK, "--from", "HEAD", *arguments],
            cwd=project.directory,
            env=project.sandbox.env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        while f"step {step} of" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def resumed(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The upgrade, started again until the `pulumi up` that was left behind has released the stack."""
    deadline = time.monotonic() + 300
    while True:
        done = upgrade(project, *arguments)
        if "currently locked" not in done.stdout + done.stderr or time.monotonic() > deadline:
            return done
        time.sleep(2)


def without_nodes(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps of a plan without the nodes on which they free NPUs. The scheduler may have chosen other ones."""
    return [{key: value for key, value in step.items() if key != "freedNpus"} for step in steps]


def test_a_preview_shows_the_downtime_that_a_plan_would_save(project: Project) -> None:
    """With `next`, no node is free for a second pod of `big`. It is free before `next` starts."""
    project.write(STACK, {"big": entry(8, "new"), "next": entry(8, "new")}, pools=POOLS)
    preview = project.pulumi("preview", "--stack", STACK)
    project.write(STACK, BEFORE, pools=POOLS)
    unchanged = project.pulumi("preview", "--stack", STACK)
    project.write(STACK, AFTER, pools=POOLS)

    assert "in 4 steps, the downtime is 0 s instead of" in preview.stdout, preview.stdout
    assert "the downtime is" not in unchanged.stdout


def test_a_swap_on_a_full_pool_goes_as_planned_although_it_is_killed_in_the_middle(project: Project) -> None:
    planned = json.loads(project.ascend_vllm("plan", STACK, "--from", "HEAD", "--format", "json").stdout)
    assert [f"{step['does']} {step['service']}" for step in planned["steps"]] == [
        "stop small",
        "update big",
        "start small",
    ]

    live = json.loads(project.ascend_vllm("plan", STACK, "--live", "--format", "json").stdout)
    assert without_nodes(live["steps"]) == without_nodes(planned["steps"])
    assert live["downtimeSeconds"] == planned["downtimeSeconds"]

    with watched(project) as seen:
        first = upgrade(project, "--until", "1")
        assert first.returncode == 0, first.stdout + first.stderr
        assert [item["spec"]["replicas"] for item in project.objects("deployments", STACK)] == [1, 1, 0]

        killed_in(project, 2)
        ended = resumed(project)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "the upgrade is complete" in ended.stdout
    assert seen.most_npus <= planned["npusPeak"] == 16
    assert seen.without_ready_pod == set(planned["downtimeSeconds"]) == {"small"}
    sizes = {item["metadata"]["name"]: npus(item["spec"]["template"]) for item in project.objects("deployments", STACK)}
    assert sizes == {"big": 4, "other": 4, "small": 8}
    assert not list(project.directory.glob("*.upgrade.json"))
    assert project.pulumi("preview", "--stack", STACK, "--expect-no-changes").returncode == 0


def test_steps_are_undone_and_a_change_by_somebody_else_stops_the_upgrade(project: Project) -> None:
    project.run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--all", "--message", "after")
    project.write(STACK, BEFORE, pools=POOLS)
    assert upgrade(project, "--until", "1").returncode == 0
    assert sum(item["spec"]["replicas"] for item in project.objects("deployments", STACK)) == 2

    undone = upgrade(project, "--back")

    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert "the stack is as it was before the upgrade" in undone.stdout
    assert sum(item["spec"]["replicas"] for item in project.objects("deployments", STACK)) == 3
    assert upgrade(project, "--until", "1").returncode == 0
    project.sandbox.kubectl("scale", "deployment", "other", "--namespace", STACK, "--replicas", "0")

    scaled = upgrade(project)

    assert scaled.returncode == 1
    assert "somebody else has changed the stack: other has 0 replicas instead of 1" in scaled.stderr
    project.sandbox.kubectl("scale", "deployment", "other", "--namespace", STACK, "--replicas", "1")
    project.up(STACK)

    updated = upgrade(project)

    assert updated.returncode == 1
    assert "somebody else has changed the stack: its last update began at" in updated.stderr


def commit(project: Project, message: str) -> None:
    project.run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--all", "--message", message)


def test_undoing_steps_is_killed_and_goes_on_and_an_update_in_between_is_seen(project: Project) -> None:
    (project.directory / f"Pulumi.{STACK}.upgrade.json").unlink()
    commit(project, "before")
    deployed = sizes(project)
    project.write(STACK, AFTER, pools=POOLS)
    assert upgrade(project, "--until", "2").returncode == 0
    assert sizes(project) != deployed

    killed_in(project, 2, "--back")
    assert "undo step 2 of 4: update big" in (project.directory / "killed.txt").read_text()
    undone = resumed(project, "--back")

    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert sizes(project) == deployed
    assert not list(project.directory.glob("*.upgrade.json"))

    killed_in(project, 1)
    project.write(STACK, BEFORE, pools=POOLS)
    deadline = time.monotonic() + 300
    while project.pulumi("up", "--stack", STACK, "--yes", "--skip-preview").returncode != 0:
        assert time.monotonic() < deadline
        time.sleep(2)
    project.write(STACK, AFTER, pools=POOLS)

    done = upgrade(project)

    assert done.returncode == 1
    assert "somebody else has changed the stack: its last update began at" in done.stderr


def sizes(project: Project) -> dict[str, tuple[int, int]]:
    """The replicas and NPUs of the services in the cluster."""
    return {
        item["metadata"]["name"]: (item["spec"]["replicas"], npus(item["spec"]["template"]))
        for item in project.objects("deployments", STACK)
    }
