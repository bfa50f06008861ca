"""`upgrade` compares the next launch of a service beside the present one, and switches to it only if it is promoted."""

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
from pathlib import Path
from typing import Any

import pytest

from sandbox.plan import Plan
from tests.client.comparison.model_server import Model, Served, serving
from tests.e2e.project import Project, copy_program, unfolded
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes
from tests.e2e.staged import apply

STACK = "beside"
KEY = "sk-of-the-users"
POOLS = {"snt9b": {"nodes": 2, "npusPerNode": 8, "npuMemory": "64Gi"}}
STEPS = [
    "scale summary",
    "start qwen",
    "compare qwen",
    "switch qwen",
    "update qwen",
    "switch back qwen",
    "delete qwen-next",
    "scale summary",
]


def entry(release: str, **further: Any) -> dict[str, Any]:
    return {
        "image": f"quay.io/ascend/vllm-ascend:{release}",
        "model": "/mnt/models/Qwen3-32B",
        "npus": 4,
        "drain": "5s",
        "preflight": False,
        "engine": {"maxModelLen": 4096, "tensorParallelSize": 4, "servedModelName": "m"},
        **further,
    }


def services(release: str) -> dict[str, Any]:
    """A full pool: `summary` has to make room for the next launch of `qwen`."""
    update = {"kind": "compare", "rounds": 0}
    key = {"apiKey": {"secret": "keys", "key": "token"}}
    return {
        "qwen": entry(release, update=update, server=key),
        "summary": entry("v0.23.0", replicas=3),
    }


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = copy_program(tmp_path_factory.mktemp("beside"), sandbox(Plan("beside", ascend_nodes(2))))
    made.write(STACK, services("v0.18.0"), pools=POOLS)
    assert made.pulumi("stack", "init", STACK).returncode == 0
    made.sandbox.kubectl("create", "namespace", STACK)
    made.sandbox.kubectl("create", "secret", "generic", "keys", f"--from-literal=token={KEY}", "--namespace", STACK)
    made.up(STACK)
    made.run("git", "init", "--quiet")
    commit(made)
    return made


def commit(project: Project) -> None:
    project.run("git", "add", "Pulumi.yaml", f"Pulumi.{STACK}.yaml")
    project.run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "deployed")


@pytest.fixture(scope="module")
def models(project: Project) -> Iterator[dict[str, Served]]:
    """The servers behind the pods of both launches."""
    with serving(Served(Model(), key=KEY)) as present, serving(Served(Model(), key=KEY)) as following:
        yield {"qwen": present, "qwen-next": following}


def connect(project: Project, models: dict[str, Served]) -> None:
    """Lead the port of the pods that run to the server of their launch."""
    for service, served in models.items():
        names = [pod["metadata"]["name"] for pod in pods(project, service)]
        forward = {"ports": [8080], "target": {"address": "127.0.0.1", "port": int(served.url.rpartition(":")[2])}}
        kind = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "ClusterPortForward", "metadata": {"name": service}}
        selector = {"matchNamespaces": [STACK], "matchNames": names}
        apply(project.sandbox, [{**kind, "spec": {"selector": selector, "forwards": [forward]}}])


def pods(project: Project, service: str) -> list[dict[str, Any]]:
    return [
        pod
        for pod in project.objects("pods", STACK)
        if pod["metadata"]["labels"]["app.kubernetes.io/instance"] == service
    ]


def upgrade(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The upgrade, started again while a `pulumi up` that was left behind holds the stack."""
    deadline = time.monotonic() + 300
    while True:
        done = project.ascend_vllm("upgrade", STACK, "--from", "HEAD", *arguments)
        if "currently locked" not in done.stdout + done.stderr or time.monotonic() > deadline:
            return done
        time.sleep(2)


def killed_in(project: Project, step: int) -> None:
    """Start the upgrade, and kill it when a step has begun; its `pulumi up` goes on."""
    log = Path(project.directory) / "killed.txt"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-u", "-m", "cli", "upgrade", STACK, "--from", "HEAD"],
                cwd=project.directory,
                env=project.sandbox.env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            while f"step {step} of" not in log.read_text() and process.poll() is None:
                time.sleep(0.1)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                return
        assert "currently locked" in log.read_text(), log.read_text()
        time.sleep(2)
    raise AssertionError(log.read_text())


def answering(project: Project) -> str:
    """The service whose pods answer the requests to qwen."""
    (found,) = [item for item in project.objects("services", STACK) if item["metadata"]["name"] == "qwen"]
    return str(found["spec"]["selector"]["app.kubernetes.io/instance"])


@contextmanager
def watched(project: Project) -> Iterator[list[int]]:
    """The ready endpoints of the Service of qwen, and the NPUs in use, again and again."""
    fewest: list[int] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            listed = project.sandbox.kubectl(
                *("get", "endpointslices", "--namespace", STACK, "-l", "kubernetes.io/service-name=qwen"),
                *("--output", "json"),
            )
            ready = 0
            for item in json.loads(listed)["items"]:
                ready += sum(bool(endpoint["conditions"].get("ready")) for endpoint in item.get("endpoints") or [])
            fewest.append(ready)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield fewest
    finally:
        is_over.set()
        thread.join()


def test_the_next_launch_takes_the_requests_only_if_it_is_promoted(project: Project, models: dict[str, Served]) -> None:
    """It is killed in each step after the comparison, and a ready pod answers at any moment."""
    project.write(STACK, services("v0.23.0"), pools=POOLS)
    planned = json.loads(project.ascend_vllm("plan", STACK, "--from", "HEAD", "--format", "json").stdout)
    assert [f"{step['does']} {step['service'].removesuffix('-next')}" for step in planned["steps"]] == [
        step.removesuffix("-next") for step in STEPS
    ]
    assert planned["downtimeSeconds"] == {}
    assert planned["npusPeak"] == 16

    with watched(project) as ready:
        started = upgrade(project, "--until", "2")
        assert started.returncode == 0, started.stdout + started.stderr
        connect(project, models)

        models["qwen-next"].model = Model(weights=2)
        held = upgrade(project)
        assert held.returncode == 1, held.stdout + held.stderr
        assert "the upgrade stops before step 4, because compare holds qwen-next" in unfolded(held.stderr)
        assert answering(project) == "qwen"
        report = (project.directory / f"Pulumi.{STACK}.qwen.compare.json").read_text()
        assert json.loads(report)["verdict"] == "hold"
        assert KEY not in report + held.stdout + held.stderr

        models["qwen-next"].model = Model()
        for step in (3, 4, 5, 6, 7, 8):
            killed_in(project, step)
        ended = upgrade(project)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "the upgrade is complete" in ended.stdout
    assert min(ready) >= 1
    assert project.names("deployments", STACK) == ["qwen", "summary"]
    assert answering(project) == "qwen"
    (pod,) = pods(project, "qwen")
    assert pod["spec"]["containers"][0]["image"].endswith("v0.23.0")
    assert project.pulumi("preview", "--stack", STACK, "--expect-no-changes").returncode == 0


def test_a_hold_can_be_passed_with_a_reason_and_the_switch_can_be_undone(
    project: Project, models: dict[str, Served]
) -> None:
    commit(project)
    project.write(STACK, services("v0.30.0"), pools=POOLS)
    assert upgrade(project, "--until", "2").returncode == 0
    connect(project, models)
    models["qwen-next"].model = Model(weights=2)
    assert upgrade(project).returncode == 1

    forced = upgrade(project, "--promote", "other answers are wanted", "--until", "4")

    assert forced.returncode == 0, forced.stdout + forced.stderr
    assert answering(project) == "qwen-next"
    history = json.loads(project.pulumi("stack", "history", "--stack", STACK, "--json").stdout)
    message = "switch qwen to qwen-next although compare held it: other answers are wanted (ascend-vllm upgrade "
    assert history[0]["message"].startswith(message)

    undone = upgrade(project, "--back")

    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert answering(project) == "qwen"
    assert project.names("deployments", STACK) == ["qwen", "summary"]
    assert sum(item["spec"]["replicas"] for item in project.objects("deployments", STACK)) == 4
