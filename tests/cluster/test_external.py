"""Replicas go out of the program's hands before the update that gives them no more, and only then."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from cluster.api.errors import ClusterError
from cluster.update.external import hand_over_replicas
from tests.cluster.objects import labels
from tests.cluster.test_cluster import BASE, Api, api
from tests.models.groups.stacks import group_of
from tests.review import stacks

pytestmark = pytest.mark.slow

__all__ = ["api"]

HEAD = stacks.head("ascend-vllm:cluster: {context: there}\n")
PATCHED = "/apis/apps/v1/namespaces/inference/deployments/qwen"


def deployment(*holders: str, replicas: int = 3) -> dict[str, Any]:
    fields = [{"manager": name, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}} for name in holders]
    other = {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:status": {}}}
    metadata = {"name": "qwen", "labels": labels("qwen"), "managedFields": [*fields, other]}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": replicas}}


def group_set(*holders: str, replicas: int = 3) -> dict[str, Any]:
    """The LeaderWorkerSet of the service `deepseek`, with the same owners of its replicas as a Deployment."""
    found = deployment(*holders, replicas=replicas)
    found["metadata"] |= {"name": "deepseek-group", "labels": labels("deepseek")}
    return {**found, "kind": "LeaderWorkerSet"}


def handed_over() -> int | None:
    (service,) = stacks.stack({"qwen": {"replicas": "external"}}, HEAD).services
    return asyncio.run(hand_over_replicas(service))


def test_replicas_that_the_program_alone_holds_are_held_by_another_name_too(api: Api) -> None:
    api.listed(f"{BASE}/deployments", deployment("ascend-vllm"))
    api.answers[PATCHED] = (200, {})

    assert handed_over() == 3
    ((path, kind, body),) = api.patched
    assert path == f"{PATCHED}?fieldManager=ascend-vllm-autoscaler"
    assert kind == "application/apply-patch+yaml"
    assert json.loads(body)["spec"] == {"replicas": 3}


@pytest.mark.parametrize(
    "holders", [("kube-controller-manager",), ("ascend-vllm", "ascend-vllm-autoscaler"), ("kubectl",), ()]
)
def test_replicas_that_somebody_else_holds_are_left_alone(api: Api, holders: tuple[str, ...]) -> None:
    api.listed(f"{BASE}/deployments", deployment(*holders, replicas=5))

    assert (handed_over(), api.patched) == (5, [])


def test_the_groups_of_a_service_over_several_nodes_are_handed_over_like_pods(api: Api) -> None:
    groups = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/inference/leaderworkersets"
    api.listed(groups, group_set("ascend-vllm"))
    api.answers[f"{groups}/deepseek-group"] = (200, {})
    service = group_of(replicas="external")
    cluster = replace(service.cluster, context="there")

    assert asyncio.run(hand_over_replicas(replace(service, cluster=cluster))) == 3
    ((path, _, body),) = api.patched
    assert path == f"{groups}/deepseek-group?fieldManager=ascend-vllm-autoscaler"
    assert json.loads(body) == {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "deepseek-group"},
        "spec": {"replicas": 3},
    }


def test_a_service_that_is_not_there_yet_has_nothing_to_hand_over(api: Api) -> None:
    api.listed(f"{BASE}/deployments")

    assert (handed_over(), api.patched) == (None, [])


def test_a_number_that_changes_meanwhile_is_read_again(api: Api) -> None:
    counts, answers = iter((3, 4)), iter(((409, {"message": "conflict"}), (200, {})))
    api.answers[f"{BASE}/deployments"] = (
        200,
        lambda: (200, {"items": [deployment("ascend-vllm", replicas=next(counts))]}),
    )
    api.answers[PATCHED] = (200, lambda: next(answers))

    assert handed_over() == 4
    assert [json.loads(body)["spec"]["replicas"] for *_, body in api.patched] == [3, 4]


def test_replicas_that_never_rest_and_those_that_may_not_be_held_are_errors(api: Api) -> None:
    api.listed(f"{BASE}/deployments", deployment("ascend-vllm"))
    api.answers[PATCHED] = (409, {"message": "conflict"})
    with pytest.raises(ClusterError, match="change again and again"):
        handed_over()

    api.answers[PATCHED] = (403, {"message": "deployments is forbidden"})
    with pytest.raises(ClusterError, match="not allowed to patch the Deployment qwen"):
        handed_over()
