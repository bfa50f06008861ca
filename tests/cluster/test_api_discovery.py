"""Objects of kinds that a cluster does not know are left out of an update."""

from __future__ import annotations

import asyncio

import pytest

from cluster.api_discovery import as_served, wanted_kinds
from models.manifests import stack_objects
from models.service.resolved import ResolvedStack
from tests.cluster.test_cluster import Api, api
from tests.review import stacks

pytestmark = pytest.mark.slow

__all__ = ["api"]

HEAD = stacks.head("ascend-vllm:cluster: {context: there, queues: {mine: {create: true}}}\n")
METRICS, QUEUES = "/apis/monitoring.coreos.com/v1/", "/apis/scheduling.volcano.sh/v1beta1/"


@pytest.fixture
def stack() -> ResolvedStack:
    return stacks.stack({"a": {"monitoring": True}, "b": {"monitoring": {"rules": False}}, "c": {}}, HEAD)


def kinds(stack: ResolvedStack) -> set[str]:
    return {item["kind"] for item in stack_objects(stack)}


def known(api: Api, path: str, *names: str) -> None:
    api.answers[path] = (200, {"resources": [{"kind": name} for name in names]})


def test_a_cluster_that_knows_all_gets_all(api: Api, stack: ResolvedStack) -> None:
    known(api, METRICS, "PodMonitor", "PrometheusRule")
    known(api, QUEUES, "Queue")

    assert as_served(stack) == (stack, [])


def test_what_is_left_out_is_said_with_whom_it_concerns_and_what_to_install(api: Api, stack: ResolvedStack) -> None:
    known(api, METRICS, "PodMonitor")
    less, said = as_served(stack)

    assert kinds(stack) - kinds(less) == {"PrometheusRule", "Queue"}
    assert said == [
        "the cluster knows no PrometheusRule (monitoring.coreos.com/v1), so a gets none\n"
        "fix: install the Prometheus operator and run pulumi up again; ascend-vllm check test --live",
        "the cluster knows no Queue (scheduling.volcano.sh/v1beta1), so mine gets none\n"
        "fix: install Volcano and run pulumi up again; ascend-vllm check test --live",
    ]


def test_a_cluster_that_cannot_be_asked_is_taken_for_one_that_knows_all(
    stack: ResolvedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")

    assert as_served(stack) == (stack, [])


def test_it_is_asked_from_within_a_loop_too(api: Api, stack: ResolvedStack) -> None:
    async def program() -> ResolvedStack:
        return as_served(stack)[0]

    assert kinds(stack) - kinds(asyncio.run(program())) == {"PodMonitor", "PrometheusRule", "Queue"}


def test_a_stack_without_such_objects_asks_nothing(api: Api) -> None:
    plain = stacks.stack({"a": {}})

    assert wanted_kinds(plain) == {}
    assert as_served(plain) == (plain, [])
    assert api.asked == []
