"""The order in which services are updated, and updates that cannot continue."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.diagnosis.rollouts import stuck_rollout
from cluster.pods import ended as ended_of
from cluster.service import WatchedService, state_of
from cluster.snapshot import Snapshot
from cluster.update import order as module
from cluster.update.order import batches, is_placed, wait_until_placed
from cluster.update.wait import Awaited, wait_until_ready
from tests.cluster.objects import (
    BUDGET,
    RESOURCE,
    container,
    deployment,
    ended,
    node,
    pod,
    replica_set,
    running,
    snapshot,
    waiting,
)
from tests.cluster.reader import FakeReader, FakeTime
from tests.models.test_rollout import stack

ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


@pytest.mark.parametrize(
    ("services", "nodes", "expected", "reason"),
    [
        ({"a": "npus: 1", "b": "npus: 1"}, 2, [["a", "b"]], "nobody is larger"),
        ({"big": "npus: 8", "small": "npus: 2, replicas: 4"}, 2, [["big"], ["small"]], "the large one deletes first"),
        ({"big": "npus: 8", "small": "npus: 1"}, 9, [["big", "small"]], "a node is free for the large one"),
        (
            {"a": "npus: 8", "b": "npus: 4", "c": "npus: 2, replicas: 2"},
            2,
            [["a"], ["b"], ["c"]],
            "each before all smaller ones",
        ),
        ({"big": "npus: 8, replicas: 0", "small": "npus: 8"}, 1, [["big", "small"]], "no pod has no place to lose"),
    ],
)
def test_services_that_delete_first_are_updated_before_smaller_ones(
    services: dict[str, str], nodes: int, expected: list[list[str]], reason: str
) -> None:
    resolved = stack(services, nodes)

    assert [[one.name for one in group] for group in batches(resolved.services)] == expected, reason


def rolling(service: str = "qwen", **counts: Any) -> dict[str, Any]:
    made = deployment(service, **counts)
    return {**made, "spec": {**made["spec"], "strategy": ROLLING}}


def old_pod(**metadata: Any) -> dict[str, Any]:
    owner = [{"kind": "ReplicaSet", "name": "qwen-old", "uid": "rs-old"}]
    return pod(npus=8, ready=True, phase="Running", metadata={"name": "qwen-old", "ownerReferences": owner, **metadata})


NEW = pod(npus=4, node="", status={"conditions": []})


def updating(*pods: dict[str, Any], **kinds: Any) -> Snapshot:
    sets = [replica_set(revision=2), replica_set(revision=1, uid="rs-old")]
    kinds = {"deployments": [rolling(availableReplicas=0)], "replica_sets": sets, "nodes": [node()], **kinds}
    return snapshot(*pods, **kinds)


def test_an_update_that_waits_for_its_own_old_pods_is_stuck() -> None:
    look = updating(NEW, old_pod())
    state = state_of(WatchedService("qwen", RESOURCE, BUDGET), look)

    assert state.finding is not None
    assert state.finding.rule == "rollout-stuck"
    assert "node-1 is held by qwen (8)" in state.finding.message
    assert "rollout: recreate" in state.finding.fix


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (updating(NEW, old_pod(deletionTimestamp="2026-11-22T11:59:00Z")), "the old pod is about to go"),
        (updating(NEW, old_pod(), nodes=[node(), node("node-2")]), "another node is free"),
        (updating(NEW), "there is no old pod"),
    ],
)
def test_an_update_that_can_continue_is_not_stuck(look: Snapshot, reason: str) -> None:
    assert stuck_rollout(look.deployments[0], [look.pods[0]], look, resource=RESOURCE) is None, reason


@pytest.mark.parametrize(
    "strategy", [{"type": "Recreate"}, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}]
)
def test_an_update_that_deletes_first_is_never_stuck(strategy: dict[str, Any]) -> None:
    look = updating(NEW, old_pod())
    deleting = {**look.deployments[0], "spec": {"strategy": strategy}}

    assert stuck_rollout(deleting, [look.pods[0]], look, resource=RESOURCE) is None


def test_a_service_that_needs_npus_of_a_removed_service_is_not_waited_for() -> None:
    gone = pod("gone", container(state=running(900)), npus=8, phase="Running", ready=True)
    look = snapshot(
        pod("qwen", npus=8, node="", status={"conditions": []}),
        gone,
        deployments=[deployment("qwen", availableReplicas=0), deployment("gone")],
        nodes=[node()],
    )
    time = FakeTime()
    awaited = [Awaited(WatchedService("qwen", RESOURCE, BUDGET), 900)]
    told = asyncio.run(wait_until_ready(FakeReader([look]), awaited, lambda *_: None, time.clock))

    assert told == ["not waiting for qwen: it needs NPUs that gone still holds, and gone is no longer in the stack"]
    assert 10 <= time.now < 30


def placed_after(looks: list[Snapshot], monkeypatch: pytest.MonkeyPatch, timeout: float = 60) -> float:
    """Seconds until the wait for nodes ended."""
    time = FakeTime()
    monkeypatch.setattr(module.asyncio, "sleep", time.sleep)
    asyncio.run(wait_until_placed(FakeReader(looks), [WatchedService("qwen", RESOURCE, BUDGET)], timeout))
    return time.now


PLACED = snapshot(pod(npus=8), deployments=[deployment(availableReplicas=0)], nodes=[node()])
FULL = snapshot(
    pod(npus=8, node="", status={"conditions": []}),
    pod("llava", npus=8, ready=True, phase="Running"),
    deployments=[deployment(availableReplicas=0), deployment("llava")],
    nodes=[node()],
)
LEAVING = snapshot(
    pod(npus=8, node="", status={"conditions": []}),
    pod("llava", npus=8, metadata={"deletionTimestamp": "2026-11-22T11:59:00Z"}),
    deployments=[deployment(availableReplicas=0)],
    nodes=[node()],
)
CRASHED = container(state=waiting("CrashLoopBackOff"), lastState=ended(1), restartCount=3)
UNSTARTABLE = snapshot(pod("qwen", CRASHED), deployments=[deployment(updatedReplicas=0)], nodes=[node()])


@pytest.mark.parametrize(
    ("look", "seconds", "reason"),
    [
        (PLACED, 0, "every pod has its node, ready or not"),
        (FULL, 4, "nobody is about to leave, so nothing comes of waiting"),
        (LEAVING, 60, "its place is about to be free"),
        (UNSTARTABLE, 0, "the wait for all tells what is wrong"),
    ],
)
def test_the_wait_for_nodes_lasts_while_npus_are_about_to_become_free(
    look: Snapshot, seconds: float, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert placed_after([look], monkeypatch) == seconds, reason


@pytest.mark.parametrize(
    ("made", "placed", "reason"),
    [
        (deployment(availableReplicas=0), True, "ready is not asked for"),
        (deployment(updatedReplicas=0), False, "the pod is of the old template"),
        (deployment(observedGeneration=1), False, "the change is not seen yet"),
        (deployment(replicas=1, updatedReplicas=1), True, "as asked for"),
    ],
)
def test_a_service_is_placed_when_its_new_pods_have_a_node(made: dict[str, Any], placed: bool, reason: str) -> None:
    qwen = WatchedService("qwen", RESOURCE, BUDGET)

    assert is_placed(qwen, snapshot(pod(), deployments=[made])) == placed, reason


def test_a_server_that_exits_with_0_again_and_again_has_ended() -> None:
    again = container(state=waiting("CrashLoopBackOff"), lastState=ended(0, "Completed"), restartCount=4)

    assert ended_of(again)["exitCode"] == 0
    assert ended_of(container(state=ended(0, "Completed"))) == {}
