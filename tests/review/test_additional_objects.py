"""Changes of additional objects and of `podTemplate`, named as in the stack file."""

from __future__ import annotations

from typing import Any

import pytest

from models.service.resolved import ResolvedStack
from review.drift import Live
from review.live import compare_live
from review.matrix import matrix
from review.value_text import value_text
from tests.review.cluster import Kube, edit
from tests.review.stacks import changed, stack, values_by_name

PATCH: dict[str, Any] = {"metadata": {"labels": {"team": "a"}}, "spec": {"dnsPolicy": "Default"}}
SIDE: dict[str, Any] = {"name": "side", "image": "busybox:1"}


def patch(**spec: Any) -> dict[str, Any]:
    return {"podTemplate": {"spec": spec}}


@pytest.mark.parametrize(
    ("old", "new", "name", "values"),
    [
        ({}, {"network": {"admit": ["a"]}}, "network", (None, "{admit: [a]}")),
        ({"network": {"admit": ["a"]}}, {}, "network", ("{admit: [a]}", None)),
        ({}, {"monitoring": True}, "monitoring", (None, "true")),
        ({"monitoring": True}, {"monitoring": {"interval": "1m"}}, "monitoring", ("true", "{interval: 60s}")),
        ({"monitoring": True}, {"monitoring": {"rules": False}}, "monitoring", ("true", "{rules: false}")),
        ({}, {"disruptionBudget": {"minAvailable": 0}}, "disruptionBudget", (None, "{minAvailable: 0}")),
        ({}, {"expose": "NodePort"}, "type of the Service", (None, "NodePort")),
        ({"expose": "NodePort"}, {"expose": "LoadBalancer"}, "type of the Service", ("NodePort", "LoadBalancer")),
        ({}, {"expose": {"annotations": {"a/b": "1"}}}, "annotation a/b of the Service", (None, "1")),
        ({"replicas": 3}, {"replicas": "external"}, "replicas", ("3", "external")),
        ({"replicas": "external"}, {"replicas": 1}, "replicas", ("external", "1")),
    ],
)
def test_a_changed_additional_object_restarts_no_pod_and_names_its_key(
    old: dict[str, Any], new: dict[str, Any], name: str, values: tuple[str | None, str | None]
) -> None:
    change = changed(old, new)

    assert (change.kind, change.restarts) == ("changed", False)
    assert values_by_name(change)[name] == values
    because = next(detail.because for detail in change.details if detail.name == name)
    assert because.startswith("Pulumi.test.yaml:") if values[1] else because == "no longer set"


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ({"network": {"admit": ["a"]}}, {"network": {"admit": ["a"]}, "server": {"port": 9000}}, "NetworkPolicy"),
        (
            {"monitoring": True, "rollout": "recreate"},
            {"monitoring": True, "rollout": "recreate", "startup": "2h"},
            "PrometheusRule",
        ),
    ],
)
def test_an_additional_object_that_other_fields_change_has_a_detail(
    old: dict[str, Any], new: dict[str, Any], name: str
) -> None:
    detail = next(one for one in changed(old, new).details if one.name == name)

    assert (detail.because, detail.restarts) == ("other fields of the service", False)


@pytest.mark.parametrize(
    ("old", "new", "name", "values"),
    [
        ({}, {"podTemplate": PATCH}, "label team of the pods", (None, "a")),
        ({}, {"podTemplate": PATCH}, "dnsPolicy", (None, "Default")),
        ({"podTemplate": PATCH}, {}, "dnsPolicy", ("Default", None)),
        (patch(containers=[SIDE]), {}, "container side", ("{image: busybox:1}", None)),
        (
            patch(tolerations=[{"key": "a"}]),
            patch(tolerations=[{"key": "b"}]),
            "tolerations",
            ("[{key: a}]", "[{key: b}]"),
        ),
        ({}, patch(volumes=[{"name": "tmp", "emptyDir": {}}]), "volume tmp", (None, "{emptyDir: {}}")),
        ({}, patch(initContainers=[SIDE]), "init container side", (None, "{image: busybox:1}")),
        ({}, patch(affinity={"podAntiAffinity": {"a": [1]}}), "affinity", (None, "{podAntiAffinity: {a: [1]}}")),
        ({}, patch(nodeSelector={"zone": "a"}), "nodeSelector", (None, "{zone: a}")),
    ],
)
def test_a_changed_pod_template_restarts_the_pods_and_names_the_changed_part(
    old: dict[str, Any], new: dict[str, Any], name: str, values: tuple[str | None, str | None]
) -> None:
    change = changed(old, new)

    assert (change.restarts, change.parts) == (True, ("pod template",))
    assert values_by_name(change)[name] == values
    (because,) = [detail.because for detail in change.details if detail.name == name]
    assert because.startswith("Pulumi.test.yaml:") if values[1] else because == "no longer set"


def test_a_credential_in_a_sidecar_or_an_annotation_is_hidden() -> None:
    side = {**SIDE, "env": [{"name": "API_TOKEN", "value": "s3cret"}, {"name": "DB", "value": "a://b:s3cret@c"}]}
    change = changed({}, {**patch(containers=[side]), "network": {"admit": ["a"]}})

    assert "s3cret" not in str([(one.old, one.new) for one in change.details])
    shown = values_by_name(change)["container side"][1]
    assert shown == "{env: [{name: API_TOKEN, value: ***}, {name: DB, value: a://b:***@c}], image: busybox:1}"
    assert (
        value_text({"args": ["--token=abc", "--password", "abc", "-v"]}) == "{args: [--token=***, --password, ***, -v]}"
    )


def test_a_structured_value_is_written_as_one_line_of_yaml() -> None:
    assert value_text({"a": [1, True, "x"], "b": None}) == "{a: [1, true, x], b: null}"


def test_a_manual_change_of_a_patched_field_names_the_line_of_the_patch() -> None:
    one = stack({"qwen": patch(tolerations=[{"key": "a", "operator": "Exists"}])})
    kube = Kube(one)
    pod = ("spec", "template", "spec", "tolerations")
    edit(kube.one("Deployment"), pod, [{"key": "b", "operator": "Exists"}])
    (service,) = compare_live(one, live(kube))[0].services

    (detail,) = service.details
    assert (detail.name, detail.restarts) == ("tolerations", True)
    assert detail.because.startswith("Pulumi.test.yaml:")


def test_a_manual_change_of_a_network_policy_names_the_line_of_network() -> None:
    one = stack({"qwen": {"network": {"admit": ["a"]}}})
    kube = Kube(one)
    edit(kube.one("NetworkPolicy"), ("spec", "policyTypes"), ["Ingress"])
    (service,) = compare_live(one, live(kube))[0].services

    (detail,) = service.details
    assert (detail.part, detail.name, detail.restarts) == ("NetworkPolicy", "policyTypes", False)
    assert detail.because.startswith("Pulumi.test.yaml:")


def live(kube: Kube) -> Live:
    return Live(kube.objects)


def scaled(replicas: int) -> tuple[ResolvedStack, Kube]:
    one = stack({"qwen": {"replicas": "external"}})
    kube = Kube(one)
    edit(kube.one("Deployment"), ("spec", "replicas"), replicas, by="kube-controller-manager", subresource="scale")
    return one, kube


@pytest.mark.parametrize("by", ["kube-controller-manager", "kubectl", "keda-operator"])
def test_replicas_of_an_external_service_are_never_drift(by: str) -> None:
    one, kube = scaled(3)
    edit(kube.one("Deployment"), ("spec", "replicas"), 4, by=by)

    drift = kube.drift(one)
    assert drift.objects == ()
    assert [(field.path, field.live) for *_, field in drift.others] == [("spec.replicas", 4)]


def test_pods_of_an_autoscaler_are_counted_before_and_after_the_update() -> None:
    one, kube = scaled(3)
    change, _ = compare_live(one, live(kube))

    assert change.npus == (3, 3)
    assert [service.kind for service in change.services] == ["unchanged"]


def test_the_matrix_shows_external_replicas_and_additional_objects() -> None:
    one, other = stack({"qwen": {"replicas": "external", "network": {"admit": ["a"]}}}), stack({"qwen": {}})
    (cells,) = matrix([one, other]).rows.values()

    assert [cell and cell.replicas for cell in cells] == ["external", 1]
    assert [cell and cell.features["network policy"] for cell in cells] == ["on", "off"]
