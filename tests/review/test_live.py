"""Comparison of a stack with the objects of its cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models.launch.launch import launch
from models.manifests import service_objects, stack_objects
from review import ServiceChange, StackChange
from review.drift import Live
from review.live import compare_live
from review.live_launch import live_launch
from tests.review.cluster import CONTAINER, Kube, applied, edit
from tests.review.stacks import changed, head, stack, values_by_name

VALUES = ["", "it's", "a $(b) `c`", "two\nlines", "x=y z", "你好", '"', "#no", "back\\slash"]
FEATURES: list[dict[str, Any]] = [
    {},
    {"env": {f"V{number}": value for number, value in enumerate(VALUES)}},
    {"engine": {"servedModelName": ["it's", "a b"]}},
    {"server": "api_server"},
    {"mindSpeed": "install", "model": "/m/Mixtral-8x7B-Instruct-v0.1", "npus": 4},
    {"graph": {"kind": "pta", "warmUp": True}},
    {"server": {"chatTemplate": {"inline": "{{ a }}\n\n{{ b }}\n"}}},
    {"env": {"LD_LIBRARY_PATH": {"prepend": "/opt/a b:/opt/it's"}}},
    {"env": {"PATH": {"append": "/opt/bin"}, "A": {"prepend": "/a", "append": "b c"}}},
    {"env": {"PYTHONPATH": "/opt/python"}},
    {"env": {"PYTHONPATH": {"prepend": "/opt/python"}}},
    {"env": {"POD_IP": {"field": "status.podIP"}, "TOKEN": {"secret": "a", "key": "b"}}},
    {"image": "quay.io/ascend/vllm-ascend:v0.18.0"},
    {"image": "quay.io/ascend/vllm-ascend:v0.23.0-310p", "env": {"LD_PRELOAD": "/opt/lib.so"}},
    {
        "image": "quay.io/ascend/vllm-ascend:v0.30.0-a3",
        "model": "/m/Qwen3-32B W8A8",
        "quantization": "ascend",
        "speculative": {"kind": "ngram", "tokens": 3, "promptLookupMax": 4},
        "readOnlyRootFilesystem": True,
    },
]


@pytest.mark.parametrize("feature", FEATURES, ids=str)
def test_a_launch_is_read_back_from_its_map(feature: dict[str, Any]) -> None:
    (service,) = stack({"qwen": feature}).services
    launch_map, *_ = service_objects(service)

    assert live_launch(launch_map["data"]) == launch(service)


def test_another_image_of_a_release_changes_its_libraries() -> None:
    image = {"image": "quay.io/ascend/vllm-ascend:v0.23.0"}
    change = only(live(kube({"qwen": image}), {"qwen": {"image": f"{image['image']}-310p"}}))

    assert {name for name in values_by_name(change) if name != "image"} == {"libraries of the image"}


@pytest.mark.parametrize("text", ["", "echo hi\n", "source a || true\nexec 'open\n", "source ' || true\nexec a\n"])
def test_a_script_of_another_program_is_not_read(text: str) -> None:
    assert live_launch({"run_vllm.sh": text}) is None


def live(kube: Kube, services: dict[str, Any]) -> StackChange:
    return compare_live(stack(services), Live(kube.objects))[0]


def only(change: StackChange) -> ServiceChange:
    (service,) = change.services
    return service


def kube(services: dict[str, Any] | None = None) -> Kube:
    return Kube(stack(services or {"qwen": {}}))


def test_a_cluster_that_matches_the_stack_is_unchanged() -> None:
    change = live(kube(), {"qwen": {}})

    assert (change.is_empty, only(change).kind) == (True, "unchanged")


@pytest.mark.parametrize(
    "new",
    [
        {"engine": {"maxModelLen": 16384}},
        {"prefixCaching": True, "env": {"A": "1"}},
        {"server": {"port": 9}},
        {"server": "api_server"},
        {"image": "a:2", "replicas": 2},
        {"npus": 2},
        {"graph": {"kind": "pta", "warmUp": True}},
    ],
    ids=str,
)
def test_a_changed_stack_file_restarts_for_the_same_launch_as_against_the_file_that_was_applied(
    new: dict[str, Any],
) -> None:
    from_file, from_cluster = changed({}, new), only(live(kube(), {"qwen": new}))
    flags = {one for one in from_file.details if one.part in ("launch", "image", "replicas")}

    assert from_cluster.restarts == from_file.restarts
    assert flags <= {*from_cluster.details}


def test_changed_npus_have_one_detail() -> None:
    change = live(kube(), {"qwen": {"npus": 2}})

    assert values_by_name(only(change))["npus"] == ("1", "2")
    assert change.npus == (1, 2)


def test_a_manual_change_in_the_cluster_is_a_change() -> None:
    edited = kube()
    edit(edited.one("Deployment"), ("spec", "replicas"), 3)
    edit(edited.one("Deployment"), (*CONTAINER, "image"), "a:hand")
    change = live(edited, {"qwen": {}})

    assert values_by_name(only(change)) == {
        "replicas": ("3", "1"),
        "image": ("a:hand", "registry.example.com/ascend-vllm:1"),
    }
    assert (change.npus, only(change).restarts) == ((3, 1), True)


def rewrite(text: str) -> Callable[[Kube], None]:
    def apply(cluster: Kube) -> None:
        edit(cluster.one("ConfigMap"), ("data", "run_vllm.sh"), text, "kubectl-create")

    return apply


def drop(kind: str) -> Callable[[Kube], None]:
    return lambda cluster: cluster.delete(kind)


SCRIPT = kube().one("ConfigMap")["data"]["run_vllm.sh"]


@pytest.mark.parametrize(
    ("spoil", "detail", "reason"),
    [
        (rewrite(SCRIPT.replace("4096", "2048")), ("--max-model-len", "2048", "4096"), "a flag of the map"),
        (rewrite(SCRIPT + "# mine\n"), ("file run_vllm.sh", "", ""), "a line that is no flag"),
        (rewrite("echo hi\n"), ("file run_vllm.sh", "", ""), "another script"),
        (drop("ConfigMap"), ("launch map", None, ""), "no map"),
        (drop("Service"), ("Service qwen", None, ""), "no Service"),
    ],
)
def test_a_change_outside_the_pod_template_restarts_no_pod(
    spoil: Callable[[Kube], None], detail: tuple[str, str | None, str | None], reason: str
) -> None:
    cluster = kube()
    spoil(cluster)
    service = only(live(cluster, {"qwen": {}}))

    assert values_by_name(service)[detail[0]] == detail[1:], reason
    assert not service.restarts, reason


def test_services_that_do_not_run_are_added_and_services_of_no_stack_are_removed() -> None:
    change = live(kube({"qwen": {}, "old": {}}), {"qwen": {}, "new": {"replicas": 2}})

    assert {one.name: one.kind for one in change.services} == {"new": "added", "old": "removed", "qwen": "unchanged"}
    assert [one.name for one in change.ending] == ["old"]


def test_a_launch_map_left_by_an_update_is_a_deletion() -> None:
    cluster = kube()
    left = applied(cluster.one("ConfigMap"))
    left["metadata"]["name"] = "qwen-launch-0"
    cluster.objects.append(left)
    change = live(cluster, {"qwen": {}})

    assert (change.deletions, change.is_empty) == (("ConfigMap qwen-launch-0",), False)


def test_a_broken_service_is_neither_removed_nor_compared() -> None:
    change = live(kube({"qwen": {}, "bad": {}}), {"qwen": {}, "bad": {"npus": "two"}})

    assert ([one.name for one in change.services], change.unread) == (["qwen"], ("bad",))


QUEUED = head("ascend-vllm:cluster:\n  context: a\n  queues: {q: {npus: 8, create: true}}\n")


def test_created_namespaces_and_queues_are_compared() -> None:
    queued = stack({"qwen": {"queue": "q"}}, QUEUED)
    cluster = Kube(queued)
    assert compare_live(queued, Live(cluster.objects))[0].is_empty

    edit(cluster.one("Queue"), ("spec", "capability", "huawei.com/ascend-1980"), "4")
    cluster.delete("Namespace")
    change, _ = compare_live(queued, Live(cluster.objects))

    assert [(one.name, one.old, one.new, one.because) for one in change.cluster] == [
        ("Namespace inference", None, "", "does not exist in the cluster"),
        ("Queue q capability.huawei.com/ascend-1980", "4", "8", "Pulumi.test.yaml:4"),
    ]
    assert (change.is_empty, change.moves) == (False, False)


def test_an_unreadable_queue_is_not_compared() -> None:
    queued = stack({"qwen": {"queue": "q"}}, QUEUED)
    cluster = Kube(queued)
    cluster.delete("Queue")
    readable = [item for item in stack_objects(queued) if item["kind"] != "Queue"]

    assert compare_live(queued, Live(cluster.objects), readable)[0].is_empty
