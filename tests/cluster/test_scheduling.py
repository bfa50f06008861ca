"""Why a pod has no node: the queue, the nodes, the NPUs, the gang."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.diagnosis.diagnose import diagnose
from cluster.snapshot import Snapshot
from models.finding import Finding
from tests.cluster.objects import BUDGET, RESOURCE, ago, event, group, node, pod, queue, snapshot

UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes: cpu"}


def pending(npus: int = 8, **parts: Any) -> dict[str, Any]:
    parts.setdefault("status", {"conditions": [UNSCHEDULABLE]})
    return pod("qwen2-72b", npus=npus, node="", **parts)


def other(name: str, npus: int, on: str, namespace: str = "inference", **parts: Any) -> dict[str, Any]:
    """A running pod of another service, or of another namespace."""
    mine = {"metadata": {"name": f"{name}-0", "namespace": namespace, "labels": {}, "ownerReferences": []}}
    return pod(name, npus=npus, node=on, phase="Running", ready=True, **(mine if namespace != "inference" else parts))


def judged(waits: dict[str, Any], look: Snapshot) -> Finding:
    finding = diagnose(waits, look, resource=RESOURCE, startup=BUDGET)
    assert finding is not None
    assert (bool(finding.why), bool(finding.fix)) == (True, True)
    return finding


def test_the_holders_of_the_npus_of_each_node_are_named() -> None:
    waits = pending()
    holders = [other("llava", 2, "node-1"), other("foo", 8, "node-2", "team"), other("llava", 1, "node-1")]
    finding = judged(waits, snapshot(waits, holders=holders, nodes=[node("node-1"), node("node-2")]))

    assert finding.rule == "no-free-npus"
    assert finding.message == "no node has 8 free NPUs: node-1 is held by llava (3), node-2 is held by team/foo-0 (8)"


NODES = [node("node-1"), node("node-2")]
GANG = {"annotations": {"scheduling.k8s.io/group-name": "podgroup-1"}}


@pytest.mark.parametrize(
    ("waits", "look", "rule", "message"),
    [
        (
            pending(1),
            {"nodes": [node("node-1", cordoned=True, unschedulable=True)]},
            "no-free-npus",
            "no node has 1 free NPU: node-1 is cordoned",
        ),
        (pending(1), {"nodes": [node("node-1", ready="Unknown")]}, "no-free-npus", "node-1 is not ready"),
        (
            pending(1),
            {"nodes": [node("node-1", taints=[{"key": "npu-fault", "effect": "NoSchedule"}])]},
            "no-free-npus",
            "node-1 is tainted npu-fault",
        ),
        (
            pending(8),
            {"nodes": NODES, "holders": [other("a", 1, "node-1"), other("b", 1, "node-2")]},
            "no-free-npus",
            "node-1 is held by a (1), node-2 is held by b (1)",
        ),
        (pending(16), {"nodes": NODES}, "too-many-npus", "no node has 16 NPUs: the largest has 8"),
        (
            pending(1, spec={"nodeSelector": {"pool": "gone"}}),
            {"nodes": NODES},
            "no-matching-node",
            "no node has the labels pool=gone",
        ),
        (pending(1), {"nodes": [node(npus=0)]}, "no-npu-resource", f"no node offers {RESOURCE}"),
        (
            pending(1, metadata={"annotations": {"scheduling.volcano.sh/queue-name": "research"}}),
            {"nodes": NODES, "queues": [queue(), queue("prod"), queue("root")]},
            "no-queue",
            "the queue research does not exist; the cluster has: default, prod",
        ),
        (
            pending(1),
            {"nodes": NODES, "queues": [queue(state="Closed")]},
            "queue-closed",
            "the queue default is closed",
        ),
        (
            pending(4),
            {"nodes": NODES, "queues": [queue(npus=8)], "holders": [other("llava", 6, "node-1")]},
            "queue-full",
            "the queue default has 2 of 8 NPUs left, and the pod requests 4: used by llava (6)",
        ),
        (
            pending(1, metadata=GANG),
            {"nodes": NODES, "pod_groups": [group("podgroup-1", 3)]},
            "gang-waiting",
            "Volcano starts 3 pods together or none, and only 1 exist",
        ),
        (
            pending(1),
            {"nodes": NODES, "unknown_kinds": frozenset({"podgroups"})},
            "no-volcano",
            "the cluster has no Volcano",
        ),
        (
            pending(1, status={"conditions": []}),
            {"nodes": NODES},
            "not-scheduled",
            "the scheduler volcano has not looked at the pod",
        ),
        (pending(1), {"nodes": NODES}, "unschedulable", "no node accepts the pod: 0/2 nodes: cpu"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_pod_without_a_node_is_explained(
    waits: dict[str, Any], look: dict[str, Any], rule: str, message: str
) -> None:
    finding = judged(waits, snapshot(waits, **look))

    assert finding.rule == rule
    assert message in finding.message
    assert finding.severity == "error"


def test_a_gang_that_does_not_fit_is_reported_with_the_number_that_fits() -> None:
    pods = [pending(8, metadata={**GANG, "name": f"qwen-{number}"}) for number in range(2)]
    held = [other("llava", 2, "node-1")]
    finding = judged(pods[0], snapshot(*pods, nodes=NODES, holders=held, pod_groups=[group("podgroup-1", 2)]))

    assert finding.rule == "gang-waiting"
    assert finding.message.startswith(
        "Volcano starts 2 pods together or none, and only 1 fit: node-1 is held by llava (2)"
    )


def test_a_pod_that_volcano_does_not_admit_is_reported_with_the_admitted_owners() -> None:
    waits = pending(1, metadata=GANG)
    groups = [
        group("podgroup-1", phase="Pending"),
        group("a", npus=16, of="huge-model"),
        group("train", npus=32, namespace="team"),
        group("b", npus=8, phase="Running", of="llava"),
        group("c", npus=0, of="cpu-only"),
    ]
    finding = judged(waits, snapshot(waits, nodes=NODES, pod_groups=groups[:1], cluster_groups=groups))

    assert finding.rule == "queue-held"
    assert finding.message.endswith("free NPUs for pods that it admitted earlier: team/train (32), huge-model (16)")


def test_an_admitted_pod_is_not_reported_as_held_back() -> None:
    waits = pending(1, metadata=GANG)
    groups = [group("podgroup-1"), group("a", npus=16, of="huge-model")]

    assert (
        judged(waits, snapshot(waits, nodes=NODES, pod_groups=groups[:1], cluster_groups=groups)).rule
        == "unschedulable"
    )


def test_pods_that_ended_hold_no_npus() -> None:
    waits = pending(8)
    over = other("llava", 8, "node-1") | {"status": {"phase": "Succeeded"}}
    finding = judged(waits, snapshot(waits, holders=[over], nodes=[node()]))

    assert finding.rule == "unschedulable"


def test_a_tolerated_taint_does_not_exclude_a_node() -> None:
    taint = {"key": "npu", "value": "yes", "effect": "NoSchedule"}
    for toleration in (
        {"operator": "Exists"},
        {"key": "npu", "operator": "Exists"},
        {"key": "npu", "value": "yes", "effect": "NoSchedule"},
    ):
        waits = pending(1, spec={"tolerations": [toleration]})

        assert judged(waits, snapshot(waits, nodes=[node(taints=[taint])])).rule == "unschedulable"


def test_after_the_first_full_nodes_the_others_are_counted() -> None:
    waits = pending(8)
    nodes = [node(f"node-{number}") for number in range(1, 10)]
    holders = [other("llava", 1, f"node-{number}") for number in range(1, 10)]

    assert judged(waits, snapshot(waits, nodes=nodes, holders=holders)).message.endswith(
        "held by llava (1), and 3 more"
    )


def test_without_nodes_the_scheduler_is_quoted_and_the_unread_kind_named() -> None:
    waits = pending(8)
    finding = judged(waits, snapshot(waits, unread={"nodes": "not allowed to list nodes"}))

    assert finding.rule == "unschedulable"
    assert "0/2 nodes: cpu" in finding.message
    assert "not read: not allowed to list nodes" in finding.why


def test_a_new_pod_is_not_an_error_yet() -> None:
    waits = pending(1, status={"conditions": []}, metadata={"creationTimestamp": ago(2)})
    finding = judged(waits, snapshot(waits, nodes=NODES))

    assert (finding.severity, finding.message) == ("warning", "the scheduler has not reported anything yet")


def test_an_event_explains_a_pod_without_conditions() -> None:
    waits = pending(1, status={"conditions": []}, metadata={"creationTimestamp": ago(2)})
    said = event(waits, "FailedScheduling", "pod group is not ready,\n1 Pending")

    assert judged(waits, snapshot(waits, nodes=NODES, events=[said])).message.endswith(
        "pod group is not ready, 1 Pending"
    )
