"""Objects of kinds that a cluster does not know are left out of an update."""

from __future__ import annotations

import asyncio

import pytest

from cluster.api.discovery import as_served, wanted_kinds
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
        "PrometheusRule (monitoring.coreos.com/v1) is not installed in the cluster: "
        "no PrometheusRule is created for a\n"
        "fix: install the Prometheus operator and run pulumi up again; ascend-vllm check test --live",
        "Queue (scheduling.volcano.sh/v1beta1) is not installed in the cluster: no Queue is created for mine\n"
        "fix: install Volcano and run pulumi up again; ascend-vllm check test --live",
    ]


def test_a_cluster_that_cannot_be_asked_is_taken_for_one_that_knows_all(
    stack: ResolvedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")

    assert as_served(stack) == (stack, [])


UNAVAILABLE = (503, {"kind": "Status", "message": "the server is currently unable to handle the request"})
RULES = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/prometheusrules.monitoring.coreos.com"


@pytest.mark.parametrize(
    ("discovery", "definition"),
    [
        pytest.param(UNAVAILABLE, (404, {}), id="the group answers 503"),
        pytest.param((200, {"resources": [{"kind": "PodMonitor"}]}), (200, {}), id="a defined kind is not reported"),
        pytest.param((404, {}), UNAVAILABLE, id="definitions answer 503"),
    ],
)
def test_an_outage_of_discovery_leaves_nothing_out(
    api: Api, stack: ResolvedStack, discovery: tuple[int, object], definition: tuple[int, object]
) -> None:
    known(api, QUEUES, "Queue")
    api.answers[METRICS] = discovery
    api.answers[RULES] = definition

    assert as_served(stack) == (stack, [])


def test_an_outage_of_one_group_does_not_hide_that_another_is_not_installed(api: Api, stack: ResolvedStack) -> None:
    api.answers[METRICS] = UNAVAILABLE
    less, _ = as_served(stack)

    assert kinds(stack) - kinds(less) == {"Queue"}


def test_discovery_is_believed_where_definitions_may_not_be_read(api: Api, stack: ResolvedStack) -> None:
    known(api, METRICS, "PodMonitor")
    known(api, QUEUES, "Queue")
    api.answers[RULES] = (403, {"message": "forbidden"})
    less, _ = as_served(stack)

    assert kinds(stack) - kinds(less) == {"PrometheusRule"}


def test_it_is_asked_from_within_a_loop_too(api: Api, stack: ResolvedStack) -> None:
    async def program() -> ResolvedStack:
        return as_served(stack)[0]

    assert kinds(stack) - kinds(asyncio.run(program())) == {"PodMonitor", "PrometheusRule", "Queue"}


def test_a_stack_without_such_objects_asks_nothing(api: Api) -> None:
    plain = stacks.stack({"a": {}})

    assert wanted_kinds(plain) == {}
    assert as_served(plain) == (plain, [])
    assert api.asked == []
