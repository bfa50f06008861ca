"""Drift: the changed fields, who changed them, and what `pulumi up` restores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models.manifests import stack_objects
from review.drift import Drift, Live, cause, drifted, is_restored
from review.field_details import field_detail
from review.field_managers import OUR_NAME
from tests.review.cluster import CONTAINER, Item, Kube, applied, edit, entry
from tests.review.stacks import head, stack

ONE = stack({"qwen": {"server": {"apiKey": {"secret": "keys", "key": "k"}}, "queue": "default"}})
PLAIN = stack({"qwen": {}})


@pytest.fixture
def kube() -> Kube:
    return Kube(ONE)


def drifted_fields(drift: Drift) -> list[tuple[str, str, str | None, str | None, str]]:
    """Every field: kind, name of the field, its value here and there, and how it came."""
    rows = []
    for one in drift.objects:
        for field in one.fields:
            detail = field_detail(ONE, one.service, one.kind, field)
            rows.append((one.kind, detail.name, detail.old, detail.new, cause(field)))
    return rows


def test_a_cluster_that_was_just_updated_has_no_drift(kube: Kube) -> None:
    assert kube.drift(ONE) == Drift(())


Case = tuple[str, tuple[str | int, ...], Any, tuple[str, str | None, str | None], bool, str]

BY_HAND: list[Case] = [
    ("Deployment", ("spec", "replicas"), 3, ("replicas", "3", "1"), False, "more pods"),
    (
        "Deployment",
        (*CONTAINER, "image"),
        "a:hand",
        ("image", "a:hand", "registry.example.com/ascend-vllm:1"),
        True,
        "another image",
    ),
    ("Deployment", (*CONTAINER, "env", 1), {"name": "A", "value": "1"}, ("variable A", "1", None), True, "a variable"),
    (
        "Deployment",
        (*CONTAINER, "env", 1),
        {"name": "HF_TOKEN", "value": "hf_1"},
        ("variable HF_TOKEN", "***", None),
        True,
        "a variable that looks like a secret is not shown",
    ),
    (
        "Deployment",
        ("spec", "template", "spec", "containers", 1),
        {"name": "side", "image": "s:1", "env": [{"name": "TOKEN", "value": "t"}]},
        ("container side", "s:1", None),
        True,
        "a container more",
    ),
    (
        "Deployment",
        ("spec", "template", "spec", "nodeSelector"),
        {"accelerator/huawei-npu": "ascend-1980", "zone": "a"},
        ("nodeSelector.zone", "a", None),
        True,
        "a key more in what is set as a whole",
    ),
    (
        "Deployment",
        ("spec", "template", "spec", "tolerations"),
        [{"key": "a"}],
        ("tolerations", '[{"key": "a"}]', None),
        True,
        "a field that the stack does not give",
    ),
    ("Deployment", (*CONTAINER, "startupProbe", "failureThreshold"), 7, ("startupProbe.failureThreshold", "7", "144"),
     True, "less time"),
    ("Deployment", ("metadata", "labels", "team"), "x", ("label team", "x", None), False, "a label"),
    ("Deployment", ("spec", "template", "metadata", "labels", "app"), "x", ("label app of the pods", "x", "infers"),
     True, "a label of the pods"),
    ("Service", ("spec", "ports", 0, "port"), 9, ("ports[http].port", "9", "8080"), False, "another port"),
    ("Service", ("spec", "sessionAffinity"), "ClientIP", ("sessionAffinity", "ClientIP", None), False, "more"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "value", "shown", "restarts", "reason"), BY_HAND)
def test_a_manual_change_is_reported_with_the_restored_value(
    kube: Kube, *, kind: str, path: Any, value: Any, shown: Any, restarts: bool, reason: str
) -> None:
    edit(kube.one(kind), path, value)
    drift = kube.drift(ONE)
    (one,) = drift.objects

    assert drifted_fields(drift) == [(kind, *shown, "by hand")], reason
    assert (one.state, one.restarts) == ("changed", restarts), reason
    assert all(is_restored(field) and field.by and field.by.time for field in one.fields), reason


@pytest.mark.parametrize(
    ("kind", "path", "value", "because"),
    [
        ("Deployment", ("spec", "replicas"), 3, "default"),
        ("Deployment", (*CONTAINER, "image"), "a:2", "Pulumi.test.yaml:10"),
        ("Deployment", (*CONTAINER, "startupProbe", "failureThreshold"), 7, "the size of the weights"),
        ("Deployment", (*CONTAINER, "readinessProbe", "periodSeconds"), 7, "the program"),
        ("Deployment", (*CONTAINER, "imagePullPolicy"), "Always", "the program"),
        ("Deployment", ("metadata", "labels", "team"), "a", "not set in the stack file"),
        ("Service", ("spec", "ports", 0, "port"), 9, "default"),
    ],
)
def test_a_drifted_field_has_the_source_of_the_stacks_value(
    kube: Kube, kind: str, path: Any, value: Any, because: str
) -> None:
    edit(kube.one(kind), path, value)
    (one,) = kube.drift(ONE).objects

    assert [field_detail(ONE, "qwen", kind, field).because for field in one.fields] == [because]


def test_a_removed_field_is_reported_without_a_manager(kube: Kube) -> None:
    edit(kube.one("Deployment"), (*CONTAINER, "livenessProbe"), None)

    ((kind, name, old, new, why),) = drifted_fields(kube.drift(ONE))

    assert (kind, name, old, why) == ("Deployment", "livenessProbe", None, "unknown")
    assert new is not None


@pytest.mark.parametrize(
    ("kind", "path", "value", "by", "how", "reason"),
    [
        ("Deployment", ("spec", "replicas"), 3, "kube-controller-manager", {"subresource": "scale", "time": ""}, "HPA"),
        ("Deployment", ("metadata", "annotations", "a/b"), "1", "some-operator", {}, "an annotation of a controller"),
        ("Deployment", ("spec", "template", "spec", "containers", 1), {"name": "s", "image": "s:1"}, "injector", {},
         "a container that a program adds"),
        ("Deployment", ("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"), "now",
         "kubectl-rollout", {}, "a restart"),
        ("Deployment", ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"), "{}",
         "kubectl-client-side-apply", {}, "what kubectl notes for itself"),
        ("Deployment", (*CONTAINER, "terminationMessagePolicy"), "File", "kubectl-replace", {}, "a default"),
        ("Service", ("spec", "clusterIP"), "10.0.0.9", "kubectl-replace", {}, "an address that the server gives out"),
        ("Service", ("spec", "externalIPs"), ["1.2.3.4"], OUR_NAME, {}, "what a webhook puts into our own request"),
    ],
)  # fmt: skip
def test_fields_of_other_managers_are_not_drift(
    kube: Kube, *, kind: str, path: Any, value: Any, by: str, how: Any, reason: str
) -> None:
    edit(kube.one(kind), path, value, by, **how)

    assert kube.drift(ONE).objects == (), reason


def test_fields_of_other_managers_in_the_spec_are_listed_separately(kube: Kube) -> None:
    deployment = kube.one("Deployment")
    edit(deployment, ("spec", "replicas"), 3, "keda", subresource="scale", time="")
    edit(deployment, ("spec", "template", "spec", "containers", 1), {"name": "s", "image": "s:1"}, "injector")
    edit(deployment, ("metadata", "annotations", "a/b"), "1", "some-operator")

    others = [(field.path, field.by and field.by.name) for _, _, field in kube.drift(ONE).others]

    assert others == [("spec.replicas", "keda"), ("spec.template.spec.containers[s]", "injector")]


def test_replicas_of_an_autoscaler_are_not_drift_even_after_manual_scaling(kube: Kube) -> None:
    edit(kube.one("Deployment"), ("spec", "replicas"), 3, "kubectl", subresource="scale")

    assert [cause(field) for field in kube.drift(ONE).objects[0].fields] == ["by hand"]
    assert kube.drift(ONE, autoscaled=frozenset(["qwen"])).objects == ()


def test_a_variable_that_a_program_adds_to_the_server_is_drift_that_an_update_does_not_restore(kube: Kube) -> None:
    edit(kube.one("Deployment"), (*CONTAINER, "env", 1), {"name": "A", "value": "1"}, "k9s")
    (field,) = kube.drift(ONE).objects[0].fields

    assert (cause(field), is_restored(field)) == ("program", False)


def test_a_value_of_the_stack_that_a_program_changed_is_restored(kube: Kube) -> None:
    edit(kube.one("Deployment"), (*CONTAINER, "image"), "mirror/a:1", "k9s")
    (field,) = kube.drift(ONE).objects[0].fields

    assert (cause(field), is_restored(field)) == ("program", True)


def test_an_unapplied_change_of_the_stack_file_is_not_a_manual_change() -> None:
    kube = Kube(PLAIN)
    changed = stack({"qwen": {"image": "a:2", "replicas": 2, "engine": {"maxModelLen": 8192}}})
    edit(kube.one("Deployment"), ("spec", "replicas"), 3)

    drift = kube.drift(changed)
    launch, deployment = drift.objects

    assert (launch.kind, launch.name, launch.state) == (
        "ConfigMap", kube.one("ConfigMap")["metadata"]["name"], "changed",
    )  # fmt: skip
    assert launch.instead_of.startswith("qwen-launch-")
    assert {field.path.rpartition(".")[2]: cause(field) for field in deployment.fields} == {
        "replicas": "by hand",
        "image": "not applied",
        "name": "not applied",
    }


def test_a_field_removed_from_the_stack_file_is_not_applied_yet() -> None:
    kube = Kube(stack({"qwen": {"priorityClass": "high"}}))
    (field,) = kube.drift(PLAIN).objects[0].fields

    assert (field.path, cause(field)) == ("spec.template.spec.priorityClassName", "not applied")


@pytest.mark.parametrize(
    ("kind", "state"), [("Service", "deleted"), ("Deployment", "deleted"), ("ConfigMap", "deleted")]
)
def test_a_deleted_object_is_drift(kube: Kube, kind: str, state: str) -> None:
    kube.delete(kind)

    assert [(one.kind, one.state) for one in kube.drift(ONE).objects] == [(kind, state)]


def test_a_service_without_any_object_is_missing() -> None:
    both = stack({"qwen": {}, "other": {}})

    assert {(one.service, one.state) for one in Kube(PLAIN).drift(both).objects} == {("other", "missing")}


def test_an_object_that_is_not_in_the_stack_is_extra() -> None:
    kube = Kube(stack({"qwen": {}, "old": {}}))
    left = applied(kube.one("ConfigMap", "qwen"))
    left["metadata"]["name"] = "qwen-launch-0"
    kube.objects.append(left)

    assert [(one.kind, one.name, one.state) for one in kube.drift(PLAIN).objects] == [
        ("ConfigMap", kube.one("ConfigMap", "old")["metadata"]["name"], "extra"),
        ("Deployment", "old", "extra"),
        ("Service", "old", "extra"),
        ("ConfigMap", "qwen-launch-0", "extra"),
    ]


def test_services_of_other_stacks_in_the_namespace_are_ignored() -> None:
    kube = Kube(stack({"qwen": {}, "other": {}}))

    assert kube.drift(PLAIN, elsewhere=frozenset(["other"])).objects == ()


def test_a_manually_changed_launch_map_is_reported_file_by_file(kube: Kube) -> None:
    item = kube.one("ConfigMap")
    edit(item, ("data", "run_vllm.sh"), item["data"]["run_vllm.sh"].replace("4096", "2048"), "kubectl-create")
    (one,) = kube.drift(ONE).objects

    assert [(field.path, cause(field)) for field in one.fields] == [("data.run_vllm.sh", "by hand")]


def test_the_launch_map_that_the_deployment_uses_is_compared(kube: Kube) -> None:
    copied = applied(kube.one("ConfigMap"))
    copied["metadata"] = {"name": "mine"}
    copied["data"]["run_vllm.sh"] += "# mine\n"
    volumes = kube.one("Deployment")["spec"]["template"]["spec"]["volumes"]
    place = next(number for number, volume in enumerate(volumes) if volume["name"] == "node-path")
    edit(kube.one("Deployment"), ("spec", "template", "spec", "volumes", place, "configMap", "name"), "mine")
    kube.objects = [copied, *(item for item in kube.objects if item["kind"] != "ConfigMap")]

    launch, deployment = kube.drift(ONE).objects

    assert (launch.name, launch.state) == ("mine", "changed")
    assert "data.run_vllm.sh" in [field.path for field in launch.fields]
    assert [cause(field) for field in deployment.fields] == ["by hand"]


Spoil = Callable[[Item], None]


@pytest.mark.parametrize(
    ("kind", "spoil", "reason"),
    [
        ("Deployment", lambda d: d["spec"]["template"]["spec"]["volumes"].reverse(), "items are in another order"),
        (
            "Deployment",
            lambda d: d["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"].update(memory="61440Mi"),
            "the same amount in another unit",
        ),
        ("Deployment", lambda d: d.pop("status", None), "there is no status yet"),
        ("Service", lambda s: s["metadata"].pop("managedFields"), "nobody is said to own anything"),
        ("Service", lambda s: s["spec"]["ports"][0].update(nodePort=30000), "a default within an item"),
    ],
)
def test_equivalent_values_are_not_drift(kube: Kube, kind: str, spoil: Spoil, reason: str) -> None:
    spoil(kube.one(kind))

    assert kube.drift(ONE).objects == (), reason


def test_namespace_and_queues_are_compared_too() -> None:
    text = "ascend-vllm:cluster:\n  context: a\n  queues: {q: {npus: 8, create: true}}\n"
    queued = stack({"qwen": {"queue": "q"}}, head(text))
    kube = Kube(queued)
    edit(kube.one("Queue"), ("spec", "parent"), "root", "vc-controller-manager")
    assert kube.drift(queued) == Drift(())
    edit(kube.one("Queue"), ("spec", "capability", "huawei.com/ascend-1980"), "4")
    kube.delete("Namespace")

    assert [(one.kind, one.state) for one in kube.drift(queued).objects] == [
        ("Namespace", "missing"),
        ("Queue", "changed"),
    ]


def test_a_claim_is_compared_only_in_the_fields_that_the_stack_sets() -> None:
    made = {"kind": "claim", "name": "models", "size": "500Gi"}
    wanted = stack({"qwen": {"model": {"source": made}}})
    kube = Kube(wanted)
    claim = kube.one("PersistentVolumeClaim")
    claim["spec"] |= {"storageClassName": "standard", "volumeName": "pvc-1", "volumeMode": "Filesystem"}

    assert kube.drift(wanted).objects == ()
    edit(claim, ("spec", "resources", "requests", "storage"), "600Gi")
    assert [(one.kind, one.state) for one in kube.drift(wanted).objects] == [("PersistentVolumeClaim", "changed")]
    kube.delete("PersistentVolumeClaim")
    assert [(one.kind, one.state) for one in kube.drift(wanted).objects] == [("PersistentVolumeClaim", "missing")]


def test_an_object_without_managed_fields_is_compared_only_in_the_fields_that_the_stack_sets() -> None:
    live = applied(next(item for item in stack_objects(PLAIN) if item["kind"] == "Deployment"))
    live["metadata"]["managedFields"] = [entry("kubectl-edit", {}, subresource="status")]
    live["spec"]["replicas"] = 5

    drift = drifted([item for item in stack_objects(PLAIN) if item["kind"] == "Deployment"], Live([live]))

    assert [(field.path, cause(field)) for field in drift.objects[0].fields] == [("spec.replicas", "unknown")]
