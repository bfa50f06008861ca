"""The patch on the template of the pods: what it adds, and what it may not touch."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from models.kubernetes.schema import pod_schema
from models.manifests import service_objects
from models.manifests.pod_fields import OWNED_ITEMS, OWNED_POD_FIELDS
from models.rules.registry import reports_right
from tests.models.test_additional_objects import made
from tests.review.stacks import stack

LIMITS = {"runAsUser": 1000, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}

EVERYTHING: dict[str, Any] = {
    "queue": "default",
    "priorityClass": "production",
    "lora": {"adapters": {"sql": "/m/sql"}},
    "mindSpeed": "install",
    "graph": "pta",
    "multimodal": True,
    "speculative": {
        "kind": "eagle",
        "source": "/m/eagle",
        "tokens": 2,
        "convert": {"tools": "/opt/EAGLE", "baseWeights": "model.safetensors"},
    },
    "server": {"apiKey": {"secret": "key", "key": "token"}},
}


SIDE = {"name": "a", "image": "a:1"}


def template(**given: Any) -> dict[str, Any]:
    found: dict[str, Any] = made("Deployment", **given)["spec"]["template"]
    return found


def refused(patch: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Rule, place and fix of all that is found of a patch, without the rights that it gives."""
    found = check(stack({"qwen": {"podTemplate": patch}})).findings
    return [(one.rule, one.marks[0].field, one.fix) for one in found if not reports_right(one.rule)]


def test_a_patch_adds_what_the_language_has_no_word_for() -> None:
    tolerations = [{"key": "npu", "operator": "Exists"}]
    about = {"labels": {"team": "search"}, "annotations": {"example.com/owner": "search"}}
    plain = template()
    patched = template(podTemplate={"metadata": about, "spec": {"tolerations": tolerations, "dnsPolicy": "Default"}})

    assert patched["metadata"]["labels"] == {**plain["metadata"]["labels"], "team": "search"}
    assert patched["metadata"]["annotations"] == {"example.com/owner": "search"}
    assert patched["spec"] == {**plain["spec"], "tolerations": tolerations, "dnsPolicy": "Default"}


def test_an_affinity_is_merged_with_the_programs_own() -> None:
    nodes = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    affinity = template(podTemplate={"spec": {"affinity": {"nodeAffinity": nodes}}})["spec"]["affinity"]

    assert affinity == {**template()["spec"]["affinity"], "nodeAffinity": nodes}


def test_sidecars_volumes_and_init_containers_come_after_the_programs_own() -> None:
    spec = {
        "containers": [{"name": "log", "image": "busybox:1"}],
        "initContainers": [{"name": "first", "image": "busybox:1"}],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }
    plain, patched = template(mindSpeed="install"), template(mindSpeed="install", podTemplate={"spec": spec})

    for key, items in spec.items():
        assert patched["spec"][key] == [*plain["spec"][key], *items]


def test_the_patch_is_no_part_of_the_selector_and_restarts_the_pods() -> None:
    plain, patched = made("Deployment"), made("Deployment", podTemplate={"metadata": {"labels": {"team": "search"}}})

    assert patched["spec"]["selector"] == plain["spec"]["selector"]
    assert patched["spec"]["template"] != plain["spec"]["template"]


def test_the_smoke_job_goes_where_the_patched_pods_go() -> None:
    tolerations = [{"key": "npu", "operator": "Exists"}]
    job = made("Job", smoke=True, podTemplate={"spec": {"tolerations": tolerations, "hostNetwork": True}})
    spec = job["spec"]["template"]["spec"]

    assert spec["tolerations"] == tolerations
    assert "hostNetwork" not in spec


@pytest.mark.parametrize(
    ("patch", "field", "key"),
    [
        ({"spec": {"schedulerName": "default"}}, "podTemplate.spec.schedulerName", ""),
        ({"spec": {"priorityClassName": "high"}}, "podTemplate.spec.priorityClassName", "priorityClass"),
        ({"spec": {"terminationGracePeriodSeconds": 5}}, "podTemplate.spec.terminationGracePeriodSeconds", "drain"),
        ({"spec": {"imagePullSecrets": [{"name": "a"}]}}, "podTemplate.spec.imagePullSecrets", "pullSecrets"),
        ({"spec": {"securityContext": {"runAsUser": 1}}}, "podTemplate.spec.securityContext", "runAsUser"),
        ({"spec": {"restartPolicy": "Never"}}, "podTemplate.spec.restartPolicy", ""),
        ({"spec": {"nodeName": "a"}}, "podTemplate.spec.nodeName", "cluster.platform.nodeSelector"),
        (
            {"spec": {"nodeSelector": {"accelerator/huawei-npu": "other", "zone": "a"}}},
            "podTemplate.spec.nodeSelector.accelerator/huawei-npu",
            "cluster.platform.nodeSelector",
        ),
        ({"spec": {"containers": [{"name": "ascend-vllm"}]}}, "podTemplate.spec.containers.0.name", "engine"),
        ({"spec": {"volumes": [{"name": "lora-path-1"}]}}, "podTemplate.spec.volumes.0.name", "lora.adapters"),
        ({"spec": {"initContainers": [{"name": "fetch-model"}]}}, "podTemplate.spec.initContainers.0.name", "source"),
        ({"spec": {"initContainers": [{"name": "preflight"}]}}, "podTemplate.spec.initContainers.0.name", "preflight"),
        ({"spec": {"initContainers": [{"name": "verify-model"}]}}, "podTemplate.spec.initContainers.0.name", "verify"),
        ({"spec": {"initContainers": [{"name": "ascend-vllm"}]}}, "podTemplate.spec.initContainers.0.name", "engine"),
        ({"spec": {"containers": [{"name": "verify-model"}]}}, "podTemplate.spec.containers.0.name", "verify"),
        (
            {
                "spec": {
                    "containers": [
                        {"name": "a", "image": "a:1", "resources": {"limits": {"huawei.com/ascend-1980": 1}}}
                    ]
                }
            },
            "podTemplate.spec.containers.0.resources",
            "npus",
        ),
        ({"metadata": {"labels": {"app": "mine"}}}, "podTemplate.metadata.labels.app", ""),
        (
            {"metadata": {"labels": {"leaderworkerset.sigs.k8s.io/name": "x"}}},
            "podTemplate.metadata.labels.leaderworkerset.sigs.k8s.io/name",
            "",
        ),
        (
            {"metadata": {"annotations": {"leaderworkerset.sigs.k8s.io/subgroup-size": "1"}}},
            "podTemplate.metadata.annotations.leaderworkerset.sigs.k8s.io/subgroup-size",
            "",
        ),
        (
            {"metadata": {"labels": {"app.kubernetes.io/instance": "x"}}},
            "podTemplate.metadata.labels.app.kubernetes.io/instance",
            "",
        ),
        (
            {"metadata": {"annotations": {"scheduling.volcano.sh/queue-name": "a"}}},
            "podTemplate.metadata.annotations.scheduling.volcano.sh/queue-name",
            "queue",
        ),
    ],
)
def test_a_patch_of_what_another_key_writes_is_refused_and_names_the_key(
    patch: dict[str, Any], field: str, key: str
) -> None:
    ((rule, place, fix),) = refused(patch)

    assert (rule, place) == ("pod-template-owned", field)
    assert key in fix


def test_everything_that_the_program_writes_into_a_pod_is_its_own() -> None:
    pods = template(**EVERYTHING)["spec"]
    merged = {"affinity", "nodeSelector", *OWNED_ITEMS}

    assert {*pods} - merged <= {*OWNED_POD_FIELDS} <= {*pod_schema(34).fields("PodSpec")}
    for part in OWNED_ITEMS:
        for item in pods[part]:
            ((rule, *_),) = refused({"spec": {part: [{"name": item["name"]}]}})
            assert rule == "pod-template-owned", item["name"]
    for part in ("labels", "annotations"):
        for name in template(**EVERYTHING)["metadata"].get(part, {}):
            ((rule, *_),) = refused({"metadata": {part: {name: "x"}}})
            assert rule == "pod-template-owned", name


def test_a_field_that_no_pod_has_is_refused_with_the_nearest() -> None:
    assert refused({"spec": {"toleration": []}}) == [
        ("pod-template-unknown", "podTemplate.spec.toleration", "rename podTemplate.spec.toleration to tolerations")
    ]
    assert refused({"spec": {"minReadySeconds": 1}})[0][::2] == (
        "pod-template-unknown",
        "remove podTemplate.spec.minReadySeconds",
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"nodeSelector": "zone"}, 'podTemplate.spec.nodeSelector must be a mapping, not text "zone"'),
        ({"affinity": []}, "podTemplate.spec.affinity must be a mapping, not a list"),
        ({"tolerations": {"key": "a"}}, "podTemplate.spec.tolerations must be a list, not a mapping"),
        ({"hostNetwork": "yes"}, 'podTemplate.spec.hostNetwork must be true or false, not text "yes"'),
        ({"hostNetwork": 1}, "podTemplate.spec.hostNetwork must be true or false, not the number 1"),
        ({"hostname": 7}, "podTemplate.spec.hostname must be text, not the number 7"),
        ({"containers": {"name": "a"}}, "podTemplate.spec.containers must be a list, not a mapping"),
        ({"initContainers": ["a"]}, 'podTemplate.spec.initContainers.0 must be a mapping, not text "a"'),
    ],
)
def test_a_field_of_a_pod_with_another_type_is_refused(spec: dict[str, Any], message: str) -> None:
    (finding,) = check(stack({"qwen": {"podTemplate": {"spec": spec}}})).findings

    assert (finding.rule, finding.message) == ("pod-template-unknown", message)


@pytest.mark.parametrize("part", ["containers", "initContainers"])
def test_a_value_named_like_a_credential_in_an_added_container_is_a_warning(part: str) -> None:
    password = {"name": "PASSWORD", "value": "hunter2hunter2"}
    plain = {"name": "GREETING", "value": "hello"}
    item = {"name": "side", "image": "side:1", "securityContext": LIMITS, "env": [plain, password]}
    report = check(stack({"qwen": {"podTemplate": {"spec": {part: [item]}}}}))
    (finding,) = report.findings

    assert finding.rule == "secret-name"
    assert finding.marks[0].field == f"podTemplate.spec.{part}.0.env.1.value"


def test_a_patch_that_is_refused_never_breaks_the_objects() -> None:
    for spec in ({"schedulerName": 1}, {"containers": [{"name": "ascend-vllm", "resources": []}]}):
        (service,) = stack({"qwen": {"podTemplate": {"spec": spec}}}).services
        assert [*service_objects(service)]


def test_a_container_of_the_program_is_removed_whole() -> None:
    ((_, _, fix),) = refused({"spec": {"containers": [{"name": "ascend-vllm", "command": ["x"]}]}})

    assert fix.startswith("remove podTemplate.spec.containers.0, and set it under ")
