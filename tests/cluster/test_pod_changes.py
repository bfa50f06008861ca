"""Which updates restart the pods of a Deployment that runs."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cluster.update.pod_changes import restarts_pods
from models.manifests import service_objects
from models.service.resolved import ResolvedService
from tests.review.stacks import stack


def service(**changes: Any) -> ResolvedService:
    found = stack({"qwen": {"npus": 4, **changes}}).service("qwen")
    assert found is not None
    return found


def live(configured: ResolvedService) -> dict[str, Any]:
    """The Deployment as the API server has it, with its defaults."""
    (deployment,) = [item for item in service_objects(configured) if item["kind"] == "Deployment"]
    found = copy.deepcopy(deployment)
    spec = found["spec"]["template"]["spec"]
    spec["restartPolicy"] = "Always"
    spec["containers"][0]["terminationMessagePath"] = "/dev/termination-log"
    return found


def test_a_deployment_with_the_defaults_of_the_api_server_is_unchanged() -> None:
    assert not restarts_pods(live(service()), service())


@pytest.mark.parametrize("changes", [{"replicas": 3}, {"rollout": "recreate"}])
def test_what_is_no_part_of_the_template_restarts_nothing(changes: dict[str, Any]) -> None:
    assert not restarts_pods(live(service()), service(**changes))


@pytest.mark.parametrize("changes", [{"npus": 2}, {"image": "a:2"}, {"runAsUser": 1000}])
def test_a_change_of_the_template_restarts_the_pods(changes: dict[str, Any]) -> None:
    assert restarts_pods(live(service()), service(**changes))


def test_an_object_of_another_service_is_not_compared() -> None:
    other = live(service())
    other["metadata"]["name"] = "other"

    assert restarts_pods(other, service())
