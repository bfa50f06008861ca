"""The objects of a stack are read by the program's label, and by name if they lost it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from cluster.api.errors import ClusterError
from cluster.api.reader import connected
from cluster.live_objects import LiveObjects, read_live_objects
from cluster.snapshot import Object
from models.manifests import stack_objects
from tests.cluster.reader import FORBIDDEN, GONE
from tests.cluster.recorded_reader import ObjectReader
from tests.cluster.test_cluster import BASE, Api, api
from tests.review.stacks import stack

pytestmark = pytest.mark.slow

__all__ = ["api"]

OBJECTS = [*stack_objects(stack({"qwen": {}}))]
WANTED = [(item["kind"], item["metadata"]["name"]) for item in OBJECTS]
MAP = next(name for kind, name in WANTED if kind == "ConfigMap")


def read(reader: Any, wanted: Sequence[tuple[str, str]] = WANTED) -> LiveObjects:
    return asyncio.run(read_live_objects(reader, wanted))


def names(made: LiveObjects) -> list[tuple[str, str]]:
    return sorted((item["kind"], item["metadata"]["name"]) for item in made.objects)


def without_labels(item: Object) -> Object:
    return {**item, "metadata": {key: value for key, value in item["metadata"].items() if key != "labels"}}


def test_objects_with_the_label_are_not_read_again() -> None:
    reader = ObjectReader(OBJECTS)

    assert names(read(reader)) == sorted(WANTED)
    assert reader.asked == ["Namespace inference"]


def test_an_object_that_lost_its_labels_is_read_by_name() -> None:
    reader = ObjectReader([*OBJECTS[:3], without_labels(OBJECTS[3])])

    assert ("Service", "qwen") in names(read(reader))


def test_a_foreign_config_map_that_a_deployment_mounts_is_read() -> None:
    mine = {"kind": "ConfigMap", "metadata": {"name": MAP}, "data": {}}
    reader = ObjectReader([*(item for item in OBJECTS if item["kind"] != "ConfigMap"), mine])

    assert ("ConfigMap", MAP) in names(read(reader, []))


def test_objects_that_do_not_exist_are_left_out() -> None:
    assert names(read(ObjectReader([]))) == []


def test_autoscaled_deployments_are_known() -> None:
    assert read(ObjectReader(OBJECTS, targets=["qwen"])).autoscaled == {"qwen"}


@pytest.mark.parametrize(
    ("what", "unread"), [("autoscalers", "horizontalpodautoscalers"), ("Namespace", "Namespace inference")]
)
def test_optional_objects_that_may_not_be_read_are_named(what: str, unread: str) -> None:
    made = read(ObjectReader(OBJECTS, errors={what: FORBIDDEN}))

    assert made.unread == {unread: FORBIDDEN.message}
    assert ("Deployment", "qwen") in names(made)


@pytest.mark.parametrize(
    ("what", "error", "reason"),
    [
        ("service_objects", FORBIDDEN, "without the services nothing is known"),
        ("Service", FORBIDDEN, "one of them may be anything"),
        ("Namespace", GONE, "the API server is away"),
        ("autoscalers", GONE, "the API server is away"),
    ],
)
def test_a_cluster_that_cannot_be_read_is_an_error(what: str, error: ClusterError, reason: str) -> None:
    with pytest.raises(ClusterError):
        read(ObjectReader(OBJECTS[:3], errors={what: error}))


def test_few_lists_and_single_objects_are_read(api: Api) -> None:
    core, scaling = "/api/v1/namespaces/inference", "/apis/autoscaling/v2/namespaces/inference"
    api.listed(f"{BASE}/deployments", OBJECTS[2])
    api.listed(f"{core}/services")
    api.listed(f"{core}/configmaps", OBJECTS[1])
    api.listed(f"{scaling}/horizontalpodautoscalers")
    api.answers["/api/v1/namespaces/inference"] = (200, OBJECTS[0])

    async def ask() -> LiveObjects:
        async with connected("there", "inference") as cluster:
            return await read_live_objects(cluster, WANTED)

    made = asyncio.run(ask())

    assert names(made) == sorted(WANTED[:3])
    assert [path.partition("?")[0] for path in api.asked] == [
        f"{BASE}/deployments",
        f"{core}/services",
        f"{core}/configmaps",
        "/apis/policy/v1/namespaces/inference/poddisruptionbudgets",
        "/apis/networking.k8s.io/v1/namespaces/inference/networkpolicies",
        "/apis/monitoring.coreos.com/v1/namespaces/inference/podmonitors",
        "/apis/monitoring.coreos.com/v1/namespaces/inference/prometheusrules",
        "/apis/leaderworkerset.x-k8s.io/v1/namespaces/inference/leaderworkersets",
        "/api/v1/namespaces/inference",
        f"{core}/services/qwen",
        f"{scaling}/horizontalpodautoscalers",
    ]


def test_an_object_that_may_not_be_read_is_named(api: Api) -> None:
    api.answers["/apis/scheduling.volcano.sh/v1beta1/queues/q"] = (403, {"message": "no"})

    async def ask() -> None:
        async with connected("there", "inference") as cluster:
            await cluster.named("Queue", "q")

    with pytest.raises(ClusterError, match="not allowed to get queues q: no"):
        asyncio.run(ask())


def test_a_kind_that_may_not_be_listed_is_named_once_and_for_each_object_of_the_stack() -> None:
    forbidden = ClusterError("not allowed to list networkpolicies", "ask for a role", forbidden=True)
    made = read(ObjectReader(OBJECTS, errors={"NetworkPolicy": forbidden}), [*WANTED, ("NetworkPolicy", "qwen")])

    assert made.unread == {
        "NetworkPolicy": forbidden.message,
        "NetworkPolicy qwen": forbidden.message,
    }


def test_an_additional_object_removed_from_the_stack_is_read_by_its_label() -> None:
    left = next(
        item for item in stack_objects(stack({"qwen": {"network": {"admit": ["a"]}}})) if "Policy" in item["kind"]
    )

    assert ("NetworkPolicy", "qwen") in names(read(ObjectReader([*OBJECTS, left])))


def test_an_object_of_an_unknown_kind_is_named_with_the_reason(api: Api) -> None:
    path = "/apis/monitoring.coreos.com/v1/namespaces/inference/podmonitors/qwen"
    api.listed(f"{BASE}/deployments")
    for kind in ("services", "configmaps"):
        api.listed(f"/api/v1/namespaces/inference/{kind}")
    api.listed("/apis/autoscaling/v2/namespaces/inference/horizontalpodautoscalers")
    api.answers[path] = (404, "404 page not found\n")

    async def ask() -> LiveObjects:
        async with connected("there", "inference") as cluster:
            return await read_live_objects(cluster, [("PodMonitor", "qwen")])

    assert asyncio.run(ask()).unread == {
        "PodMonitor qwen": "cannot get podmonitors qwen: the cluster does not know this kind"
    }
