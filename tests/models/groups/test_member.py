"""The program that keeps the servers of a group together, run as the pods run it."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from models.launch.scripts.member_server import interface_problem
from tests.models.groups.member_pods import CRASH, ENDS, SERVER, WAIT, Pods, until

pytestmark = pytest.mark.slow


def test_no_server_starts_before_all_pods_are_there(pods: Pods) -> None:
    pods.start(0, SERVER)
    until(lambda: pods.has(0, "not-serving"))
    assert "starts" not in pods.log(0)

    pods.start(1, WAIT)
    until(lambda: pods.serve)
    assert "server of rank 0 starts" in pods.log(0)


def test_a_leader_whose_worker_is_gone_is_not_ready_and_lets_no_request_hang(pods: Pods) -> None:
    pods.start(0, SERVER)
    pods.start(1, WAIT)
    until(lambda: pods.serve)

    pods.processes[1].kill()

    until(lambda: not pods.has(0, "whole"))
    until(lambda: "group: the server of rank 1 was lost first (attempt 1 of 3)" in pods.log(0))
    assert "lost the connection to rank 1" in pods.log(0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", pods.health))


def test_a_worker_without_its_leader_stops_its_server_and_starts_it_again_with_the_next_leader(pods: Pods) -> None:
    pods.start(0, SERVER)
    pods.start(1, ENDS)
    until(lambda: pods.serve and "runs" in pods.log(1))

    pods.processes[0].kill()
    pods.processes[0].wait()
    until(lambda: "stopped" in pods.log(1))
    pods.start(0, SERVER)

    until(lambda: pods.serve and pods.log(1).count("runs") == 2)


def test_a_worker_may_end_as_soon_as_the_leader_has_ended(pods: Pods) -> None:
    pods.start(0, SERVER)
    pods.start(1, WAIT)
    until(lambda: pods.serve)
    assert pods.has(1, "leader")

    pods.processes[0].terminate()

    until(lambda: not pods.has(1, "leader"))
    assert pods.processes[1].poll() is None


def test_a_group_that_crashes_starts_again_a_few_times_and_keeps_the_reason(pods: Pods) -> None:
    pods.start(0, SERVER, attempts=3)
    pods.start(1, CRASH)

    until(lambda: "gave up after 3 attempts" in pods.log(0))
    assert pods.log(1).count("RuntimeError") == 3
    assert "group: the server of rank 1 ended with code 7 first (attempt 3 of 3)" in pods.log(0)
    assert "group: rank 1: RuntimeError: HCCL cannot connect" in pods.log(0)
    assert "RuntimeError: HCCL cannot connect" in (pods.directory(0) / "message").read_text()
    assert pods.has(0, "not-serving")
    assert [process.poll() for process in pods.processes.values()] == [None, None]


def test_a_worker_that_is_told_to_start_and_to_stop_at_once_runs_no_server(pods: Pods) -> None:
    with socket.create_server(("127.0.0.1", pods.port)) as leader:
        pods.start(1, WAIT)
        connection, _ = leader.accept()
        with connection, connection.makefile("r", encoding="utf-8") as said:
            connection.settimeout(30)
            assert json.loads(said.readline())["rank"] == 1
            connection.sendall(b'{"start": 1}\n{"stop": 1}\n')

            assert json.loads(said.readline()) == {"stopped": 1}


def test_a_program_that_does_not_exist_is_the_reason(pods: Pods) -> None:
    pods.start(1, WAIT)
    pods.start(0, "", attempts=1, command=["/no/vllm"])

    until(lambda: "gave up after 1 attempts" in pods.log(0))
    assert "group: rank 0: /no/vllm: No such file or directory" in pods.log(0)


def test_an_interface_that_a_pod_does_not_have_is_the_reason(pods: Pods, monkeypatch: pytest.MonkeyPatch) -> None:
    pods.start(0, SERVER, attempts=1)
    monkeypatch.setenv("HCCL_SOCKET_IFNAME", "bond7")
    pods.start(1, WAIT)

    until(lambda: "gave up after 1 attempts" in pods.log(0))
    assert "group: the server of rank 1 ended with code 127 first" in pods.log(0)
    assert "group: rank 1: InterfaceError: the pod has no network interface bond7, only " in pods.log(0)


@pytest.mark.parametrize(("state", "problem"), [("up", ""), ("unknown", ""), ("down", "eth1 is down")])
def test_an_interface_that_is_down_is_the_reason(tmp_path: Path, state: str, problem: str) -> None:
    (tmp_path / "eth1").mkdir()
    (tmp_path / "eth1" / "operstate").write_text(f"{state}\n")

    assert interface_problem("eth1", tmp_path).endswith(problem)
    assert bool(interface_problem("eth1", tmp_path)) == bool(problem)


def test_a_server_that_never_answers_is_started_again(pods: Pods) -> None:
    pods.start(0, WAIT, attempts=1, startup=1)
    pods.start(1, WAIT)

    until(lambda: "the server of rank 0 did not answer within 1 s first" in pods.log(0))


def test_a_worker_whose_container_was_restarted_starts_with_the_others(pods: Pods) -> None:
    pods.start(0, SERVER)
    pods.start(1, WAIT)
    until(lambda: pods.serve)
    pods.processes[1].kill()
    pods.processes[1].wait()

    pods.start(1, WAIT)

    until(lambda: pods.log(0).count("server of rank 0 starts") == 2 and pods.serve)
    assert "the server of rank 1 was lost first" in pods.log(0)


def test_the_pods_end_with_their_servers(pods: Pods) -> None:
    pods.start(0, SERVER)
    pods.start(1, WAIT)
    until(lambda: pods.serve)

    for process in pods.processes.values():
        process.terminate()

    assert [process.wait(30) for process in pods.processes.values()] == [143, 143]


def test_shared_memory_that_a_server_leaves_is_freed(pods: Pods) -> None:
    pods.start(0, SERVER, attempts=1)
    left = pods.directory(1) / "shm" / "psm_1"
    pods.start(1, f"open({str(left)!r}, 'w').close()\n{CRASH}")

    until(lambda: "gave up" in pods.log(0))
    assert not left.exists()
