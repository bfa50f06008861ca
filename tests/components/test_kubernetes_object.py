"""An object that is registered from its manifest is the same resource as one of the SDK's own class."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest

from components.kubernetes_object import KubernetesObject
from tests.components.harness import build

NAMED = {"metadata": {"name": "qwen", "namespace": "models", "labels": {"app": "infers"}}}
SPEC = {"spec": {"minAvailable": 1, "template": {"spec": {"terminationGracePeriodSeconds": 30}}}}


@pytest.mark.parametrize(
    ("api_version", "kind", "sdk_class", "content"),
    [
        ("v1", "Namespace", k8s.core.v1.Namespace, {}),
        ("v1", "ConfigMap", k8s.core.v1.ConfigMap, {"immutable": True, "data": {"run_vllm.sh": "exec"}}),
        ("v1", "Secret", k8s.core.v1.Secret, {"immutable": True, "type": "Opaque"}),
        ("v1", "Service", k8s.core.v1.Service, SPEC),
        ("v1", "PersistentVolumeClaim", k8s.core.v1.PersistentVolumeClaim, SPEC),
        ("apps/v1", "Deployment", k8s.apps.v1.Deployment, SPEC),
        ("batch/v1", "Job", k8s.batch.v1.Job, SPEC),
        ("policy/v1", "PodDisruptionBudget", k8s.policy.v1.PodDisruptionBudget, SPEC),
        ("networking.k8s.io/v1", "NetworkPolicy", k8s.networking.v1.NetworkPolicy, SPEC),
    ],
)
def test_pulumi_gets_the_type_and_the_inputs_of_the_sdk(
    api_version: str, kind: str, sdk_class: Any, content: dict[str, Any]
) -> None:
    manifest = {"apiVersion": api_version, "kind": kind, **NAMED, **content}
    ours = build(lambda: KubernetesObject("qwen", manifest, pulumi.ResourceOptions())).resources["qwen"]
    theirs = build(lambda: sdk_class("qwen", **NAMED, **content)).resources["qwen"]

    assert (ours.type, ours.inputs) == (theirs.type, theirs.inputs)


def test_pulumi_gets_the_type_of_a_kind_that_an_operator_installs() -> None:
    queue = {"apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "Queue", **NAMED}
    plan = build(lambda: KubernetesObject("queue", queue, pulumi.ResourceOptions()))

    assert plan.resources["queue"].type == "kubernetes:scheduling.volcano.sh/v1beta1:Queue"


@pytest.mark.parametrize("kind", ["ConfigMap", "Service", "Secret"])
def test_the_wait_for_a_deletion_ends_soon(kind: str) -> None:
    manifest = {"apiVersion": "v1", "kind": kind, **NAMED}
    plan = build(lambda: KubernetesObject("qwen", manifest, pulumi.ResourceOptions()))

    assert plan.resources["qwen"].deletion_timeout == "120s"


def test_options_may_give_another_time_for_a_deletion() -> None:
    given = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete="900s"))
    manifest = {"apiVersion": "v1", "kind": "Namespace", **NAMED}
    plan = build(lambda: KubernetesObject("namespace", manifest, given))

    assert plan.resources["namespace"].deletion_timeout == "900s"
