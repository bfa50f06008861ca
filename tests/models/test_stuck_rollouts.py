"""Updates that running pods of another size leave no room for."""

from __future__ import annotations

from typing import Any

import pytest

from models.rules.resources.capacity import updates_that_would_hang
from tests.review.stacks import head, stack

TWO_NODES = head(
    "ascend-vllm:cluster:\n  context: prod\n  pools: {snt9b: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi}}\n"
)
QUOTA = head(
    "ascend-vllm:cluster:\n  context: prod\n  queues: {small: {npus: 8}}\n"
    "  pools: {snt9b: {nodes: 4, npusPerNode: 8, npuMemory: 64Gi}}\n"
)
LARGE = {"model": "/m/Qwen2-72B-Instruct", "npus": 8}
HALF = {**LARGE, "npus": 4}


def refused(services: dict[str, Any], before: dict[str, int], cluster: str = TWO_NODES) -> list[str]:
    found = [*updates_that_would_hang(stack(services, cluster), before)]
    assert {one.rule for one in found} <= {"rollout-would-hang"}
    return [one.message.partition(":")[0] for one in found]


@pytest.mark.parametrize(
    ("services", "before", "expected", "reason"),
    [
        ({"a": HALF, "b": LARGE}, {"a": 8, "b": 8}, ["a"], "both nodes are held whole"),
        ({"a": HALF, "b": HALF}, {"a": 8, "b": 8}, ["a", "b"], "each waits for its own old pod"),
        ({"a": HALF}, {"a": 8}, [], "a node is free"),
        ({"a": {**HALF, "rollout": "recreate"}, "b": LARGE}, {"a": 8, "b": 8}, [], "it deletes first"),
        (
            {"a": {**HALF, "rollout": "recreate"}, "b": HALF},
            {"a": 8, "b": 8},
            [],
            "what deletes first leaves room to the other",
        ),
        ({"a": {**HALF, "replicas": 0}, "b": LARGE}, {"b": 8}, [], "it has no pods any more"),
        ({"a": HALF, "b": LARGE}, {"b": 8}, [], "it is new"),
        ({"a": HALF, "b": LARGE}, {"a": 4, "b": 8}, [], "its size stays"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_update_is_refused_when_larger_pods_leave_it_no_room(
    services: dict[str, Any], before: dict[str, int], expected: list[str], reason: str
) -> None:
    assert refused(services, before) == expected, reason


def test_the_quota_of_a_queue_counts_the_pods_that_run() -> None:
    services = {"a": {"npus": 1, "queue": "small"}}

    assert refused(services, {"a": 8}, QUOTA) == ["a"]
    assert refused(services, {"a": 4}, QUOTA) == []


def test_a_service_whose_pods_stay_needs_no_additional_pod() -> None:
    services = stack({"a": HALF, "b": HALF}, TWO_NODES)

    assert [*updates_that_would_hang(services, {"a": 8, "b": 4})] != []
    assert [*updates_that_would_hang(services, {"a": 8, "b": 4}, unchanged={"b"})] == []
