"""The sandbox with its real programs: a cluster that schedules by Volcano, kept to itself, and gone without a trace."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox import cluster, command, deployment, paths, processes
from sandbox.errors import SandboxError
from sandbox.plan import Plan
from tests.e2e.sandbox_fixture import RESOURCE, Sandbox, SandboxFactory, ascend_nodes, unique

LISTEN = "0A"
LOOPBACK = ("0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F")

PROGRAM = """\
import pulumi, pulumi_kubernetes as k8s
provider = pulumi.ResourceOptions(provider=k8s.Provider("cluster", context=pulumi.Config().require("context")))
k8s.core.v1.ConfigMap("map", metadata={"name": "map", "namespace": "default"}, data={"a": "1"}, opts=provider)
pulumi.export("services", {"none": "http://none.default.svc:8080"})
"""
STACK_FILE = """\
# a comment
config:
    tiny:context:   kwok-{name}     # not as Pulumi would write it
"""


def pod(name: str, npus: int = 8) -> str:
    """A pod on NPUs that only Volcano can place."""
    npu = {RESOURCE: str(npus)}
    container = {"name": "x", "image": "x", "resources": {"requests": npu, "limits": npu}}
    spec = {"schedulerName": "volcano", "nodeSelector": {"accelerator/huawei-npu": "ascend-1980"}}
    return json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {**spec, "containers": [container]}}
    )


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def listening(pids: set[int]) -> list[str]:
    """The addresses (as /proc writes them) on which any of the processes listens."""
    sockets = {str(link.readlink()) for pid in pids for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return [row[1].split(":")[0] for row in rows if row[3] == LISTEN and f"socket:[{row[9]}]" in sockets]


@pytest.fixture(scope="module")
def box(sandbox: SandboxFactory) -> Sandbox:
    """A sandbox with two Ascend nodes."""
    return sandbox(Plan("box", ascend_nodes()))


@pytest.fixture
def names() -> Iterator[Callable[[str], str]]:
    """Names for sandboxes of a single test, which are gone after it."""
    used: list[str] = []

    def name(base: str) -> str:
        used.append(unique(base))
        return used[-1]

    yield name
    for each in used:
        cluster.down(each)


def test_a_pod_is_scheduled_by_volcano_on_an_ascend_node(box: Sandbox) -> None:
    box.kubectl("create", "-f", "-", stdin=pod("first"))

    box.kubectl("wait", "--for=condition=Ready", "pod/first", "--timeout=120s")
    node = box.kubectl("get", "pod", "first", "-o", "jsonpath={.spec.nodeName}")
    assert node in ("snt9b-1", "snt9b-2")
    box.kubectl("delete", "pod", "first", "--force")


def test_a_pod_that_needs_more_npus_than_a_node_has_stays_pending(box: Sandbox) -> None:
    box.kubectl("create", "-f", "-", stdin=pod("huge", npus=9))

    until(lambda: "Unschedulable" in box.kubectl("get", "pod", "huge", "-o", "jsonpath={.status.conditions[*].reason}"))
    box.kubectl("delete", "pod", "huge", "--force")


def test_everything_listens_on_loopback_only(box: Sandbox) -> None:
    pids = {process.pid for process in processes.marked(str(paths.home(box.name)))}

    addresses = listening(pids)

    assert len(addresses) >= 4
    assert set(addresses) <= set(LOOPBACK)


def test_the_users_own_cluster_and_home_are_not_touched(box: Sandbox) -> None:
    settings = [box.env[name] for name in ("KUBECONFIG", "KUBECACHEDIR", "PULUMI_HOME", "TMPDIR")]

    assert all(Path(path).is_relative_to(paths.home(box.name)) for path in settings)
    assert box.kubectl("config", "get-contexts", "-o", "name").split() == [box.context]


def test_up_on_a_running_sandbox_follows_the_plan_and_restarts_no_component(box: Sandbox) -> None:
    before = cluster.status(box.name).components

    grown = cluster.up(Plan(box.name, ascend_nodes(3)))
    same = cluster.up(Plan(box.name, ascend_nodes(2)))

    assert [node.name for node in grown.nodes] == ["snt9b-1", "snt9b-2", "snt9b-3"]
    assert [node.name for node in same.nodes] == ["snt9b-1", "snt9b-2"]
    assert same.components == before


def test_deploy_and_destroy_leave_the_stack_file_as_it_was(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = STACK_FILE.format(name=box.name)
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(written)
    (tmp_path / "__main__.py").write_text(PROGRAM)

    first = deployment.deploy(box.name, "dev", tmp_path)
    second = deployment.deploy(box.name, "dev", tmp_path)
    preview = command.run(box.name, "dev", tmp_path, ["pulumi", "preview", "--stack=dev", "--expect-no-changes"])
    gone = [deployment.destroy(box.name, "dev", tmp_path) for _ in range(2)]

    assert first.changes == {"created": 3}
    assert second.changes == {"unchanged": 3}
    assert second.services[0].url == "http://none.default.svc:8080"
    assert preview == 0
    assert gone == [True, False]
    assert (tmp_path / "Pulumi.dev.yaml").read_text() == written
    assert "pulumi    stack dev: 3 created in " in capsys.readouterr().err


def test_status_and_capacity_find_a_running_sandbox_by_themselves(box: Sandbox, tmp_path: Path) -> None:
    cluster_keys = {"ascend-vllm:cluster": {"context": f"kwok-{box.name}"}}
    service = {"image": "registry.example.com/a:1", "model": "/mnt/models/Qwen2-7B-Instruct"}
    config = {**cluster_keys, "ascend-vllm:services": {"qwen": {**service, "engine": {"maxModelLen": 4096}}}}
    (tmp_path / "Pulumi.yaml").write_text("name: ascend-vllm\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(json.dumps({"config": config}))
    env = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}

    def ask(*asked: str) -> subprocess.CompletedProcess[str]:
        command_line = [sys.executable, "-m", "cli", "-C", str(tmp_path), *asked]
        return subprocess.run(command_line, env=env, capture_output=True, text=True, check=False)

    assert re.search(r"qwen +0/1 +0/1 +not deployed", ask("status", "dev").stdout)
    assert f"cluster kwok-{box.name}: 2 nodes, 0 of 16 NPUs used" in ask("capacity", "dev", "--live").stdout


def test_a_failing_program_shows_all_that_pulumi_says(
    box: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: failing\nruntime: python\n")
    (tmp_path / "__main__.py").write_text("import pulumi\nraise pulumi.RunError('the model does not fit')\n")

    with pytest.raises(SandboxError) as failed:
        deployment.deploy(box.name, "dev", tmp_path)

    assert failed.value.exit_code == 1
    assert "error: the model does not fit" in capsys.readouterr().err
    assert not (tmp_path / "Pulumi.dev.yaml").exists()


def test_two_sandboxes_start_side_by_side_and_know_nothing_of_each_other(names: Callable[[str], str]) -> None:
    plans = [Plan(names("left"), ascend_nodes(1)), Plan(names("right"), ascend_nodes(2))]

    with ThreadPoolExecutor() as pool:
        left, right = pool.map(cluster.up, plans)

    assert (len(left.nodes), len(right.nodes)) == (1, 2)
    assert cluster.down(left.name)
    assert cluster.status(right.name).running


def test_down_leaves_no_process_and_no_file_and_may_be_repeated(names: Callable[[str], str]) -> None:
    name = names("short")
    cluster.up(Plan(name, ascend_nodes(1)))

    assert cluster.down(name)
    assert not cluster.down(name)
    assert processes.marked(str(paths.home(name))) == []
    assert not paths.home(name).exists()


START = """\
from sandbox import cluster
from sandbox.plan import Plan
cluster.up(Plan({name!r}, ()))
"""


@pytest.mark.parametrize(
    ("number", "component"),
    [(signal.SIGINT, "etcd"), (signal.SIGTERM, "kwok-controller"), (signal.SIGHUP, "vc-scheduler")],
)
def test_an_interrupted_start_leaves_no_process(
    number: signal.Signals, component: str, names: Callable[[str], str]
) -> None:
    name = names("cut")
    mark = str(paths.home(name))
    with subprocess.Popen(
        [sys.executable, "-c", START.format(name=name)], stderr=subprocess.PIPE, text=True
    ) as starting:
        until(lambda: component in {process.name for process in processes.marked(mark)})
        starting.send_signal(number)
        _, said = starting.communicate(timeout=120)

    assert processes.marked(mark) == []
    assert not paths.home(name).exists()
    assert number.name in said or number == signal.SIGINT


def test_a_component_that_dies_ends_the_start_with_its_last_words(names: Callable[[str], str]) -> None:
    name = names("dying")
    mark = str(paths.home(name))
    pid_file = paths.home(name) / "kwok" / "clusters" / name / "pids" / "etcd.pid"
    log = paths.component_log(paths.home(name), "etcd")
    with subprocess.Popen(
        [sys.executable, "-c", START.format(name=name)], stderr=subprocess.PIPE, text=True
    ) as starting:
        until(lambda: log.exists() and log.stat().st_size > 0)
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
        _, said = starting.communicate(timeout=120)

    assert "etcd exited while the sandbox was starting; the last lines of " in said
    assert '"level":' in said
    assert processes.marked(mark) == []


def test_a_sandbox_that_was_killed_is_cleared_away(names: Callable[[str], str]) -> None:
    name = names("killed")
    with subprocess.Popen([sys.executable, "-c", START.format(name=name)], stderr=subprocess.DEVNULL) as starting:
        until(lambda: bool(processes.marked(str(paths.home(name)))))
        starting.kill()

    assert cluster.down(name)
    assert processes.marked(str(paths.home(name))) == []
