"""A sandbox's nodes follow the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from sandbox.errors import SandboxError
from sandbox.plan import Changes, Node, Plan, changes, fingerprint, manifest

LABELS = {"accelerator/huawei-npu": "ascend-1980"}
ONE = Node("snt9b-1", LABELS, "huawei.com/ascend-1980", 8)
TWO = replace(ONE, name="snt9b-2")


@dataclass(frozen=True)
class Case:
    reason: str
    present: tuple[Node, ...]
    wanted: tuple[Node, ...]
    remove: tuple[str, ...] = ()
    add: tuple[Node, ...] = ()


CASES = [
    Case("an empty cluster gets all nodes", (), (ONE, TWO), add=(ONE, TWO)),
    Case("a cluster that fits is left alone", (ONE, TWO), (ONE, TWO)),
    Case("a pool that grew gets its new node", (ONE,), (ONE, TWO), add=(TWO,)),
    Case("a pool that shrank loses its last node", (ONE, TWO), (ONE,), remove=("snt9b-2",)),
    Case("a node with other NPUs is replaced", (replace(ONE, npus=4),), (ONE,), remove=("snt9b-1",), add=(ONE,)),
    Case("a node with other labels is replaced", (replace(ONE, labels={}),), (ONE,), remove=("snt9b-1",), add=(ONE,)),
    Case("a plan without nodes empties the cluster", (ONE, TWO), (), remove=("snt9b-1", "snt9b-2")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_nodes_follow_the_plan(case: Case) -> None:
    present = {node.name: fingerprint(node) for node in case.present}

    assert changes(present, case.wanted) == Changes(case.remove, case.add)


def test_a_node_that_somebody_else_made_is_removed() -> None:
    assert changes({"stranger": ""}, ()) == Changes(("stranger",), ())


def test_nothing_to_do_is_false() -> None:
    assert not Changes((), ())
    assert Changes(("x",), ())


def test_a_node_offers_its_npus_and_carries_its_labels() -> None:
    node = manifest(ONE)

    assert node["status"]["capacity"] == node["status"]["allocatable"]
    assert node["status"]["allocatable"]["huawei.com/ascend-1980"] == "8"
    assert node["metadata"]["labels"]["accelerator/huawei-npu"] == "ascend-1980"
    assert node["metadata"]["annotations"]["kwok.x-k8s.io/node"] == "fake"


def test_the_context_is_what_kwokctl_calls_the_cluster() -> None:
    assert Plan("ascend-sandbox", ()).context == "kwok-ascend-sandbox"


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a/b", "..", "a b", "x" * 41])
def test_a_name_that_cannot_be_a_context_is_refused(name: str) -> None:
    with pytest.raises(SandboxError) as refused:
        Plan(name, ())

    assert refused.value.exit_code == 2
    assert "a-z" in refused.value.fix


def test_two_nodes_of_one_name_are_refused() -> None:
    with pytest.raises(SandboxError, match="two nodes have the same name"):
        Plan("dev", (ONE, ONE))
