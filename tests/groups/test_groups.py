"""A server over two pods with the real vLLM answers, loses members under load, and is updated."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.groups.conftest import LEADER, WORKER, Group, until
from tests.groups.load import AT_ONCE, Request

KILL_SERVER = "for p in /proc/[0-9]*; do p=${p#/proc/}; [[ $p == 1 || $p == $$ ]] || kill -9 $p; done; true"
"""Kills all processes of a container but its first one, which is the program that keeps the group together."""

STOP_SERVER = KILL_SERVER.replace("kill -9", "kill -STOP")
"""Stops the same processes: they keep their connections, and answer no more."""

pytestmark = pytest.mark.timeout(1800)

Note = Callable[[str, Counter[str], str], None]


@pytest.fixture
def note(group: Group, capsys: pytest.CaptureFixture[str]) -> Note:
    """Show what became of the requests."""

    def show(event: str, results: Counter[str], times: str) -> None:
        with capsys.disabled():
            print(f"\n{group.name}, {event}: {dict(results)}, {times}")

    return show


def test_a_group_of_two_pods_answers_a_chat(group: Group) -> None:
    answer = group.chat()

    assert answer["usage"]["completion_tokens"] == 8
    assert {*group.pods()} == {LEADER, WORKER}
    assert group.targets() == 1, "only the leader takes requests"


def test_an_update_of_the_group_loses_no_request(group: Group, tmp_path: Path, note: Note) -> None:
    pods = group.pods()
    with group.loaded(tmp_path / "load") as requests:
        began = time.time()
        group.write(env={"UPDATED": "yes"})
        group.up()

    assert not {*pods.values()} & {*group.pods().values()}
    results = results_of(requests)
    note("updated", results, times(requests, began))
    assert {*results} == {"answered", "refused"}, "the old group answers all that it has taken"


def test_a_worker_whose_server_is_killed_cuts_off_the_requests_of_the_moment_and_no_other(
    group: Group, tmp_path: Path, note: Note
) -> None:
    pods = group.pods()
    with group.loaded(tmp_path / "load") as requests:
        killed = time.time()
        group.inside(WORKER, KILL_SERVER)
        left = until(lambda: group.targets() == 0)
        back = until(lambda: group.targets() == 1)

    assert group.pods() == pods, "the servers start again, and the pods stay"
    assert "the server of rank 1 ended with code -9 first (attempt 1 of 5)" in group.log(LEADER)
    note("server killed", results_of(requests), f"{times(requests, killed)}, left the Service after {left:.1f} s")
    assert back > 0
    check_losses(requests, killed)


def test_a_worker_that_falls_silent_lets_no_request_hang(group: Group, tmp_path: Path, note: Note) -> None:
    pods = group.pods()
    with group.loaded(tmp_path / "load") as requests:
        silent = time.time()
        group.link(WORKER, "down")
        left = until(lambda: group.targets() == 0)
        until(lambda: "the server of rank 1 was silent first" in group.log(LEADER))
        group.link(WORKER, "up")
        until(lambda: group.targets() == 1)

    assert group.pods() == pods
    note("worker silent", results_of(requests), f"{times(requests, silent)}, left the Service after {left:.1f} s")
    check_losses(requests, silent)


def test_a_worker_whose_server_is_stopped_leaves_the_service_and_lets_no_request_hang(
    group: Group, tmp_path: Path, note: Note
) -> None:
    pods = group.pods()
    with group.loaded(tmp_path / "load") as requests:
        stopped = time.time()
        group.inside(WORKER, STOP_SERVER)
        left = until(lambda: group.targets() == 0)
        until(lambda: "the server of rank 1 was silent first" in group.log(LEADER))
        until(lambda: group.targets() == 1)

    assert group.pods() == pods
    note("server stopped", results_of(requests), f"{times(requests, stopped)}, left the Service after {left:.1f} s")
    check_losses(requests, stopped)


def test_a_lost_pod_recreates_the_group_and_lets_no_request_hang(group: Group, tmp_path: Path, note: Note) -> None:
    pods = group.pods()
    with group.loaded(tmp_path / "load") as requests:
        deleted = time.time()
        group.kubectl("delete", "pod", WORKER, "--force", "--grace-period=0")
        left = until(lambda: group.targets() == 0)
        until(lambda: group.targets() == 1)

    assert not {*pods.values()} & {*group.pods().values()}, "all pods are new"
    note("pod lost", results_of(requests), f"{times(requests, deleted)}, left the Service after {left:.1f} s")
    check_losses(requests, deleted)


def results_of(requests: list[Request]) -> Counter[str]:
    return Counter(request.result.partition(":")[0] for request in requests)


def check_losses(requests: list[Request], when: float) -> None:
    """Only requests that were under way when a member was lost have no answer, and their clients hear of it."""
    lost = [request for request in requests if request.result not in ("answered", "refused")]
    assert len(lost) <= 2 * AT_ONCE, lost
    assert not [request for request in lost if request.result == "hangs"]
    assert [request for request in requests if request.result == "answered" and request.began > when + 20], "it serves"


def times(requests: list[Request], when: float) -> str:
    """When requests were cut off and refused, in seconds after an event."""
    cut = [request.ended - when for request in requests if request.result not in ("answered", "refused")]
    refused = [request.began - when for request in requests if request.result == "refused"]
    words = [f"refused from {min(refused):.1f} to {max(refused):.1f} s"] if refused else []
    if cut:
        words.append(f"cut off until {max(cut):.1f} s")
    return json.dumps(words)
