"""The preflight in a comparison: what it compares, and neither its script nor what follows from another field."""

from __future__ import annotations

from typing import Any

import pytest

from models.launch import preflight
from review import ServiceChange
from review.drift import Live
from review.live import compare_live
from tests.review.cluster import Kube
from tests.review.stacks import changed, stack, values_by_name

PLUGIN = {"image": "quay.io/ascend/vllm-ascend:v0.23.0"}


def live(running: Kube) -> ServiceChange:
    (service,) = compare_live(stack({"qwen": {}}), Live(running.objects))[0].services
    return service


def test_a_preflight_that_is_left_out_restarts_the_pods() -> None:
    change = changed({}, {"preflight": False})

    assert change.restarts
    assert values_by_name(change) == {"init container preflight": ("", None)}


@pytest.mark.parametrize(
    ("old", "new", "details"),
    [
        (PLUGIN, {**PLUGIN, "graph": "eager"}, {"oldest driver": ("25.5.1", None)}),
        (PLUGIN, {"image": f"{PLUGIN['image']}-a3"}, {}),
    ],
)
def test_only_facts_of_the_preflight_itself_are_named(
    old: dict[str, Any], new: dict[str, Any], details: dict[str, Any]
) -> None:
    found = values_by_name(changed(old, new))

    assert details.items() <= found.items()
    assert not any("preflight" in name for name in found)


def test_facts_of_the_model_are_compared() -> None:
    found = values_by_name(changed({}, {"model": {"source": "/m/Qwen2-7B", "facts": {"hiddenSize": 4096}}}))

    (old, new) = found["model of the preflight"]
    assert (old or "").replace("hiddenSize 3584", "hiddenSize 4096") == new


def test_another_script_in_the_cluster_is_a_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Kube(stack({"qwen": {}}))
    monkeypatch.setattr(preflight, "_PYTHON", "exec true")

    found = values_by_name(live(running))

    (old, new) = found["initContainers[preflight].command"]
    assert (old or "").startswith("sha256 ")
    assert (new or "").startswith("sha256 ")
    assert old != new
    assert len(new or "") < 30
