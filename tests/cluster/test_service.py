"""The state of a service: how many pods are ready, since when, and why the others are not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.pods import pod_state
from cluster.service import WatchedService, is_settled, look, state_of
from cluster.status_text import state_text, states_text
from models.words import counted, duration
from tests.cluster.objects import (
    BUDGET,
    RESOURCE,
    ago,
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
from tests.cluster.reader import FakeReader

QWEN = WatchedService("qwen", RESOURCE, BUDGET)
CRASHING = container(state=waiting("CrashLoopBackOff"), lastState=ended(1), restartCount=3)
UNREADY = {"availableReplicas": 0}


@pytest.mark.parametrize(
    ("item", "settled", "reason"),
    [
        (deployment(), True, "all pods are of the current template and ready"),
        (deployment(replicas=0), True, "none is wanted and none is there"),
        (deployment(availableReplicas=0), False, "not ready"),
        (deployment(updatedReplicas=0), False, "of the template before"),
        (deployment(replicas=1) | {"status": {**deployment()["status"], "replicas": 2}}, False, "an old pod is left"),
        (deployment(observedGeneration=1), False, "the controller has not seen the change"),
        ({**deployment(), "status": {}}, False, "just made"),
        (None, False, "not there"),
    ],
)
def test_a_service_is_ready_when_all_replicas_are(item: Any, settled: bool, reason: str) -> None:
    assert is_settled(item) == settled, reason


def test_a_ready_service_needs_no_look_at_its_pods() -> None:
    state = state_of(QWEN, snapshot(deployments=[deployment(replicas=3)]))

    assert (state.ready, state.desired, state.state, state.is_ready) == (3, 3, "Running", True)


def test_a_service_that_is_not_in_the_cluster_is_not_deployed() -> None:
    state = state_of(QWEN, snapshot())

    assert (state.state, state.finding and state.finding.rule) == ("not deployed", "not-deployed")


def test_a_deployment_that_may_not_be_read_is_not_reported_as_missing() -> None:
    state = state_of(QWEN, snapshot(unread={"deployments": "not allowed to list deployments"}))

    assert state.finding is not None
    assert (state.finding.rule, state.finding.message) == ("unread", "not allowed to list deployments")


def test_the_worst_pod_is_reported_and_the_ready_ones_are_counted() -> None:
    well = pod("qwen", container(ready=True), phase="Running", ready=True, metadata={"name": "qwen-1"})
    slow = pod("qwen", container(state=running(9)), phase="Running", metadata={"name": "qwen-2"})
    bad = pod("qwen", CRASHING, phase="Running", metadata={"name": "qwen-3"})
    look = snapshot(
        well, slow, bad, deployments=[deployment(replicas=3, availableReplicas=1)], replica_sets=[replica_set()],
        nodes=[node()], logs={"qwen-3": ("a", "b")},
    )  # fmt: skip
    state = state_of(QWEN, look)

    assert (state.ready, state.desired, state.state, state.pod) == (1, 3, "CrashLoopBackOff", "qwen-3")
    assert state.finding is not None
    assert state.finding.rule == "crash-loop"
    assert state.log == ("a", "b")


def test_pods_of_an_old_template_are_not_to_blame() -> None:
    old = pod("qwen", CRASHING, metadata={"name": "old", "ownerReferences": [{"uid": "rs-old"}]})
    new = pod("qwen", container(state=running(9)), phase="Running", metadata={"name": "new"})
    sets = [replica_set(revision=1, uid="rs-old"), replica_set(revision=2)]
    state = state_of(QWEN, snapshot(old, new, deployments=[deployment(**UNREADY)], replica_sets=sets, nodes=[node()]))

    assert state.pod == "new"


def test_a_pod_that_ended_counts_only_without_another_one() -> None:
    evicted = {"phase": "Failed", "reason": "Evicted", "message": "disk"}
    over = pod("qwen", metadata={"name": "over"}, status=evicted)
    alive = pod("qwen", container(state=running(9)), phase="Running", metadata={"name": "alive"})
    made = {"deployments": [deployment(**UNREADY)], "replica_sets": [replica_set()], "nodes": [node()]}

    assert state_of(QWEN, snapshot(over, alive, **made)).pod == "alive"
    assert state_of(QWEN, snapshot(over, **made)).state == "Evicted"


@pytest.mark.parametrize(
    ("message", "rule", "fix"),
    [
        ('pods "q" is forbidden: violates PodSecurity "restricted:latest"', "pod-security", "enforce=privileged"),
        ('pods "q" is forbidden: exceeded quota: npus', "quota", "raise the ResourceQuota"),
        ("admission webhook denied the request", "pods-refused", "fix the problem in the message"),
    ],
)
def test_pods_that_cannot_be_created_are_reported_with_the_reason_of_the_api_server(
    message: str, rule: str, fix: str
) -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    sets = [replica_set(conditions=[failure])]
    state = state_of(QWEN, snapshot(deployments=[deployment(replicas=1, **UNREADY)], replica_sets=sets))

    assert state.finding is not None
    assert (state.state, state.finding.rule, fix in state.finding.fix) == ("no pod", rule, True)
    assert message in state.finding.message


def test_a_rollout_in_progress_differs_from_a_paused_one() -> None:
    well = pod("qwen", container(ready=True), phase="Running", ready=True)
    moving = deployment(replicas=2, updatedReplicas=1)
    paused = deployment(**UNREADY)
    paused["spec"]["paused"] = True
    rules = [
        finding.rule
        for item in (moving, paused)
        if (finding := state_of(QWEN, snapshot(well, deployments=[item], nodes=[node()])).finding)
    ]

    assert rules == ["rolling", "paused"]


def test_a_ready_service_on_a_lost_node_is_not_well() -> None:
    well = pod("qwen", container(ready=True), phase="Running", ready=True)
    state = state_of(QWEN, snapshot(well, deployments=[deployment()], nodes=[node(ready="Unknown")]))

    assert state.finding is not None
    assert state.finding.rule == "node-lost"


@pytest.mark.parametrize(
    ("item", "state"),
    [
        (pod("q", container(state=waiting("ContainerCreating"))), "ContainerCreating"),
        (pod("q", container(state=ended(1))), "Error"),
        (pod("q", container(state=running(1)), phase="Running"), "Starting"),
        (pod("q", phase="Running", ready=True), "Running"),
        (pod("q", metadata={"deletionTimestamp": ago(1)}), "Terminating"),
        (pod("q", status={"phase": "Failed", "reason": "Evicted"}), "Evicted"),
        (pod("q", status={"initContainerStatuses": [container(state=ended(1))]}), "Init:Error"),
        (pod("q", container(state=waiting("PodInitializing"))), "Pending"),
    ],
)
def test_the_state_of_a_pod_is_a_word(item: dict[str, Any], state: str) -> None:
    assert pod_state(item) == state


def test_a_look_reads_the_last_lines_of_pods_in_trouble_only_and_hides_credentials() -> None:
    bad = pod("qwen", CRASHING, phase="Running")
    well = pod("llava", container(ready=True), phase="Running", ready=True)
    made = snapshot(bad, well, deployments=[deployment(**UNREADY), deployment("llava")], nodes=[node()])
    reader = FakeReader([made], lines=["", "args: --api-key=sk-1  ", "Address already in use"])
    _, states = asyncio.run(look(reader, [QWEN, WatchedService("llava", RESOURCE, BUDGET)], wide=True))

    assert reader.logs_asked == [("qwen-0", "ascend-vllm", True)]
    assert states[0].log == ("args: --api-key=***", "Address already in use")
    assert states[1].is_ready


def test_the_text_of_a_state_contains_the_whole_finding() -> None:
    bad = pod("qwen", CRASHING, phase="Running")
    made = snapshot(bad, deployments=[deployment(**UNREADY)], nodes=[node()], logs={"qwen-0": ("boom",)})
    state = state_of(QWEN, made)
    text = state_text(state)

    assert text.splitlines() == [
        "error[crash-loop]: qwen: the server ended with exit code 1, 3 times",
        "   = why: its last lines show the cause",
        "   = fix: fix the error in its last lines, then run pulumi up",
        "   = last lines of qwen-0:",
        "     | boom",
    ]
    assert states_text([state, state_of(QWEN, snapshot(deployments=[deployment()]))]) == text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (89, "89 s"), (90, "1 min"), (720, "12 min"), (5400, "1 h"), (172_800, "2 d")],
)
def test_time_spans_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_one_is_singular() -> None:
    assert (counted(1, "NPU"), counted(8, "NPU")) == ("1 NPU", "8 NPUs")


def test_a_deployment_that_no_controller_has_looked_at_is_reported() -> None:
    ignored = {**deployment(), "status": {}}
    state = state_of(QWEN, snapshot(deployments=[ignored]))

    assert state.finding is not None
    assert (state.finding.rule, state.finding.severity) == ("not-observed", "error")
    assert state.finding.message == "no controller has looked at the Deployment for 10 min"
