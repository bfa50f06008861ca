"""What `check` says about patches of pods that are members of a group."""

from __future__ import annotations

import pytest

from models.check import check
from models.finding import Finding
from tests.models.groups.stacks import POOL, stack_with_group

RULE = "group-pod-template"
SIDECAR = "name: logs, image: registry.example.com/logs:1"


def findings(spec: str, *, metadata: str = "", cluster: str = "", **keys: object) -> list[Finding]:
    patch = f"{{spec: {{{spec}}}, metadata: {{{metadata}}}}}"
    engine = "{maxModelLen: 8192, tensorParallelSize: 16, dataParallelSize: 2}"
    report = check(stack_with_group(engine, cluster=cluster, podTemplate=patch, **keys))
    return [finding for finding in report.findings if finding.rule == RULE]


@pytest.mark.parametrize(
    ("spec", "severity", "fix"),
    [
        ("hostname: fixed", "no-effect", "remove podTemplate.spec.hostname"),
        ("subdomain: other", "no-effect", "remove podTemplate.spec.subdomain"),
        ("dnsPolicy: Default", "error", "remove podTemplate.spec.dnsPolicy"),
        ("dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.1]}", "error", "remove podTemplate.spec.dnsPolicy"),
        (
            "nodeSelector: {kubernetes.io/hostname: a3-4}",
            "error",
            "remove podTemplate.spec.nodeSelector.kubernetes.io/hostname",
        ),
        (
            "readinessGates: [{conditionType: example.com/ready}]",
            "warning",
            "remove podTemplate.spec.readinessGates, or write accept.group-pod-template: 'the reason'",
        ),
        (
            f"initContainers: [{{{SIDECAR}, restartPolicy: Always}}]",
            "warning",
            "remove podTemplate.spec.initContainers.0, or write accept.group-pod-template: 'the reason'",
        ),
    ],
)
def test_a_patch_that_contradicts_a_group_is_reported(spec: str, severity: str, fix: str) -> None:
    (finding,) = findings(spec)

    assert (finding.severity, finding.fix) == (severity, fix)


@pytest.mark.parametrize(
    "spec",
    [
        "tolerations: [{key: huawei.com/npu, operator: Exists}]",
        "dnsPolicy: ClusterFirst",
        "dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.1], searches: [svc.example.com]}",
        "dnsConfig: {options: [{name: ndots, value: '2'}]}",
        "setHostnameAsFQDN: false",
        "hostNetwork: false",
        "nodeSelector: {example.com/rack: r1}",
        "runtimeClassName: ascend",
    ],
)
def test_a_patch_that_suits_all_pods_of_a_group_is_accepted(spec: str) -> None:
    assert findings(spec) == []


def test_the_host_name_of_a_pod_is_its_full_name_only_with_short_names() -> None:
    long = findings("setHostnameAsFQDN: true", cluster="namespace: inference", name="deepseek-v3")

    assert [finding.fix for finding in long] == ["remove podTemplate.spec.setHostnameAsFQDN"]
    assert findings("setHostnameAsFQDN: true", cluster="namespace: ai", name="dsv3") == []


@pytest.mark.parametrize(("names", "ok"), [("a3-1", False), ("a3-1, a3-2", True)])
def test_named_nodes_have_room_for_all_pods_of_a_group(names: str, ok: bool) -> None:
    expression = f"{{key: kubernetes.io/hostname, operator: In, values: [{names}]}}"
    required = f"{{nodeSelectorTerms: [{{matchExpressions: [{expression}]}}]}}"
    affinity = f"affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {required}}}}}"

    assert bool(findings(affinity)) != ok


def test_one_node_has_room_for_a_group_of_pods_with_few_npus() -> None:
    selector = "nodeSelector: {kubernetes.io/hostname: a3-4}"

    assert findings(selector, cluster=POOL, npus=8) == []


@pytest.mark.parametrize(("host_network", "ok"), [("true", True), ("false", False)])
def test_the_network_of_a_group_is_that_of_its_cluster(host_network: str, ok: bool) -> None:
    found = findings(f"hostNetwork: {host_network}", cluster="hostNetwork: true, interface: bond0")

    assert [finding.fix for finding in found] == ([] if ok else ["remove podTemplate.spec.hostNetwork"])


def test_a_group_moves_to_the_network_of_its_nodes_by_the_key_of_the_cluster() -> None:
    (finding,) = findings("hostNetwork: true")

    assert finding.fix.endswith("and write cluster.hostNetwork: true and write cluster.interface: enp189s0f0")


def test_pods_on_the_network_of_their_nodes_keep_the_dns_of_the_cluster() -> None:
    (finding,) = findings("dnsPolicy: ClusterFirst", cluster="hostNetwork: true, interface: bond0")

    assert finding.message == "with dnsPolicy ClusterFirst, workers do not find their leader"


@pytest.mark.parametrize(
    ("port", "fix"),
    [(29550, "write group.port: 29601"), (29600, "write group.memberPort: 29601"), (9100, None)],
)
def test_no_other_container_listens_on_a_port_of_the_group(port: int, fix: str | None) -> None:
    found = findings(f"containers: [{{{SIDECAR}, ports: [{{containerPort: {port}}}]}}]")

    assert [finding.fix for finding in found if finding.severity == "error"] == ([fix] if fix else [])


@pytest.mark.parametrize(("replicas", "ok"), [(2, True), (3, False)])
def test_a_port_of_the_node_needs_a_node_for_each_pod(replicas: int, ok: bool) -> None:
    sidecar = f"containers: [{{{SIDECAR}, ports: [{{containerPort: 9100, hostPort: 9100}}]}}]"
    found = findings(sidecar, cluster=POOL, replicas=replicas)

    errors = [finding.fix for finding in found if finding.severity == "error"]
    assert errors == ([] if ok else ["remove podTemplate.spec.containers.0.ports.0.hostPort"])


def test_variables_and_labels_that_are_overwritten_have_no_effect() -> None:
    sidecar = f"containers: [{{{SIDECAR}, env: [{{name: LWS_WORKER_INDEX, value: '3'}}]}}]"
    found = findings(sidecar, metadata="labels: {statefulset.kubernetes.io/pod-name: first}")

    assert [finding.fix for finding in found if finding.severity == "no-effect"] == [
        "remove podTemplate.spec.containers.0.env.0",
        "remove podTemplate.metadata.labels.statefulset.kubernetes.io/pod-name",
    ]


def test_pods_that_are_no_group_may_have_such_a_patch() -> None:
    assert findings("hostname: fixed, dnsPolicy: Default", nodes=1) == []
