"""`pulumi up` ends when the services answer, and says why they do not."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import cluster
from sandbox.plan import Plan
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import RESOURCE, SandboxFactory, ascend_nodes
from tests.e2e.staged import (
    REGISTRY,
    RUNNING,
    Situation,
    apply,
    ended,
    serve_logs,
    stage_images,
    stages,
    unstage,
    waiting,
)

CRASH = Situation(waiting("CrashLoopBackOff"), ended(1), restarts=2, phase="Running")
NEVER = Situation(waiting("ImagePullBackOff", "Back-off pulling image: ErrImagePull: manifest unknown"))
LOG = ["loading weights", "args: --api-key=sk-secret", "OSError: [Errno 98] Address already in use"]


def qwen(tag: str = "ok", **engine: Any) -> dict[str, Any]:
    return {
        "image": f"{REGISTRY}:{tag}",
        "model": "/mnt/models/Qwen2-7B-Instruct",
        "npus": 1,
        "engine": {"maxModelLen": 4096, **engine},
    }


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = copy_program(tmp_path_factory.mktemp("up"), sandbox(Plan("up", ascend_nodes(2))))
    slow = Situation(RUNNING, phase="Running", ready_after=4)
    stuck = Situation(RUNNING, phase="Running")
    stage_images(made.sandbox, {"crash": CRASH, "never": NEVER, "slow": slow, "stuck": stuck})
    return made


@pytest.fixture(scope="module")
def never_pulled(project: Project) -> Iterator[subprocess.Popen[str]]:
    """An up of an image that does not exist; it goes on while the other tests run."""
    project.write("never", {"qwen": qwen("never")})
    project.pulumi("stack", "init", "never")
    with start(project, "never") as running:
        yield running


@pytest.fixture
def stack(project: Project, request: pytest.FixtureRequest) -> str:
    """A stack of the test's own; it goes with the sandbox."""
    name = "u-" + re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_up_"))[-24:].strip("-")
    made = project.pulumi("stack", "init", name)
    assert made.returncode == 0, made.stderr
    return name


def start(project: Project, stack: str) -> subprocess.Popen[str]:
    """An up that goes on by itself, in a process group of its own."""
    return subprocess.Popen(
        ["pulumi", "--non-interactive", "up", "--stack", stack, "--yes", "--skip-preview"],
        cwd=project.directory, env=project.sandbox.env, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def up(project: Project, stack: str) -> tuple[int, str]:
    """Exit code and output."""
    done = project.pulumi("up", "--stack", stack, "--yes", "--skip-preview")
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.usefixtures("never_pulled")
def test_up_reports_a_crash_keeps_what_the_old_pods_need_and_ends_well_once_the_cause_is_gone(
    project: Project, stack: str
) -> None:
    serve_logs(project.sandbox, project.directory, stack, LOG)
    project.write(stack, {"qwen": qwen()})
    assert up(project, stack)[0] == 0
    first = project.names("configmap", stack)

    project.write(stack, {"qwen": qwen("crash", maxNumSeqs=64), "other": qwen()})
    code, said = up(project, stack)

    assert code != 0
    assert "error[crash-loop]: qwen: the server ended with exit code 1, 2 times: the port is in use" in said
    assert "= fix: change server.port" in said
    assert "| OSError: [Errno 98] Address already in use" in said
    assert "sk-secret" not in said
    assert set(first) < set(project.names("configmap", stack)), "the pods that still serve lost their script"

    assert up(project, stack)[0] != 0, "an up without a change asks again"

    unstage(project.sandbox, "crash")
    project.sandbox.kubectl("delete", "pod", "--namespace", stack, "--all")
    assert up(project, stack)[0] == 0
    assert len(project.names("configmap", stack)) == 2
    assert not set(first) & set(project.names("configmap", stack))


def test_up_waits_for_a_slow_start_and_says_how_far_it_is(project: Project, stack: str) -> None:
    serve_logs(project.sandbox, project.directory, stack, ["Loading safetensors checkpoint shards:  40% Completed"])
    project.write(stack, {"qwen": qwen("slow")})
    code, said = up(project, stack)

    assert code == 0, said
    assert re.search(r"qwen-deployment .*0/1 loading weights \(40 %\) \(\d+ s of 12 min\)", said), said


@pytest.mark.parametrize("to_all", [True, False], ids=["to-the-terminal", "to-pulumi-only"])
def test_up_that_is_interrupted_ends_before_its_pods_are_ready(project: Project, stack: str, to_all: bool) -> None:
    project.write(stack, {"qwen": qwen("stuck")})
    with start(project, stack) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "0/1 starting" in line:
                break
        (os.killpg if to_all else os.kill)(running.pid, signal.SIGINT)
        running.communicate(timeout=120)

    assert running.returncode != 0


def test_up_tells_that_an_image_does_not_exist(never_pulled: subprocess.Popen[str]) -> None:
    said, _ = never_pulled.communicate(timeout=120)

    assert never_pulled.returncode != 0
    assert f"error[image-not-found]: qwen: the image {REGISTRY}:never does not exist" in said


def test_up_ends_with_a_job_that_proves_that_the_service_answers_and_fails_with_it_until_it_does(
    project: Project, stack: str
) -> None:
    failed = ended(1) | {"terminated": {**ended(1)["terminated"], "message": "smoke: stream: FAILED: the answer is"}}
    fails = stages("proof", Situation(failed, phase="Failed"))
    for one in fails:  # the pods of the service become ready, those of the Job fail
        owner = {"key": ".metadata.ownerReferences.[].kind", "operator": "In", "values": ["Job"]}
        one["spec"]["selector"]["matchExpressions"].append(owner)
        one["spec"]["weight"] = 10
    apply(project.sandbox, fails)

    project.write(stack, {"qwen": qwen() | {"smoke": True}})
    good, _ = up(project, stack)
    (first,) = project.names("job", stack)
    project.write(stack, {"qwen": qwen("proof") | {"smoke": True}})
    bad, said = up(project, stack)
    (second,) = {*project.names("job", stack)} - {first}
    again, _ = up(project, stack)
    unstage(project.sandbox, "proof")
    fixed, done = up(project, stack)
    unchanged, nothing = up(project, stack)

    assert (good, bad != 0, again != 0, fixed, unchanged) == (0, True, True, 0, 0)
    assert first.startswith("qwen-smoke-")
    assert project.names("job", stack) == [second]
    assert "error[smoke-failed]: qwen: the smoke test failed: stream: the answer is" in said, said
    assert f"last lines of {second}-" in said, said
    assert "qwen-smoke replaced" in done, done
    assert "qwen-smoke" not in nothing, nothing
    assert {image for _, image in images(project, stack)} == {f"{REGISTRY}:proof"}


def images(project: Project, stack: str) -> set[tuple[str, str]]:
    """Phase and image of every pod of a service."""
    return {(pod["status"]["phase"], pod["spec"]["containers"][0]["image"]) for pod in project.objects("pod", stack)}


def job(name: str, npus: int) -> dict[str, Any]:
    """Somebody else's Job."""
    asked = {RESOURCE: str(npus)}
    container = {"name": "c", "image": "train:1", "resources": {"limits": asked, "requests": asked}}
    spec = {"schedulerName": "volcano", "restartPolicy": "Never", "containers": [container]}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": spec}}}


def test_up_tells_for_whom_free_npus_are_kept_and_goes_on_when_they_no_longer_are(project: Project, stack: str) -> None:
    pods = project.sandbox.kubectl("get", "pods", "--all-namespaces", "--selector", "app=infers", "--output", "name")
    rest = 16 - len(pods.split())
    assert rest > 8, "more than a node has"
    apply(project.sandbox, [job("greedy", rest)])
    project.write(stack, {"qwen": qwen()})
    with start(project, stack) as running:
        assert running.stdout is not None
        said = next((line for line in running.stdout if "Volcano keeps free NPUs" in line), "")
        project.sandbox.kubectl("delete", "job", "greedy")
        running.communicate(timeout=120)

    assert f"free NPUs for pods that it admitted earlier: default/greedy ({rest})" in said
    assert running.returncode == 0


def test_up_reports_an_outage_of_the_api_server_and_the_next_up_finishes(project: Project, stack: str) -> None:
    stage_images(project.sandbox, {"later": Situation(RUNNING, phase="Running", ready_after=20)})
    project.write(stack, {"one": qwen("later"), "two": qwen("later")})
    api_server = cluster.status(project.sandbox.name).components["kube-apiserver"]
    with start(project, stack) as update:
        assert update.stdout is not None
        for line in update.stdout:
            if "0/1 starting" in line:
                break
        os.kill(api_server, signal.SIGSTOP)
        end = time.monotonic() + 45
        try:
            status = project.ascend_vllm("status", stack)
            time.sleep(max(end - time.monotonic(), 0))
        finally:
            os.kill(api_server, signal.SIGCONT)
        said = update.stdout.read()

    assert re.search(r"the API server of '\S+' has not answered for \d+ s; the update waits for it", said)
    assert re.search(r"the API server of '\S+' answers again, after \d+ s", said)
    assert status.returncode == 3
    assert "status gives up after 15 s without an answer" in status.stderr
    assert "--watch asks until it answers" in status.stderr
    assert up(project, stack)[0] == 0
    assert "Traceback" not in said + status.stderr


def test_destroy_does_not_wait_for_half_of_the_grace_period(project: Project, stack: str) -> None:
    project.write(stack, {"qwen": qwen("drains")})
    draining = {
        "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
        "selector": {"matchExpressions": [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}]},
        "weight": 1000,
        "delay": {"durationMilliseconds": 12_000},
        "next": {"finalizers": {"empty": True}, "delete": True},
    }
    kind = {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": "drains"}}
    assert up(project, stack)[0] == 0
    apply(project.sandbox, [{**kind, "spec": draining}])
    destroyed = project.run(
        "timeout", "120", "pulumi", "--non-interactive", "destroy", "--stack", stack, "--yes", "--skip-preview"
    )
    project.sandbox.kubectl("delete", "stage", "drains")

    assert destroyed.returncode == 0, destroyed.stdout
