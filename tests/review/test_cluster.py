"""Changes of the cluster: context, namespace, platform, pools, queues and NPUs."""

from __future__ import annotations

import pytest

from review import compare
from review.changes import PoolChange
from tests.review.stacks import head, stack, values_by_name

POOL = "pools: {snt9b: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi}}"


def cluster(*lines: str) -> str:
    return head("\n  ".join(["ascend-vllm:cluster:", *lines]) + "\n")


BEFORE = cluster("context: prod", POOL)


@pytest.mark.parametrize(
    ("lines", "expected", "moves", "reason"),
    [
        (("context: other", POOL), ("context", "prod", "other"), True, "another cluster"),
        (
            ("context: prod", "namespace: mine", POOL),
            ("namespace.name", "inference", "mine"),
            True,
            "another namespace",
        ),
        (
            ("context: prod", "namespace: {name: inference, create: false}", POOL),
            ("namespace.create", "true", "false"),
            False,
            "the namespace belongs to somebody else now",
        ),
        (("context: prod", "platform: mindcluster", POOL), ("platform.kind", "cce", "mindcluster"), False, "platform"),
        (
            ("context: prod", "platform: {kind: cce, npuSmi: /bin/npu-smi}", POOL),
            ("platform.npuSmi.hostPath", "/usr/local/sbin/npu-smi", "/bin/npu-smi"),
            False,
            "a path of the nodes",
        ),
        (
            ("context: prod", "platform: {kind: cce, npuCounts: [1, 8]}", POOL),
            ("platform.npuCounts", "1, 2, 4, 8, 16", "1, 8"),
            False,
            "a list",
        ),
        (("context: prod", POOL.replace("2", "3")), ("pools.snt9b.nodes", "2", "3"), False, "a node more"),
        (("context: prod",), ("pools.snt9b.nodes", "2", None), False, "no pools any more"),
        (("context: prod", POOL, "queues: {q: {npus: 8}}"), ("queues.q.npus", None, "8"), False, "a queue"),
    ],
)
def test_every_changed_value_of_the_cluster_has_a_detail(
    lines: tuple[str, ...], expected: tuple[str, str | None, str | None], moves: bool, reason: str
) -> None:
    change = compare(stack({"a": {}}, BEFORE), stack({"a": {}}, cluster(*lines)))
    name, *values = expected

    assert values_by_name(change)[name] == tuple(values), reason
    assert change.moves == moves, reason
    assert not change.is_empty


def test_added_and_removed_pools_and_queues_are_listed_with_their_values() -> None:
    queues = cluster("context: prod", "queues: {q: {npus: 8}}")
    there = compare(stack({}, cluster("context: prod")), stack({}, queues))
    back = compare(stack({}, BEFORE), stack({}, cluster("context: prod")))

    assert values_by_name(there).keys() == {"queues.q.npus", "queues.q.weight", "queues.q.create"}
    assert values_by_name(back).keys() == {"pools.snt9b.nodes", "pools.snt9b.npusPerNode", "pools.snt9b.npuMemory"}


def test_a_value_of_the_cluster_names_its_line() -> None:
    change = compare(stack({}, BEFORE), stack({}, cluster("context: other", POOL)))

    assert [(one.name, one.because) for one in change.cluster] == [("context", "Pulumi.test.yaml:3")]


@pytest.mark.parametrize(
    ("before", "after", "expected", "reason"),
    [
        (
            (),
            ("namespace: {name: inference, create: false}",),
            ["namespace inference and everything in it"],
            "given up",
        ),
        ((), ("namespace: mine",), ["namespace inference and everything in it"], "another is made"),
        (("queues: {q: {create: true}}",), (), ["queue q"], "a queue goes"),
        (("queues: {q: {create: true}}",), ("queues: {q: {}}",), ["queue q"], "a queue is somebody else's"),
        (("queues: {q: {}}",), (), [], "a queue was somebody else's all along"),
        ((), (POOL,), [], "nothing goes"),
    ],
)
def test_a_namespace_or_queue_that_is_no_longer_created_is_deleted(
    before: tuple[str, ...], after: tuple[str, ...], expected: list[str], reason: str
) -> None:
    old, new = (stack({}, cluster("context: prod", *lines)) for lines in (before, after))

    assert [*compare(old, new).deletions] == expected, reason


def test_another_platform_restarts_every_service_with_its_reason() -> None:
    change = compare(
        stack({"a": {}}, BEFORE), stack({"a": {}}, cluster("context: prod", "platform: mindcluster", POOL))
    )
    (service,) = change.services

    assert service.restarts
    assert {detail.because for detail in service.details} == {"cluster.platform"}
    assert [detail.name for detail in service.details] == ["nodeSelector", "NPU resource", "mount npu-smi"]


def test_npus_are_counted_before_and_after_the_change() -> None:
    change = compare(
        stack({"a": {"npus": 8}}, BEFORE), stack({"a": {"npus": 8}, "b": {"npus": 2, "replicas": 8}}, BEFORE)
    )

    assert change.pools == (PoolChange("snt9b", 8, 16, 16, 16),)
    assert change.npus == (8, 24)
    assert change.without_room == (("b", 4),)


def test_requested_npus_are_known_without_pools() -> None:
    bare = cluster("context: prod")
    change = compare(stack({"a": {}}, bare), stack({"a": {"replicas": 3}}, bare))

    assert (change.pools, change.npus, change.without_room) == ((), (1, 3), ())
