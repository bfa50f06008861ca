"""`podTemplate` held against Kubernetes: what is refused, where, and with which edit."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from models.check import check
from models.finding import Finding
from models.kubernetes.schema import known_minors, pod_schema
from models.rules.registry import judge
from models.service.resolve import resolve
from models.stack_file.keys.cluster import DEFAULT_KUBERNETES, minor_of
from models.stack_file.keys.pod_template import PodTemplate
from models.stack_file.load import load_text
from sandbox.pins import _KUBERNETES
from tests.models.kubernetes.patches import ACCEPTED, random_patch
from tests.review.stacks import stack
from tests.rules.edits import alternatives, apply

pytestmark = pytest.mark.slow

FILE = """\
config:
  ascend-vllm:cluster: {context: prod}
  ascend-vllm:services:
    qwen:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/Qwen2-7B-Instruct
      npus: 1
      engine: {maxModelLen: 4096}
"""
SHAPES = ("bad-value", "pod-template-unknown", "pod-template-refused")


def findings(spec: Any, kubernetes: str = DEFAULT_KUBERNETES) -> list[Finding]:
    return of_text(text_of({"spec": spec}, kubernetes))


def text_of(patch: Any, kubernetes: str = DEFAULT_KUBERNETES) -> str:
    """A stack file with a patch in its ninth line."""
    patch_text = yaml.safe_dump(patch, default_flow_style=True, width=10**6)
    head = FILE.replace("{context: prod}", f"{{context: prod, kubernetes: '{kubernetes}'}}")
    return f"{head}      podTemplate: {patch_text}"


def of_text(text: str) -> list[Finding]:
    found = check(resolve(load_text("test", "Pulumi.test.yaml", text))).findings
    return [finding for finding in found if finding.rule in SHAPES]


def problems(spec: Any, kubernetes: str = DEFAULT_KUBERNETES) -> list[tuple[str, str]]:
    """The places and the fixes of what is refused."""
    return [
        (finding.marks[0].field.removeprefix("podTemplate.spec."), finding.fix.replace("podTemplate.spec.", ""))
        for finding in findings(spec, kubernetes)
    ]


SIDE = {"name": "side", "image": "side:1.0"}


def side(**fields: Any) -> dict[str, Any]:
    return {"containers": [{**SIDE, **fields}]}


@pytest.mark.parametrize(
    ("claims", "refused"),
    [
        ([{"name": "a"}, {"name": "b"}], ""),
        ([{"name": "a", "request": "x"}, {"name": "a", "request": "y"}], ""),
        ([{"name": "a"}, {"name": "a"}], "already in podTemplate.spec.containers.0.resources.claims.0.name"),
        ([{"name": "a", "request": "x"}, {"name": "a", "request": "x"}], "already in"),
        ([{"name": "a"}, {"name": "a", "request": "x"}], "already in"),
        ([{"name": "a", "request": "x"}, {"name": "a"}], "already in"),
        ([{"name": "c"}], "not one of spec.resourceClaims"),
    ],
)
def test_a_part_of_a_claim_is_used_once(claims: list[dict[str, str]], refused: str) -> None:
    of_pod = [{"name": name, "resourceClaimName": name} for name in "ab"]
    found = findings({**side(resources={"claims": claims}), "resourceClaims": of_pod})

    assert len(found) == (1 if refused else 0)
    assert all(refused in finding.message for finding in found)


COSTS = {
    "2147483647": True, "-2147483648": True, "0": True, "-0": True, "-01": True, "-" + "0" * 5000 + "1": True,
    "2147483648": False, "-2147483649": False, "00": False, "01": False, "+1": False, "1_0": False, "1\n": False,
    "9" * 5000: False, "-": False,
}  # fmt: skip
"""Costs of a deletion, and whether strconv.ParseInt and Kubernetes' look at the first digit accept them."""


@pytest.mark.parametrize(("cost", "is_accepted"), COSTS.items(), ids=lambda value: str(value)[:12])
def test_the_cost_of_a_deletion_is_a_number_of_32_bits(cost: str, is_accepted: bool) -> None:
    annotations = {"controller.kubernetes.io/pod-deletion-cost": cost}
    found = of_text(text_of({"metadata": {"annotations": annotations}}))

    assert (found == []) == is_accepted


@pytest.mark.parametrize("spec", ACCEPTED, ids="+".join)
def test_a_patch_of_every_family_is_accepted(spec: dict[str, Any]) -> None:
    assert findings(spec) == []


REFUSED = [
    (side(command="sleep 1"), "containers.0.command", 'write containers.0.command: [sleep, "1"]'),
    (side(env=[{"name": "A", "value": 5}]), "containers.0.env.0.value", 'write containers.0.env.0.value: "5"'),
    (side(image=None), "containers.0.image", "write containers.0.image: registry.example.com/sidecar:1.0"),
    (side(imge="a:1"), "containers.0.imge", "remove containers.0.imge"),
    ({"containers": [{"name": "a", "imge": "a:1"}]}, "containers.0.imge", "rename containers.0.imge to image"),
    (side(imagePullPolicy="always"), "containers.0.imagePullPolicy", "write containers.0.imagePullPolicy: Always"),
    (side(resources={"limits": 1}), "containers.0.resources.limits", "remove containers.0.resources.limits"),
    (side(resources={"requests": True}), "containers.0.resources.requests", "remove containers.0.resources.requests"),
    (
        side(resources={"limits": {"memory": "64MB!"}}),
        "containers.0.resources.limits.memory",
        "write containers.0.resources.limits.memory: 64Mi",
    ),
    (
        side(resources={"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}),
        "containers.0.resources.requests.cpu",
        "write containers.0.resources.requests.cpu: 500m",
    ),
    (
        side(resources={"limits": {"gpu": 1}}),
        "containers.0.resources.limits.gpu",
        "remove containers.0.resources.limits.gpu",
    ),
    (
        side(volumeMounts=[{"name": "shmm", "mountPath": "/a"}]),
        "containers.0.volumeMounts.0.name",
        "write containers.0.volumeMounts.0.name: shm",
    ),
    (
        side(volumeMounts=[{"name": "shm", "mountPath": "/a"}, {"name": "shm", "mountPath": "/a"}]),
        "containers.0.volumeMounts.1.mountPath",
        "remove containers.0.volumeMounts.1",
    ),
    (
        {"volumes": [{"name": "a", "configMap": {"name": "b", "defaultMode": "0644"}}]},
        "volumes.0.configMap.defaultMode",
        "write volumes.0.configMap.defaultMode: 420",
    ),
    (
        side(resources={"limits": {"cpu": None}}),
        "containers.0.resources.limits.cpu",
        "remove containers.0.resources.limits.cpu",
    ),
    (
        {"volumes": [{"name": "a", "azureDisk": {"diskName": "a", "diskURI": "b"}}]},
        "volumes.0.azureDisk.diskURI",
        "write volumes.0.azureDisk.diskURI: https://b",
    ),
    *(
        (
            side(securityContext={"windowsOptions": {key: value}}),
            f"containers.0.securityContext.windowsOptions.{key}",
            f"remove containers.0.securityContext.windowsOptions.{key}",
        )
        for key, value in (
            ("gmsaCredentialSpecName", "A_B"),
            ("gmsaCredentialSpec", ""),
            ("runAsUserName", ""),
            ("runAsUserName", "a" * 105),
            ("runAsUserName", "a\\b\\c"),
            ("runAsUserName", ". ."),
            ("runAsUserName", "a@b"),
            ("runAsUserName", "\\a"),
            ("runAsUserName", "A" * 256 + "\\a"),
        )
    ),
    (
        side(ports=[{"containerPort": 70000}]),
        "containers.0.ports.0.containerPort",
        "write containers.0.ports.0.containerPort: 65535",
    ),
    (
        side(ports=[{"containerPort": 80, "protocol": "tcp"}]),
        "containers.0.ports.0.protocol",
        "write containers.0.ports.0.protocol: TCP",
    ),
    (
        side(livenessProbe={"exec": {"command": ["a"]}, "tcpSocket": {"port": 1}}),
        "containers.0.livenessProbe.tcpSocket",
        "remove containers.0.livenessProbe.tcpSocket",
    ),
    (side(livenessProbe={"periodSeconds": 5}), "containers.0.livenessProbe", "remove containers.0.livenessProbe"),
    (
        side(env=[{"name": "A", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]),
        "containers.0.env.0.value",
        "remove containers.0.env.0.value",
    ),
    (
        side(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIp"}}}]),
        "containers.0.env.0.valueFrom.fieldRef.fieldPath",
        "write containers.0.env.0.valueFrom.fieldRef.fieldPath: status.podIP",
    ),
    (side(restartPolicy="Always"), "containers.0.restartPolicy", "remove containers.0.restartPolicy"),
    (
        side(securityContext={"runAsUser": -1}),
        "containers.0.securityContext.runAsUser",
        "write containers.0.securityContext.runAsUser: 0",
    ),
    (
        {"tolerations": [{"key": "a", "operator": "Exist"}]},
        "tolerations.0.operator",
        "write tolerations.0.operator: Exists",
    ),
    (
        {"tolerations": [{"operator": "Exists", "efect": "NoExecute"}]},
        "tolerations.0.efect",
        "rename tolerations.0.efect to effect",
    ),
    ({"tolerations": {"operator": "Exists"}}, "tolerations", "write tolerations: [{operator: Exists}]"),
    ({"affinity": {"nodeAfinity": {}}}, "affinity.nodeAfinity", "rename affinity.nodeAfinity to nodeAffinity"),
    ({"dnsPolicy": "clusterfirst"}, "dnsPolicy", "write dnsPolicy: ClusterFirst"),
    ({"dnsPolicy": "None"}, "dnsConfig.nameservers", "write dnsConfig.nameservers: [10.0.0.10]"),
    ({"dnsConfig": {"nameservers": ["10.0.0"]}}, "dnsConfig.nameservers.0", "write dnsConfig.nameservers.0: 10.0.0.10"),
    ({"hostNetwork": "yes"}, "hostNetwork", "write hostNetwork: true"),
    ({"hostUsers": False, "hostPID": True}, "hostPID", "remove hostPID"),
    ({"nodeSelector": {"zone": "a b"}}, "nodeSelector.zone", "write nodeSelector.zone: a-b"),
    ({"volumes": [{"name": "v", "emptydir": {}}]}, "volumes.0.emptydir", "rename volumes.0.emptydir to emptyDir"),
    ({"volumes": [{"name": "V", "emptyDir": {}}]}, "volumes.0.name", "write volumes.0.name: v"),
    (
        {"volumes": [{"name": "v", "emptyDir": {}, "configMap": {"name": "a"}}]},
        "volumes.0.emptyDir",
        "remove volumes.0.emptyDir",
    ),
    (
        {"volumes": [{"name": "v", "hostPath": {"path": "/a", "type": "Dir"}}]},
        "volumes.0.hostPath.type",
        "write volumes.0.hostPath.type: Directory",
    ),
    (
        {"volumes": [{"name": "v", "emptyDir": {"medium": "memory"}}]},
        "volumes.0.emptyDir.medium",
        "write volumes.0.emptyDir.medium: Memory",
    ),
    ({"containers": [SIDE, SIDE]}, "containers.1.name", "remove containers.1"),
    ({"containers": [None]}, "containers.0", "remove containers.0"),
    ({"containers": {"name": "side", "image": "a:1"}}, "containers", "write containers: [{image: a:1, name: side}]"),
    (
        {"initContainers": [{**SIDE, "name": "a", "livenessProbe": {"tcpSocket": {"port": 1}}}]},
        "initContainers.0.livenessProbe",
        "remove initContainers.0.livenessProbe",
    ),
    ({"shareProcessNamespace": 10**30}, "shareProcessNamespace", "remove shareProcessNamespace"),
]


@pytest.mark.parametrize(("spec", "place", "fix"), REFUSED, ids=[place for _, place, _ in REFUSED])
def test_what_the_api_server_refuses_is_one_finding_with_its_place_and_its_edit(
    spec: dict[str, Any], place: str, fix: str
) -> None:
    assert problems(spec) == [(place, fix)]


@pytest.mark.parametrize(("spec", "place", "fix"), REFUSED, ids=[place for _, place, _ in REFUSED])
def test_the_edit_of_a_refused_patch_works_literally(spec: dict[str, Any], place: str, fix: str) -> None:
    del place, fix
    text = text_of({"spec": spec})
    (finding,) = of_text(text)

    assert finding.span
    assert finding.span.line == 9
    for edits in alternatives(finding.fix):
        assert of_text(apply(edits, finding, text)) == []


def test_a_field_of_a_later_release_names_the_release_that_has_it() -> None:
    (finding,) = findings({"hostnameOverride": "a"}, "1.33")

    assert finding.message == ("podTemplate.spec.hostnameOverride is a field from Kubernetes 1.34 on, not of 1.33")
    assert findings({"hostnameOverride": "a"}, "1.34") == []


def test_a_release_that_is_not_known_is_checked_as_the_nearest_one() -> None:
    oldest, newest = known_minors()[0], known_minors()[-1]

    assert pod_schema(19).minor == oldest
    assert pod_schema(newest + 5).minor == newest


def test_the_release_of_a_cluster_is_that_of_the_sandbox_by_default() -> None:
    assert f"{DEFAULT_KUBERNETES}." == _KUBERNETES[: _KUBERNETES.rindex(".") + 1]
    assert minor_of(DEFAULT_KUBERNETES) in known_minors()


def test_a_problem_that_a_misspelled_key_causes_is_not_reported_again() -> None:
    mounts = [{"name": "data", "mountPath": "/data"}]
    spec = {**side(volumeMounts=mounts), "volumes": [{"nmae": "data", "emptyDir": {}}]}

    assert problems(spec) == [("volumes.0.nmae", "rename volumes.0.nmae to name")]


def test_a_name_of_the_programs_own_volume_is_refused_once() -> None:
    found = check(stack({"qwen": {"podTemplate": {"spec": {"volumes": [{"name": "shm", "emptyDir": {}}]}}}})).findings

    assert [finding.rule for finding in found] == ["pod-template-owned"]


@pytest.mark.parametrize(
    ("key", "rule"), [("nodeSelector", "pod-template-owned"), ("containers", "pod-template-unknown")]
)
def test_a_program_cannot_remove_what_the_pods_need(key: str, rule: str) -> None:
    (service,) = stack({"qwen": {}}).services

    found = judge(replace(service, pod_template=PodTemplate(spec={key: None})))

    assert [finding.rule for finding in found] == [rule]


@pytest.mark.slow
def test_random_changes_of_patches_end_in_findings_and_never_in_a_traceback() -> None:
    random = Random(18)  # noqa: S311  patches are not secrets
    for _ in range(100):
        patch = random_patch(random, changes=3)
        check(stack({"qwen": {"smoke": True, "network": {}, "podTemplate": {"spec": patch}}}))


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
keys = st.sampled_from(["name", "image", "resources", "limits", "env", "value", "spec", "metadata", "labels"]) | words
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of a strategy, and lists and mappings of them."""
    return inner | st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)


anything = nested(nested(nested(scalars)))
FIELDS = sorted(pod_schema(minor_of(DEFAULT_KUBERNETES)).fields("PodSpec"))


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=3) | anything)
def test_any_value_in_a_patch_ends_in_findings_and_never_in_a_traceback(spec: Any) -> None:
    for patch in (spec, {"spec": spec}, {"metadata": spec}):
        check(stack({"qwen": {"smoke": True, "network": {}, "podTemplate": patch}}))
