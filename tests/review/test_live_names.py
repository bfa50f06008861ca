"""A service of the cluster that has another name in the stack is recognized by its weights."""

from __future__ import annotations

from typing import Any

import pytest

from review.drift import Live
from review.live import compare_live
from review.live_names import renamed_services
from tests.review.cluster import Kube
from tests.review.stacks import stack

CLAIM = {"kind": "claim", "name": "weights", "directory": "qwen"}
OTHER = {**CLAIM, "directory": "llama"}


def renamed(running: dict[str, Any], wanted: dict[str, Any]) -> list[tuple[str, str]]:
    live = Live(Kube(stack(running)).objects)
    change, _ = compare_live(stack(wanted), live)
    return list(renamed_services(change, live))


@pytest.mark.parametrize(
    "model",
    ["/m/Qwen2-7B-Instruct", {"source": CLAIM, "name": "Qwen2-7B-Instruct"}],
    ids=["directory", "claim"],
)
def test_a_service_with_the_same_weights_and_another_name_is_the_same_service(model: Any) -> None:
    old = {"qwen": {"model": model}, "other": {"model": "/m/Qwen2-72B-Instruct"}}
    new = {"qwen2": {"model": model, "image": "a:2"}, "other": {"model": "/m/Qwen2-72B-Instruct"}}

    assert renamed(old, new) == [("qwen", "qwen2")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/m/Qwen2-7B-Instruct", "/m/Qwen2-72B-Instruct"),
        (
            {"source": CLAIM, "name": "Qwen2-7B-Instruct"},
            {"source": OTHER, "name": "Qwen2-7B-Instruct"},
        ),
    ],
    ids=["directory", "claim"],
)
def test_a_service_with_other_weights_is_another_service(old: Any, new: Any) -> None:
    assert renamed({"qwen": {"model": old}}, {"qwen2": {"model": new}}) == []


def test_each_service_was_renamed_once() -> None:
    assert renamed({"a": {}}, {"b": {}, "c": {}}) == [("a", "b")]
    assert renamed({"a": {}, "d": {}}, {"b": {}, "c": {}}) == [("a", "b"), ("d", "c")]


def test_a_service_that_still_runs_was_not_renamed() -> None:
    assert renamed({"a": {}}, {"a": {}, "b": {}}) == []
