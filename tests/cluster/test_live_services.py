"""What an upgrade watches in the cluster: what somebody requests, and not how far a rollout is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from cluster.update.live_services import services_of
from tests.cluster.objects import labels

TEMPLATE = {"spec": {"containers": [{"name": "ascend-vllm", "image": "a:1"}]}}


def deployment(name: str = "qwen", **further: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": labels(name), "generation": 3, "resourceVersion": "81"},
        "spec": {"replicas": 2, "template": deepcopy(TEMPLATE)},
        "status": {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "unavailableReplicas": 1},
        **further,
    }


def service(selected: str) -> dict[str, Any]:
    return {"metadata": {"name": "qwen", "labels": labels("qwen")}, "spec": {"selector": labels(selected)}}


def test_a_rollout_that_goes_on_is_no_change() -> None:
    """Old pods complete their requests: the controller writes the status, and annotations of the Deployment."""
    before = services_of([deployment()], [service("qwen")])
    later = deployment(status={"observedGeneration": 3, "replicas": 2})
    later["metadata"] |= {
        "generation": 4,
        "resourceVersion": "99",
        "annotations": {"deployment.kubernetes.io/revision": "7"},
    }

    assert services_of([later], [service("qwen")]) == before


def test_a_deployment_that_is_being_deleted_counts_as_deleted() -> None:
    deleted = deployment()
    deleted["metadata"] |= {"deletionTimestamp": "2026-11-30T12:00:00Z", "finalizers": ["foregroundDeletion"]}

    found = services_of([deleted, deployment("summary")], [])

    assert found.replicas == {"summary": 2}
    assert found.pods.keys() == {"summary"}


def test_a_group_that_replaces_a_deployment_in_deletion_is_what_runs() -> None:
    """The pods of a service move from a Deployment to a LeaderWorkerSet: for a while, both exist."""
    deleted = deployment()
    deleted["metadata"]["deletionTimestamp"] = "2026-11-30T12:00:00Z"
    group = deployment()
    group["spec"] = {"replicas": 1, "leaderWorkerTemplate": {"size": 2, "leaderTemplate": TEMPLATE}}

    assert services_of([group, deleted], []).replicas == {"qwen": 1}
    assert services_of([group, deleted], []) == services_of([group], [])


@pytest.mark.parametrize("change", ["replicas", "image", "restart", "selector"])
def test_what_somebody_requests_is_a_change(change: str) -> None:
    before = services_of([deployment()], [service("qwen")])
    changed = deployment()
    selected = "qwen"
    if change == "replicas":
        changed["spec"]["replicas"] = 1
    if change == "image":
        changed["spec"]["template"]["spec"]["containers"][0]["image"] = "a:2"
    if change == "restart":
        changed["spec"]["template"]["metadata"] = {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
    if change == "selector":
        selected = "qwen-next"

    assert services_of([changed], [service(selected)]) != before
