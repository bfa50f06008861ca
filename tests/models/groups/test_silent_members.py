"""A pod of a group that hangs or cannot be reached keeps its connection, and its group finds out all the same."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

import pytest

from models.launch.group import GROUP_ALIVE
from models.manifests.probes import worker_probes
from tests.models.groups.member_pods import ENDS, SERVER, WAIT, Network, Pods, until

pytestmark = pytest.mark.slow


def test_a_pod_that_hangs_keeps_its_connection_and_its_group_is_not_ready(pods: Pods) -> None:
    pods.beat = 0.1
    pods.start(0, SERVER)
    pods.start(1, WAIT)
    until(lambda: pods.serve)

    pods.processes[1].send_signal(signal.SIGSTOP)
    until(lambda: not pods.has(0, "whole"))
    assert "group: rank 1 is silent, so the group is not ready" in pods.log(0)
    assert "lost the connection" not in pods.log(0), "a shorter pause stops no server"

    until(lambda: "group: the server of rank 1 was silent first (attempt 1 of 3)" in pods.log(0))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", pods.health))

    pods.processes[1].send_signal(signal.SIGCONT)
    until(lambda: pods.serve)
    assert pods.log(0).count("server of rank 0 starts") == 2


@pytest.mark.parametrize("rank", [0, 1])
def test_a_server_that_is_stopped_is_found_although_its_pod_answers(pods: Pods, rank: int) -> None:
    pods.beat = 0.1
    pods.start(0, SERVER)
    pods.start(1, WAIT)
    until(lambda: pods.serve)

    [server] = pods.servers(rank)
    os.kill(server, signal.SIGSTOP)

    until(lambda: not pods.has(0, "whole"))
    until(lambda: f"group: the server of rank {rank} was silent first (attempt 1 of 3)" in pods.log(0))
    until(lambda: pods.serve)
    assert pods.servers(rank) != [server], "it was killed, and another one started"


@pytest.mark.parametrize("rank", [0, 1])
def test_a_pause_of_a_few_seconds_changes_nothing(pods: Pods, rank: int) -> None:
    pods.start(0, SERVER)
    pods.start(1, WAIT)
    until(lambda: pods.serve)

    pods.processes[rank].send_signal(signal.SIGSTOP)
    seconds_of_pause = 3
    seen_whole = []
    for _ in range(seconds_of_pause * 10):
        time.sleep(0.1)
        seen_whole.append(pods.serve)
    pods.processes[rank].send_signal(signal.SIGCONT)
    time.sleep(1)

    assert all(seen_whole)
    assert pods.serve
    assert "silent" not in pods.log(0)
    assert "lost" not in pods.log(0) + pods.log(1)


def test_a_leader_that_hangs_is_not_taken_for_silent_workers(pods: Pods) -> None:
    pods.beat = 0.1
    pods.start(0, SERVER)
    pods.start(1, ENDS)
    until(lambda: pods.serve and "runs" in pods.log(1))

    pods.processes[0].send_signal(signal.SIGSTOP)
    until(lambda: "group: lost the connection to the leader" in pods.log(1))
    until(lambda: "stopped" in pods.log(1))
    pods.processes[0].send_signal(signal.SIGCONT)

    until(lambda: pods.log(1).count("runs") == 2 and pods.serve)
    assert "rank 1 is silent" not in pods.log(0)


def test_a_network_that_drops_everything_is_found_on_both_sides(pods: Pods) -> None:
    pods.beat = 0.1
    with Network(pods.port) as network:
        pods.way_to_leader = network.port
        pods.start(0, SERVER)
        pods.start(1, ENDS)
        until(lambda: pods.serve and "runs" in pods.log(1))

        network.drops.set()
        until(lambda: not pods.has(0, "whole"))
        until(lambda: "group: the server of rank 1 was silent first (attempt 1 of 3)" in pods.log(0))
        until(lambda: "group: lost the connection to the leader" in pods.log(1))
        until(lambda: "stopped" in pods.log(1))

        network.drops.clear()
        until(lambda: pods.serve and pods.log(1).count("runs") == 2)


def test_a_client_that_says_nothing_does_not_keep_a_group_back(pods: Pods) -> None:
    pods.beat = 0.1
    pods.start(0, SERVER)
    pods.start(1, WAIT)
    until(lambda: pods.serve)

    with socket.create_connection(("127.0.0.1", pods.port)) as silent:
        silent.settimeout(30)
        assert silent.recv(1) == b"", "the leader ends the connection"
    assert pods.serve


def test_the_kubelet_sees_a_pod_that_hangs(pods: Pods) -> None:
    pods.start(0, SERVER)
    pods.start(1, WAIT)
    until(lambda: pods.serve)
    assert all(lives(pods, rank) for rank in pods.processes)

    for process in pods.processes.values():
        process.send_signal(signal.SIGSTOP)

    until(lambda: not any(lives(pods, rank) for rank in pods.processes))


def lives(pods: Pods, rank: int) -> bool:
    """Whether the liveness probe of a pod succeeds."""
    command = worker_probes()["livenessProbe"]["exec"]["command"]
    file = str(pods.directory(rank) / "ascend-vllm-group-alive")
    words = [word.replace(GROUP_ALIVE, file) for word in command]
    only_bash = {"PATH": str(pods.home)}
    return subprocess.run(words, env=only_bash, check=False).returncode == 0
