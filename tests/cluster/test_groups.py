"""Services over several nodes: when a group is ready, which member keeps it back, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cluster.groups.progress import is_settled
from cluster.service import State, WatchedService, state_of
from cluster.snapshot import Snapshot
from tests.cluster.group_objects import (
    group,
    group_set,
    member,
    recreation,
    stateful_set_event,
)
from tests.cluster.objects import BUDGET, RESOURCE, ago, ended, node, queue, snapshot, waiting
from tests.cluster.objects import group as pod_group

SERVICE = WatchedService("deepseek", RESOURCE, BUDGET, nodes=2)
NODES = [node("node-1"), node("node-2")]


def seen(*pods: dict[str, Any], group_sets: list[Any] | None = None, **kinds: Any) -> Snapshot:
    """A snapshot of one set with two nodes, unless others are given."""
    kinds.setdefault("nodes", NODES)
    return snapshot(*pods, leader_worker_sets=group_sets or [group_set()], **kinds)


def state(*pods: dict[str, Any], group_sets: list[Any] | None = None, **kinds: Any) -> State:
    return state_of(SERVICE, seen(*pods, group_sets=group_sets, **kinds))


def told(*pods: dict[str, Any], **kinds: Any) -> tuple[str, str]:
    """Rule and message of the finding."""
    finding = state(*pods, **kinds).finding
    assert finding is not None
    return finding.rule, finding.message


def test_a_service_is_ready_when_all_members_of_all_groups_are() -> None:
    found = state(*group())

    assert found.is_ready
    assert (found.ready, found.updated, found.desired, found.unit) == (1, 1, 1, "group")
    assert found.nodes == ("node-1", "node-2")


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 1},
        {"updatedReplicas": 0},
        {"readyReplicas": 0},
        {"replicas": 2},
        {"conditions": ()},
    ],
    ids=lambda status: next(iter(status)),
)
def test_a_status_that_is_out_of_date_or_partial_is_not_ready(status: dict[str, Any]) -> None:
    conditions = status.pop("conditions", ("Available",))

    assert not is_settled(group_set(conditions=conditions, **status), group())


def test_the_status_of_a_controller_that_does_not_run_is_not_believed() -> None:
    assert is_settled(group_set(), group())
    assert not is_settled(group_set(), [member(0)])
    assert not is_settled(group_set(), [member(0), member(1, ready=False)])
    assert not is_settled(group_set(), [member(0), member(1, metadata={"deletionTimestamp": ago(1)})])


def test_a_service_with_no_groups_is_ready_without_the_condition() -> None:
    assert is_settled(group_set(replicas=0, conditions=()), [])


def test_groups_that_a_partition_keeps_on_the_old_template_are_not_waited_for() -> None:
    canary = group_set(replicas=3, updatedReplicas=1)
    canary["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]["partition"] = 2
    pods = [pod for index in range(3) for pod in group(index)]

    assert is_settled(canary, pods)


def test_a_group_on_a_pool_with_one_node_too_few_names_the_nodes_that_are_held() -> None:
    other = [member(0, service="qwen", size=1)]
    pending = group(nodes=("", ""))

    rule, message = told(*pending, holders=other, group_sets=[group_set(readyReplicas=0)])

    assert rule == "gang-waiting"
    assert message == (
        "the group needs 8 free NPUs on each of 2 nodes, but only 1 pod fits:"
        " node-1 is held by qwen (8), node-2 has 8 in total"
    )


def test_a_group_that_no_cluster_of_this_size_can_run_is_reported_as_such() -> None:
    rule, message = told(*group(nodes=("", "", "")), group_sets=[group_set(size=3, readyReplicas=0)])

    assert rule == "group-too-large"
    assert "a group has 3 pods with 8 NPUs each, and all nodes together have room for 2" in message


def test_the_quota_of_a_queue_is_compared_with_the_whole_group() -> None:
    rule, message = told(
        *group(nodes=("", "")),
        queues=[queue("default", npus=12)],
        pod_groups=[pod_group("deepseek-group-0-new", 2)],
        group_sets=[group_set(readyReplicas=0)],
    )

    assert rule == "queue-full"
    assert "has 12 of 12 NPUs left, and the 2 pods of the group request 16" in message


def test_an_unknown_queue_is_found_though_volcano_says_nothing() -> None:
    of_set = pod_group("deepseek-group-0-new", 2)
    of_set["spec"]["queue"] = "nowhere"
    of_set["status"] = {}

    rule, message = told(
        *group(nodes=("", "")),
        queues=[queue("default")],
        pod_groups=[of_set],
        group_sets=[group_set(readyReplicas=0)],
    )

    assert rule == "no-queue"
    assert message.endswith("the queue nowhere does not exist; the cluster has: default")


def test_the_member_that_does_not_fit_is_blamed_and_not_the_one_that_does() -> None:
    fits = {"conditions": [{"type": "PodScheduled", "message": "can possibly be assigned to node-1, once ..."}]}
    fails = {"conditions": [{"type": "PodScheduled", "message": "0/2 nodes are available: 2 taint x."}]}
    pods = [member(0, node="", status=fits), member(1, node="", status=fails)]

    found = state(*pods, group_sets=[group_set(readyReplicas=0)])

    assert found.pod == "deepseek-group-0-1"
    assert found.finding
    assert found.finding.message.startswith("worker 1 keeps the group back: ")


def test_an_update_whose_additional_group_has_no_nodes_says_how_to_get_out() -> None:
    stuck = group_set(surge=1, conditions=("UpdateInProgress",), replicas=1, updatedReplicas=1)
    pods = [*group(revision="old"), *group(1, nodes=("", ""))]

    found = state(*pods, group_sets=[{**stuck, "status": {**stuck["status"], "replicas": 2}}])

    assert found.finding
    assert found.finding.rule == "group-surge-stuck"
    assert "write rollout: {maxSurge: 0, maxUnavailable: 1} and run pulumi up" in found.finding.fix


@pytest.mark.parametrize(("updated", "progress"), [(0, "has not begun"), (1, "stops after 1 of 2 groups")])
def test_an_update_that_waits_for_a_group_that_does_not_fit_names_it(updated: int, progress: str) -> None:
    waits = group_set(conditions=("UpdateInProgress",), replicas=2, updatedReplicas=updated, readyReplicas=1)
    pods = [*group(revision="old"), *group(1, nodes=("", ""))]

    found = state(*pods, group_sets=[waits])

    assert found.finding
    assert found.finding.rule == "group-update-waits"
    assert found.finding.message.startswith(f"the update {progress}, because group 1 does not fit: ")
    assert "write replicas: 1 and run pulumi up" in found.finding.fix


def test_a_silent_node_is_reported_with_three_ways_out() -> None:
    nodes = [node("node-1"), node("node-2", ready="Unknown")]
    pods = [member(0, metadata={"deletionTimestamp": ago(90)}), member(1, node="node-2", ready=False)]

    found = state(*pods, nodes=nodes, group_sets=[group_set(readyReplicas=0)])

    assert found.finding
    assert found.finding.message.startswith("worker 1 on node-2 keeps the group back: the node node-2 has not been")
    assert found.finding.why.endswith("the rest of the group keeps the NPUs of node-1 (8)")
    assert found.finding.fix.split("; ")[1:] == [
        "if the node is certainly off, take one of three ways:"
        " kubectl taint node node-2 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
        " (remove the taint when the node is back)",
        "kubectl delete node node-2",
        "kubectl -n inference delete pod deepseek-group-0-1 --force --grace-period=0",
    ]


def test_a_silent_node_is_reported_although_the_group_still_counts_as_ready() -> None:
    rule, message = told(*group(), nodes=[node("node-1"), node("node-2", ready="Unknown")])

    assert rule == "node-lost"
    assert "worker 1 on node-2" in message


def test_groups_that_are_recreated_again_and_again_are_found_in_the_events() -> None:
    events = [recreation("deepseek-group-0-1", seconds) for seconds in (3, 5, 7)]

    found = state(*group(ready=False), events=events, group_sets=[group_set(readyReplicas=0)])

    assert found.finding
    assert found.finding.message == ("worker 1 ended again and again: the whole group was recreated 3 times in 7 s")
    assert found.pod == "deepseek-group-0-1"


def test_recreations_before_the_last_change_or_long_ago_do_not_count() -> None:
    recent = [recreation("deepseek-group-0-1", seconds) for seconds in (40, 50, 60)]
    long_ago = [recreation("deepseek-group-0-1", seconds) for seconds in (400, 500, 600)]
    corrected = [group_set(readyReplicas=0, changed=30)]

    for events in (recent, long_ago):
        rule, _ = told(*group(ready=False), events=events, group_sets=corrected)
        assert rule != "group-crash-loop"


def test_events_that_kubernetes_counts_together_count_each() -> None:
    event = {**recreation("deepseek-group-0", 5), "series": {"count": 4, "lastObservedTime": ago(2)}}

    rule, message = told(*group(ready=False), events=[event], group_sets=[group_set(readyReplicas=0)])

    assert rule == "group-crash-loop"
    assert message.startswith("leader ended again and again: the whole group was recreated 4 times")


HCCL = "[ERROR] HCCL(7,python):2026-11-29-10:00:00 EI0001: HCCL_SOCKET_IFNAME eth1 not found"
TIMEOUT = "RuntimeError: EI0006: Getting socket times out. Reason: Remote Rank did not send the data in time"


def test_the_member_whose_log_has_the_cause_is_blamed_and_not_those_that_noticed_it() -> None:
    pods = [member(0, ready=False), member(1, node="node-2")]
    logs = {"deepseek-group-0": (TIMEOUT,), "deepseek-group-0-1": (HCCL,)}

    found = state(*pods, logs=logs, group_sets=[group_set(readyReplicas=0)])

    assert found.finding
    assert found.finding.rule == "group-member-failed"
    assert found.finding.message.startswith("worker 1 on node-2 keeps the group back: ")
    assert found.log == (HCCL,)


REPORT = (
    "group: rank 1 is connected",
    "group: the server of rank 0 ended with code 1 first (attempt 1 of 5)",
    "group: rank 0: Killed",
    "INFO starting again",
    "group: the server of rank 1 ended with code 1 first (attempt 2 of 5)",
    "group: rank 1: loading",
    f"group: rank 1: {HCCL}",
)


@pytest.mark.parametrize("gave_up", [False, True])
def test_the_server_that_ended_first_is_blamed_as_the_leader_reports_it(gave_up: bool) -> None:
    log = (
        (*REPORT, "group: gave up after 5 attempts; the pods wait for an update of the service") if gave_up else REPORT
    )
    pods = [member(0, ready=False), member(1, node="node-2")]
    logs = {"deepseek-group-0": (*log, "INFO loading weights"), "deepseek-group-0-1": ("loading", HCCL)}

    found = state(*pods, logs=logs, group_sets=[group_set(readyReplicas=0)])

    assert found.finding
    assert found.finding.rule == ("group-gave-up" if gave_up else "group-member-failed")
    assert found.finding.message == (
        "worker 1 on node-2 keeps the group back: the server ended with code 1 first (attempt 2 of 5):"
        " a variable of the NPUs' communication has a wrong value (HCCL)"
    )
    assert found.pod == "deepseek-group-0-1"
    assert found.log == ("loading", HCCL)


def test_what_is_wrong_with_groups_of_the_old_template_does_not_fail_the_update_that_replaces_them() -> None:
    log = {"deepseek-group-0": (*REPORT, "group: gave up after 5 attempts; the pods wait")}
    pods = group(ready=False, revision="old")
    begun = group_set(conditions=("UpdateInProgress",), updatedReplicas=0, readyReplicas=0)

    for item in (begun, group_set(observedGeneration=1, readyReplicas=0, changed=2)):
        rule, _ = told(*pods, logs=log, group_sets=[item])
        assert rule == "rolling"


def test_a_pod_that_has_no_image_now_counts_more_than_a_report_of_an_earlier_attempt() -> None:
    pulling = {"name": "ascend-vllm", "ready": False, "state": waiting("InvalidImageName", "x")}
    pods = [member(0, ready=False), member(1, pulling, node="node-2", ready=False)]

    rule, _ = told(*pods, logs={"deepseek-group-0": REPORT}, group_sets=[group_set(readyReplicas=0)])

    assert rule == "image-name"


def test_the_member_that_ended_first_is_blamed() -> None:
    back_off = waiting("CrashLoopBackOff", "back-off 40s")

    def crashed(seconds: float) -> dict[str, Any]:
        end = ended(1)
        end["terminated"]["finishedAt"] = ago(seconds)
        return {"name": "ascend-vllm", "ready": False, "restartCount": 3, "state": back_off, "lastState": end}

    pods = [member(0, crashed(20), ready=False), member(1, crashed(40), node="node-2", ready=False)]

    found = state(*pods, group_sets=[group_set(readyReplicas=0)])

    assert found.pod == "deepseek-group-0-1"
    assert found.finding
    assert found.finding.rule == "crash-loop"


def test_a_worker_that_pulls_its_image_is_named_and_not_the_leader_that_waits_for_it() -> None:
    creating = {"name": "ascend-vllm", "ready": False, "restartCount": 0, "state": waiting("ImagePullBackOff", "x")}
    pods = [member(0, ready=False), member(1, creating, node="node-2", ready=False)]

    found = state(*pods, group_sets=[group_set(readyReplicas=0)])

    assert found.pod == "deepseek-group-0-1"
    assert found.finding
    assert found.finding.message.startswith("worker 1 on node-2 keeps the group back: ")


def test_with_several_groups_the_member_is_named_with_its_group() -> None:
    pods = [*group(0), member(0, group=1, node="node-3"), member(1, group=1, node="node-4", ready=False)]
    nodes = [*NODES, node("node-3"), node("node-4")]

    _, message = told(*pods, nodes=nodes, group_sets=[group_set(replicas=2, readyReplicas=1)])

    assert message.startswith("worker 1 of group 1 on node-4 keeps the group back: ")


def test_a_controller_that_does_not_answer_is_reported_though_the_set_says_available() -> None:
    text = 'failed calling webhook "mpod.kb.io": Post "https://lws": connect: connection refused'
    events = [stateful_set_event("deepseek-group", "FailedCreate", text)]

    rule, message = told(member(1), events=events)

    assert rule == "group-controller-down"
    assert message == f"the LeaderWorkerSet controller does not answer: {text}"


def test_a_creation_that_failed_before_it_succeeded_is_no_problem() -> None:
    events = [
        stateful_set_event("deepseek-group", "FailedCreate", "exceeded quota: q", 60),
        stateful_set_event("deepseek-group", "SuccessfulCreate", "create Pod", 5),
    ]

    rule, _ = told(member(0, ready=False), events=events, group_sets=[group_set(readyReplicas=0)])

    assert rule != "quota"


def test_a_quota_of_the_namespace_that_refuses_workers_is_reported() -> None:
    events = [stateful_set_event("deepseek-group-0", "FailedCreate", "pods x is forbidden: exceeded quota: q")]

    rule, message = told(member(0, node=""), events=events, group_sets=[group_set(readyReplicas=0)])

    assert rule == "quota"
    assert "exceeded quota: q" in message


@pytest.mark.parametrize(
    ("length", "replicas", "is_too_long"), [(44, 10, False), (44, 11, True), (45, 1, True), (43, 100, False)]
)
def test_a_name_without_room_for_the_hash_of_kubernetes_is_refused(
    length: int, replicas: int, is_too_long: bool
) -> None:
    service = "d" * length
    item = group_set(service, replicas, readyReplicas=0)

    found = state_of(replace(SERVICE, name=service), seen(group_sets=[item]))

    assert found.finding
    assert (found.finding.rule == "group-name-too-long") is is_too_long


def test_a_set_that_no_controller_looks_at_is_reported_after_half_a_minute() -> None:
    fresh = told(group_sets=[group_set(observedGeneration=1, changed=5)])
    old = told(group_sets=[group_set(observedGeneration=1, changed=45)])

    assert fresh[0] == "rolling"
    assert old == (
        "group-controller-down",
        "no controller has looked at the LeaderWorkerSet deepseek-group for 45 s",
    )


def test_a_change_that_kubernetes_refuses_is_reported_with_its_reason() -> None:
    item = group_set(observedGeneration=1, changed=5)
    event = {
        **recreation("x", 3),
        "reason": "FailedUpdate",
        "message": "Failed to update leader statefulset: Forbidden",
    }

    rule, message = told(*group(), events=[event], group_sets=[item])

    assert rule == "group-update-refused"
    assert message.endswith("Failed to update leader statefulset: Forbidden")
