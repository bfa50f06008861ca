"""Downtime that `diff` reports as avoidable, because the services counted first do not restart."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from review import StackChange, compare
from tests.review.stacks import head, stack

Services = dict[str, dict[str, Any]]

THREE_NODES = head(
    "ascend-vllm:cluster:\n  context: prod\n  pools: {snt9b: {nodes: 3, npusPerNode: 8, npuMemory: 64Gi}}\n"
)
A = {"model": "/m/Qwen2-72B-Instruct", "npus": 8, "startup": "30m"}
B = {"model": "/m/Qwen2-72B-Instruct", "npus": 8}
NEW = {"image": "a:2"}
SET = {"rollout": {"maxSurge": 1}}


def changed(old: Services, new: Services) -> StackChange:
    return compare(stack(old, THREE_NODES), stack(new, THREE_NODES))


@pytest.mark.parametrize(
    ("old", "new", "expected", "reason"),
    [
        ({"a": A, "b": B}, {"a": A, "b": {**B, **NEW}}, ("b",), "a does not restart"),
        ({"a": A, "b": B}, {"a": {**A, **NEW}, "b": {**B, **NEW}}, (), "a restarts and gets the free node"),
        ({"a": A, "b": B}, {"a": {**A, **NEW}, "b": B}, (), "a has no downtime"),
        ({"a": A, "b": B}, {"a": A, "b": {**B, **NEW, "rollout": "recreate"}}, (), "the stack file sets it"),
        ({"a": {**A, **SET}, "b": B}, {"a": {**A, **SET}, "b": {**B, **NEW}}, (), "a must keep its room"),
        ({"a": A, "b": B, "c": B}, {"a": A, "b": {**B, **NEW}, "c": B}, (), "no node is free"),
        ({"a": A, "b": B, "c": B}, {"a": A, "b": {**B, **NEW}}, (), "c holds its node until the others are ready"),
        ({"a": A}, {"a": A, "b": B}, (), "a new service is not down"),
    ],
)
def test_downtime_is_avoidable_if_the_services_counted_first_do_not_restart(
    old: Services, new: Services, expected: tuple[str, ...], reason: str
) -> None:
    assert changed(old, new).avoidable_downtime == expected, reason


def test_the_proposed_rollout_is_accepted_and_avoids_the_downtime() -> None:
    new = stack({"a": A, "b": {**B, **NEW, **SET}}, THREE_NODES)
    change = compare(stack({"a": A, "b": B}, THREE_NODES), new)

    assert [finding.rule for finding in check(new).findings if "rollout" in finding.rule] == []
    assert [service.name for service in change.restarting] == ["b"]
    assert change.down == ()
