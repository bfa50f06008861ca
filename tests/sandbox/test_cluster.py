"""The life of a sandbox, with stand-ins for its programs: what is said, and that nothing is left."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import cluster, controlplane, leader_worker_set, nodes, paths, processes, stages, toolchain, volcano
from sandbox.errors import SandboxError
from sandbox.locks import locked
from sandbox.plan import Node, Plan, manifest
from sandbox.processes import Process
from sandbox.real import needs, node

PLAN = Plan("dev", tuple(Node(f"snt9b-{i}", {}, "huawei.com/ascend-1980", 8) for i in (1, 2)))


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> toolchain.Toolchain:
    """A toolchain that is there already."""
    programs = {"etcd": tmp_path / "etcd", "lws-manager": tmp_path / "lws-manager"}
    found = toolchain.Toolchain(programs, tmp_path / "crd")
    monkeypatch.setattr(toolchain, "ensure", lambda *_, **__: found)
    return found


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was started, in order; nothing really is."""
    calls: list[str] = []
    monkeypatch.setattr(controlplane, "start", lambda *_: calls.append("control plane"))
    monkeypatch.setattr(stages, "install", lambda _: calls.append("stages"))
    monkeypatch.setattr(nodes, "reconcile", lambda *_: calls.append("nodes"))
    monkeypatch.setattr(volcano, "start", lambda *_: calls.append("volcano"))
    monkeypatch.setattr(leader_worker_set, "start", lambda *_: calls.append("controller of groups"))
    monkeypatch.setattr(cluster, "_await", lambda *_: calls.append("ready"))
    return calls


@pytest.mark.usefixtures("tools")
def test_up_starts_everything_in_order_and_says_what_is_ready(
    started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.up(PLAN)

    assert started == ["control plane", "stages", "nodes", "volcano", "ready"]
    assert capsys.readouterr().err == (
        "sandbox   cluster ready in 0 s: 2 nodes, 16 NPUs (huawei.com/ascend-1980), Volcano 1.14.1\n"
    )


@pytest.mark.usefixtures("tools")
def test_the_controller_of_groups_starts_after_volcano_and_only_if_the_plan_has_it(
    started: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.up(replace(PLAN, groups=True))

    assert started == ["control plane", "stages", "nodes", "volcano", "controller of groups", "ready"]
    assert capsys.readouterr().err.endswith("Volcano 1.14.1, LeaderWorkerSet 0.9.0\n")


@pytest.mark.usefixtures("tools")
def test_a_running_sandbox_gets_the_controller_of_groups_once(
    started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = paths.home("dev") / "lws.json"
    programs = [*cluster.COMPONENTS, *leader_worker_set.COMPONENTS]
    alive = [Process(number, name) for number, name in enumerate(programs, 100)]
    monkeypatch.setattr(processes, "marked", lambda _: alive)
    monkeypatch.setattr(nodes, "listed", lambda _: [])
    (paths.home("dev") / "bin").mkdir(parents=True)

    cluster.up(replace(PLAN, groups=True))
    configuration.touch()
    cluster.up(replace(PLAN, groups=True))
    cluster.up(PLAN)

    assert started == ["nodes", "controller of groups", "nodes", "nodes"]
    assert (paths.home("dev") / "bin" / "lws-manager").is_symlink()


@pytest.mark.usefixtures("tools", "started")
def test_up_after_a_crash_starts_from_scratch() -> None:
    left_over = paths.home("dev") / "pulumi" / "state" / "old.json"
    left_over.parent.mkdir(parents=True)
    left_over.touch()

    cluster.up(PLAN)

    assert not left_over.exists()


@pytest.mark.usefixtures("tools", "started")
def test_a_failed_start_ends_what_it_started_and_keeps_the_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[str] = []

    def die(*_: object) -> None:
        raise SandboxError("vc-scheduler died", "fix")

    monkeypatch.setattr(volcano, "start", die)
    monkeypatch.setattr(processes, "stop", stopped.append)

    with pytest.raises(SandboxError):
        cluster.up(PLAN)

    assert stopped[-1] == str(paths.home("dev"))
    assert (paths.home("dev") / "logs").is_dir()


@pytest.mark.usefixtures("tools", "started")
def test_an_interrupted_start_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(volcano, "start", interrupt)

    with pytest.raises(KeyboardInterrupt):
        cluster.up(PLAN)

    assert not paths.home("dev").exists()


@pytest.mark.usefixtures("tools", "started")
def test_down_removes_all_files_and_may_be_repeated(cache: Path) -> None:
    cluster.up(PLAN)

    assert cluster.down("dev")
    assert not cluster.down("dev")
    assert list((cache / "sandboxes").iterdir()) == []


@pytest.mark.usefixtures("tools")
def test_with_a_real_node_the_control_plane_starts_between_its_network_and_its_kubelet(
    started: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(needs, "check", lambda: started.append("needs"))
    monkeypatch.setattr(node, "open_up", lambda *_: started.append("namespaces") or controlplane.Place(("enter",), 1))
    monkeypatch.setattr(node, "start", lambda *_: started.append("kubelet"))

    cluster.up(replace(PLAN, nodes=(replace(PLAN.nodes[0], real=True), PLAN.nodes[1])))

    assert started == [
        "needs", "namespaces", "control plane", "stages", "nodes", "volcano", "kubelet", "ready"
    ]  # fmt: skip
    assert "2 nodes (snt9b-1 is real), 16 NPUs" in capsys.readouterr().err


def test_a_sandbox_with_a_real_node_runs_only_with_its_kubelet(monkeypatch: pytest.MonkeyPatch) -> None:
    (paths.home("dev") / "node").mkdir(parents=True)
    alive = [Process(number, name) for number, name in enumerate((*cluster.COMPONENTS, *node.COMPONENTS), 100)]
    monkeypatch.setattr(nodes, "listed", lambda _: [])
    monkeypatch.setattr(processes, "marked", lambda _: alive)
    assert cluster.status("dev").running

    monkeypatch.setattr(processes, "marked", lambda _: [one for one in alive if one.name != "kubelet"])

    assert cluster.status("dev").missing == ("kubelet",)


def test_a_sandbox_with_groups_runs_only_with_their_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    paths.home("dev").mkdir(parents=True)
    (paths.home("dev") / "lws.json").touch()
    alive = [Process(number, name) for number, name in enumerate(cluster.COMPONENTS, 100)]
    monkeypatch.setattr(processes, "marked", lambda _: alive)

    assert cluster.status("dev").missing == ("lws-manager",)


@pytest.mark.parametrize(("before", "after"), [(False, True), (True, False)])
def test_a_running_sandbox_neither_gets_nor_loses_a_real_node(
    before: bool, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = manifest(replace(PLAN.nodes[0], real=before))
    monkeypatch.setattr(nodes.kubectl, "items", lambda *_: [there])

    with pytest.raises(SandboxError, match="its real node cannot be added, changed or removed"):
        nodes.reconcile(paths.home("dev"), (replace(PLAN.nodes[0], real=after),))


def test_a_plan_has_one_real_node_at_most() -> None:
    with pytest.raises(SandboxError, match="only one node can be real, but the plan has two"):
        Plan("dev", tuple(replace(one, real=True) for one in PLAN.nodes))


def test_down_refuses_a_name_that_leads_out_of_the_cache() -> None:
    with pytest.raises(SandboxError, match="is not a valid name of a sandbox"):
        cluster.down("../../..")


def test_a_sandbox_runs_only_when_no_component_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    alive = [Process(number, name) for number, name in enumerate(cluster.COMPONENTS, 100)]
    monkeypatch.setattr(nodes, "listed", lambda _: [])
    monkeypatch.setattr(processes, "marked", lambda _: alive)
    assert cluster.status("dev").running

    monkeypatch.setattr(processes, "marked", lambda _: alive[1:])
    found = cluster.status("dev")

    assert not found.running
    assert "etcd" not in found.components


def test_a_dead_component_is_told_with_its_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    log = paths.home("dev") / "logs" / "vc-scheduler.log"
    log.parent.mkdir(parents=True)
    log.write_text("starting\npanic: no configuration\n")

    with pytest.raises(SandboxError) as failed:
        controlplane.check_alive(paths.home("dev"), ["vc-scheduler"])

    assert "vc-scheduler exited while the sandbox was starting" in failed.value.message
    assert "panic: no configuration" in failed.value.message
    assert str(log) in failed.value.message


def test_everything_is_told_to_listen_on_loopback(tmp_path: Path) -> None:
    options = controlplane._configuration(tmp_path, controlplane.Place())["options"]

    assert json.loads(json.dumps(options))["bindAddress"] == "127.0.0.1"


def test_a_lock_survives_the_removal_of_its_directory(tmp_path: Path) -> None:
    lock = tmp_path / "home" / "lock"
    with locked(lock, "removing"):
        lock.unlink()
        lock.parent.rmdir()

    with locked(lock, "starting again"):
        assert lock.exists()
