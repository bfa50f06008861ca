"""The words of `diff`: values on one line, and what happens to a service in a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cli.output.diff.comparison import Comparison
from cli.output.diff.words import counts, headline, notes, npus_lines, refusal, some, values
from models.check import check
from models.report import Report
from review import Detail, StackChange, compare
from tests.review.stacks import stack

ROOM = "(a node is sure to have 1 NPU free), no downtime"


@pytest.mark.parametrize(
    ("old", "new", "shown", "reason"),
    [
        ("1", "2", "1 → 2", "one value for another"),
        (None, "1", "+ 1", "a value comes"),
        ("1", None, "- 1", "a value goes"),
        (None, "", "+", "a switch comes"),
        ("", None, "-", "a switch goes"),
        ("", "", "changed", "a file has another content"),
        ("***", "***", "changed", "a secret is another"),
        ("", "a", "(none) → a", "an empty value gets one"),
        ("a\nb", "a\x1b[0m", "a\\nb → a\\x1b[0m", "a value stays on its line and steers no terminal"),
        ("模型", "千问", "模型 → 千问", "Chinese is written as it is"),
        ("x" * 80, None, f"- {'x' * 60}…", "a long value is cut"),
        (
            "x" * 80 + "a" + "y" * 80,
            "x" * 80 + "b" + "y" * 80,
            f"…{'x' * 10}a{'y' * 49}… → …{'x' * 10}b{'y' * 49}…",
            "two long values are shown where they begin to differ",
        ),
    ],
)
def test_values_are_shown_on_one_line(old: str | None, new: str | None, shown: str, reason: str) -> None:
    assert values(Detail("launch", "A", old, new, "default", restarts=True)) == shown, reason


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ({}, {}, "unchanged, does not restart", "nothing changes"),
        ({}, {"replicas": 2}, "does not restart: replicas changed", "pods are added"),
        ({}, {"image": "a:2"}, f"restarts, because its image changed · surge 1 {ROOM}", "all pods are replaced"),
        (
            {},
            {"image": "a:2", "rollout": "recreate"},
            "restarts, because its image changed · delete old pods first (Pulumi.test.yaml:13), downtime up to 12 min",
            "the only pod goes first",
        ),
        ({"replicas": 2}, {"replicas": 0}, "has no pods, because replicas is 0", "the last pod goes"),
        ({"replicas": 0}, {"image": "a:2"}, "had no pods to restart; its image changed", "there was no pod"),
    ],
)
def test_a_sentence_describes_the_change_of_a_service(
    old: dict[str, Any], new: dict[str, Any], line: str, reason: str
) -> None:
    change = compare(stack({"qwen": old}), stack({"qwen": new}))

    assert headline(change, change.services[0]) == line, reason


def compared(change: StackChange) -> Comparison:
    either = stack({})
    return Comparison(change, either, either, "main", "test", Report(stack="test", services=0))


def environments() -> StackChange:
    dev, prod = stack({"a": {}, "b": {}, "c": {}}), stack({"b": {"replicas": 2}, "c": {}, "d": {"replicas": 3}})
    return compare(replace(dev, name="dev"), replace(prod, name="prod"))


def test_environments_do_not_restart_each_other() -> None:
    change = environments()

    assert [headline(change, one) for one in change.services] == [
        "only in dev, 1 NPU",
        "differs in replicas",
        "alike",
        "only in prod, 3 × 1 NPU",
    ]
    assert counts(compared(change)) == "1 differ, 1 only in prod, 1 only in dev, 1 alike"


def test_pods_without_room_are_shown_with_the_npus() -> None:
    change = compare(stack({"a": {}}), stack({"a": {"npus": 8, "replicas": 3}}))

    assert [*npus_lines(change)] == ["NPUs in snt9b: 1 → 16 of 16", "no room for 1 pod of a"]


def test_an_update_that_larger_running_pods_block_is_shown_with_the_fix() -> None:
    large = {"model": "/m/Qwen2-72B-Instruct", "npus": 8}
    half = {**large, "npus": 4}
    change = compare(stack({"a": large, "b": large}), stack({"a": half, "b": large}))

    assert [*npus_lines(change)][1].startswith("! a: its update starts a pod with 4 NPUs first")
    assert [*npus_lines(change)][1].endswith("write rollout: recreate for a, run pulumi up, and remove it again")


def test_a_rename_is_shown_for_one_stack_and_not_for_two_environments() -> None:
    old, new = stack({"a": {}}), stack({"b": {}})
    other = replace(new, name="other")

    assert [*notes(compared(compare(old, new)))] == [
        "a → b: a renamed service is removed and recreated, with another address"
    ]
    assert [*notes(compared(compare(old, other)))] == []


def test_a_stack_with_errors_counts_no_restarts_because_nothing_is_deployed() -> None:
    old, new = stack({"a": {}}), stack({"a": {"image": "a:2"}, "b": {"npuz": 1}})
    refused = replace(compared(compare(old, new)), report=check(new))

    assert counts(refused) == "1 changed, 0 added, 0 removed, 0 unchanged; nothing is deployed because of 1 error"
    assert refusal(refused) == "pulumi up refuses test, 1 error: ascend-vllm check test"


def test_downtime_that_a_rollout_avoids_is_shown_with_the_edit() -> None:
    change = replace(compare(stack({"a": {}}), stack({"a": {}})), avoidable_downtime=("a",))

    assert [*notes(compared(change))] == [
        "a needs no downtime now, because the services counted first do not restart: write rollout: {maxSurge: 1}"
    ]


def test_many_names_are_counted() -> None:
    assert some(["a", "b"], 2) == "a, b"
    assert some(["a", "b", "c", "d"], 2) == "a, b and 2 more"
