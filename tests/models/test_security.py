"""What a pod may do."""

from __future__ import annotations

from typing import Any

import pytest

from models.check import check
from models.manifests import service_objects, stack_objects
from models.manifests.metadata import selector
from models.service.resolved import ResolvedService, ResolvedStack
from tests.conftest import HEAD, stack_of

SMALL = "image: a:1, model: /m/Qwen2-7B, engine: {maxModelLen: 4096}"


def stack(keys: str = "", cluster: str = "") -> ResolvedStack:
    return stack_of(
        f"qwen: {{{SMALL}{keys}}}\n", HEAD.replace("    context: kwok-test\n", f"    context: kwok-test\n{cluster}")
    )


def pods(service: ResolvedService) -> list[dict[str, Any]]:
    """The specs of all pods that a service has."""
    return [one["spec"]["template"]["spec"] for one in service_objects(service) if one["kind"] in ("Deployment", "Job")]


def containers(service: ResolvedService) -> list[dict[str, Any]]:
    return [one for spec in pods(service) for one in (*spec.get("initContainers", ()), *spec["containers"])]


EVERY_POD = ", smoke: true, mindSpeed: install"


def test_no_container_may_gain_rights_and_root_keeps_one_capability() -> None:
    found = [one["securityContext"] for one in containers(stack(EVERY_POD).services[0])]

    assert len(found) == 4
    assert all(one["capabilities"] == {"drop": ["ALL"], "add": ["DAC_OVERRIDE"]} for one in found)
    assert all((one["allowPrivilegeEscalation"], one["runAsUser"]) == (False, 0) for one in found)


def test_another_user_keeps_no_capability_and_is_never_root() -> None:
    found = [one["securityContext"] for one in containers(stack(f"{EVERY_POD}, runAsUser: 1001").services[0])]

    assert all(one["capabilities"] == {"drop": ["ALL"]} for one in found)
    assert all((one["runAsUser"], one["runAsNonRoot"]) == (1001, True) for one in found)


def test_no_pod_gets_a_token_and_all_are_in_the_group_of_the_npus() -> None:
    found = pods(stack(EVERY_POD).services[0])

    assert [one["automountServiceAccountToken"] for one in found] == [False, False]
    assert [one["securityContext"]["supplementalGroups"] for one in found] == [[1000], [1000]]


def test_profile_and_group_are_those_of_the_environment() -> None:
    given = "    seccomp: Unconfined\n    platform: {kind: cce, group: 2000}\n"
    (spec,) = pods(stack(cluster=given).services[0])

    assert spec["securityContext"] == {"supplementalGroups": [2000], "seccompProfile": {"type": "Unconfined"}}


def test_only_shared_memory_and_the_graph_cache_can_be_written_to() -> None:
    lora = "lora: {adapters: {one: /m/one}}, speculative: {kind: draft, source: /m/small, tokens: 3}"
    preflight, server = containers(stack(f", {lora}, graph: pta").services[0])

    assert all(one["readOnly"] for one in preflight["volumeMounts"])
    assert [one["name"] for one in server["volumeMounts"] if not one.get("readOnly")] == ["shm", "graph-cache"]


def test_the_namespace_has_the_level_that_the_pods_need_and_says_why() -> None:
    namespace = next(one for one in stack_objects(stack()) if one["kind"] == "Namespace")["metadata"]

    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert namespace["annotations"]["ascend-vllm/pod-security-reason"].startswith("baseline forbids hostPath volumes")


def test_the_selector_is_pinned_since_it_can_never_change() -> None:
    service = stack().services[0]
    _, deployment, front, *_ = service_objects(service)
    pinned = {"app.kubernetes.io/name": "ascend-vllm", "app.kubernetes.io/instance": "qwen"}

    assert selector(service) == deployment["spec"]["selector"]["matchLabels"] == front["spec"]["selector"] == pinned


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("a", "has no tag"),
        ("registry.example.com:5000/a", "has no tag"),
        ("a:latest", "has the moving tag latest"),
        ("registry.example.com:5000/a:latest", "has the moving tag latest"),
        ("a:latest-910b", "has the moving tag latest-910b"),
        ("a:910b-latest", "has the moving tag 910b-latest"),
        ("a:v0.18.0-latest", "has the moving tag v0.18.0-latest"),
        ("a:main", "has the moving tag main"),
        ("a:main-openeuler", "has the moving tag main-openeuler"),
        ("a:master", "has the moving tag master"),
        ("a:nightly", "has the moving tag nightly"),
        ("a:nightly-a3", "has the moving tag nightly-a3"),
        ("a:nightly-releases-v0.18.0", "has the moving tag nightly-releases-v0.18.0"),
        ("a:nightly-20261101", "has the moving tag nightly-20261101"),
        ("a:v0.9.1-dev", "has the moving tag v0.9.1-dev"),
        ("a:edge", "has the moving tag edge"),
        ("a:1.0-SNAPSHOT", "has the moving tag 1.0-SNAPSHOT"),
        ("a:stable", "has the moving tag stable"),
        ("a:prod", "has the moving tag prod"),
        ("a:1", None),
        ("a:v0.18.0rc1-a3-openeuler", None),
        ("a:6.3.912-20261101", None),
        ("a:1.2.3-test", None),
        ("a:maintained-1", None),
        ("a:main-3f2a1bc", None),
        ("a:main-20261101", None),
        ("a:1.2.3-dev.4", None),
        ("a:v2.0.0-next.3", None),
        ("a:main-310p", "has the moving tag main-310p"),
        ("a:LATEST", "has the moving tag LATEST"),
        ("a:latest-3f2a1bc", "has the moving tag latest-3f2a1bc"),
        ("a:dev-20261101.g3f2a1bc", None),
        ("a:main@sha256:" + "0" * 64, None),
        ("registry.example.com:5000/a@sha256:" + "0" * 64, None),
        ("a:latest@sha256:" + "0" * 64, None),
    ],
)
def test_an_image_needs_a_release_tag_or_a_digest(image: str, says: str | None) -> None:
    found = check(stack_of(f"qwen: {{image: '{image}', model: /m/Qwen2-7B, engine: {{maxModelLen: 4096}}}}\n")).errors

    assert [one.message for one in found] == ([f"the image {image} {says}"] if says else [])


def test_a_finding_names_each_directory_of_the_node_that_the_user_cannot_write() -> None:
    guess = "speculative: {kind: eagle, source: /m/head, tokens: 3, convert: {tools: /tools, baseWeights: a.bin}}"
    found = check(stack(f", graph: pta, {guess}, runAsUser: 1000")).errors
    places = [mark.field for one in found if one.rule == "user-cannot-write" for mark in one.marks]

    assert places == ["runAsUser", "graph.cache", "runAsUser", "speculative.convert"]
    assert "user-cannot-write" not in [one.rule for one in check(stack(f", graph: pta, {guess}")).errors]


@pytest.mark.parametrize(
    ("image", "user", "npus", "found"),
    [
        ("a:1", 65534, 2, True),
        ("a:1", 65534, 1, False),
        ("a:1", 1000, 2, False),
        ("a:1", 0, 2, False),
        ("quay.io/ascend/vllm-ascend:v0.23.0", 1000, 2, True),
        ("quay.io/ascend/vllm-ascend:v0.30.0", 0, 2, False),
    ],
)
def test_several_npus_need_a_user_with_a_name(image: str, user: int, npus: int, found: bool) -> None:
    text = f"image: {image}, model: /m/Qwen2-7B, npus: {npus}, runAsUser: {user}, engine: {{maxModelLen: 4096}}"
    rules = {finding.rule for finding in check(stack_of(f"qwen: {{{text}}}\n")).warnings}

    assert ("user-without-name" in rules) == found


def test_every_pod_pulls_its_image_with_the_same_credentials() -> None:
    found = pods(stack(f"{EVERY_POD}, pullSecrets: [registry]").services[0])

    assert [one["imagePullSecrets"] for one in found] == [[{"name": "registry"}]] * 2


@pytest.mark.parametrize("part", ["containers", "initContainers"])
@pytest.mark.parametrize(
    ("image", "fine"),
    [
        ("busybox", False),
        ("r:5000/a/side:latest", False),
        ("a:main", False),
        ("a:nightly-1", False),
        ("a:x-latest", False),
        ("busybox:1.36", True),
    ],
)
def test_the_image_of_an_added_container_has_a_tag_that_stays(part: str, image: str, fine: bool) -> None:
    item = f"{{name: side, image: '{image}', env: [{{name: image, value: latest}}]}}"
    report = check(stack(f", podTemplate: {{spec: {{{part}: [{{name: other, image: a:1}}, {item}]}}}}"))

    found = [(one.rule, one.marks[0].field) for one in report.errors]
    assert found == ([] if fine else [("image-tag", f"podTemplate.spec.{part}.1.image")])


def test_the_image_of_an_image_volume_has_a_tag_that_stays() -> None:
    volumes = "volumes: [{name: a, image: {reference: 'a:1'}}, {name: b, image: {reference: 'b:main'}}]"
    (finding,) = check(stack(f", podTemplate: {{spec: {{{volumes}}}}}")).findings

    assert (finding.rule, finding.marks[0].field) == ("image-tag", "podTemplate.spec.volumes.1.image.reference")


def test_a_text_under_a_key_named_image_is_no_image() -> None:
    assert check(stack(", podTemplate: {spec: {nodeSelector: {image: latest}}}")).findings == ()


def test_the_group_of_the_npus_is_not_that_of_root() -> None:
    findings = stack(cluster="    platform: {kind: cce, group: 0}\n").findings

    assert [(finding.rule, finding.marks[0].field) for finding in findings] == [("bad-value", "cluster.platform.group")]
