"""Whether a cluster is ready for a stack, before anything is deployed to it."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.api.errors import ClusterError
from cluster.live_check import Answers, check_cluster, cluster_findings, read_answers
from cluster.prerequisites import Prerequisite, prerequisites
from cluster.snapshot import Object
from models.finding import Finding
from models.manifests.kinds import MONITORING, VOLCANO
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.load import load_text
from tests.cluster.objects import LABELS, RESOURCE
from tests.cluster.test_cluster import Api, api
from tests.review import stacks
from tests.rules.edits import alternatives, apply

__all__ = ["api"]

FORBIDDEN = ClusterError("not allowed to list nodes", "ask for a role", forbidden=True)
SHARED = "ascend-vllm:cluster: {context: there, namespace: {name: shared, create: false}}\n"
QUEUED = "ascend-vllm:cluster: {context: there, queues: {mine: {create: true}, theirs: {npus: 8}}}\n"
METRICS = frozenset({"PodMonitor", "PrometheusRule"})
KNOWN = {VOLCANO: frozenset({"Queue", "PodGroup"}), MONITORING: METRICS}


def node(npus: int = 8, **labels: str) -> Object:
    allocatable = {"allocatable": {RESOURCE: str(npus)}} if npus else {}
    return {"metadata": {"name": "node", "labels": {**LABELS, **labels}}, "status": allocatable}


def namespace(**labels: str) -> Object:
    return {"kind": "Namespace", "metadata": {"name": "shared", "labels": labels}}


NODES = (node(), node())


def stack(head: str = "", **service: Any) -> ResolvedStack:
    return stacks.stack({"qwen": service}, stacks.head(head)) if head else stacks.stack({"qwen": service})


def found(stack: ResolvedStack, **asked: Any) -> list[Finding]:
    return [*cluster_findings(stack, Answers(**{"kinds": KNOWN, "nodes": NODES, "namespace": namespace(), **asked}))]


def only(stack: ResolvedStack, **asked: Any) -> Finding:
    (finding,) = found(stack, **asked)
    return finding


def test_a_cluster_that_fits_the_stack_has_no_findings() -> None:
    assert found(stack(monitoring=True)) == []


@pytest.mark.parametrize(
    ("found_namespace", "rule", "fix"),
    [
        ({}, "namespace-missing", "create namespace shared"),
        (namespace(**{"pod-security.kubernetes.io/enforce": "restricted"}), "namespace-pod-security", "=privileged"),
        (namespace(**{"pod-security.kubernetes.io/enforce": "baseline"}), "namespace-pod-security", "=privileged"),
    ],
)
def test_a_namespace_that_the_stack_does_not_create_must_exist_and_allow_the_pods(
    found_namespace: Object, rule: str, fix: str
) -> None:
    finding = only(stack(SHARED), namespace=found_namespace)

    assert (finding.rule, finding.severity, finding.marks[0].path) == (rule, "error", ("cluster", "namespace"))
    assert fix in finding.fix


@pytest.mark.parametrize("level", ["privileged", ""])
def test_a_namespace_that_allows_host_paths_is_fine(level: str) -> None:
    labels = {"pod-security.kubernetes.io/enforce": level} if level else {}

    assert found(stack(SHARED), namespace=namespace(**labels)) == []


def test_a_namespace_that_the_stack_creates_need_not_exist() -> None:
    assert found(stack(), namespace={}) == []


def test_a_cluster_without_volcano_is_an_error() -> None:
    finding = only(stack(), kinds={VOLCANO: frozenset()})

    assert (finding.rule, finding.severity) == ("volcano-missing", "error")


@pytest.mark.parametrize("known", [frozenset[str](), frozenset({"PodMonitor"}), METRICS])
def test_kinds_that_the_cluster_does_not_know_are_warnings(known: frozenset[str]) -> None:
    warned = found(stack(monitoring=True), kinds={**KNOWN, MONITORING: known})

    assert [one.message.split()[-2] for one in warned] == sorted(METRICS - known)
    assert {(one.rule, one.severity, one.service) for one in warned} <= {("kind-missing", "warning", "qwen")}


@pytest.mark.parametrize(
    ("queue", "rule"),
    [(None, "queue-missing"), ({"status": {"state": "Closed"}}, "queue-closed"), ({"status": {"state": "Open"}}, "")],
)
def test_a_queue_that_the_stack_does_not_create_must_exist_and_be_open(queue: Object | None, rule: str) -> None:
    findings = found(stack(QUEUED, queue="theirs"), queues={"theirs": queue})

    assert [one.rule for one in findings] == [rule] * bool(rule)


@pytest.mark.parametrize(
    ("nodes", "rule"),
    [
        ([], "nodes-missing"),
        ([{"metadata": {"name": "cpu"}}], "nodes-missing"),
        ([node(0), node(0)], "npus-missing"),
        ([node()], "pools-differ"),
        ([node(4), node(4)], "pools-differ"),
        ([node(), node(), node()], ""),
    ],
)
def test_nodes_are_compared_with_the_platform_and_the_pools(nodes: Sequence[Object], rule: str) -> None:
    assert [one.rule for one in found(stack(), nodes=nodes)] == [rule] * bool(rule)


@pytest.mark.parametrize(("labels", "rule"), [({}, "nodes-missing"), (LABELS, "npus-missing")])
def test_a_wrong_platform_is_reported_with_what_the_nodes_offer(labels: dict[str, str], rule: str) -> None:
    mindcluster = {
        "metadata": {"name": "n1", "labels": labels},
        "status": {"allocatable": {"huawei.com/Ascend910": "8"}},
    }
    finding = only(stack(), nodes=[mindcluster])

    assert finding.rule == rule
    assert finding.why.endswith("; the nodes offer huawei.com/Ascend910 (8)")
    assert finding.fix == "write cluster.platform: mindcluster"


POOLED = "ascend-vllm:cluster: {context: there, pools: {npus: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi}}}\n"


@pytest.mark.parametrize(
    ("head", "service", "answers"),
    [
        (SHARED, {}, {"namespace": None}),
        (POOLED, {"monitoring": True}, {"kinds": {**KNOWN, MONITORING: frozenset()}}),
        (QUEUED, {"queue": "theirs"}, {"queues": {"theirs": None}}),
        (POOLED, {}, {"nodes": [node()]}),
        (POOLED, {}, {"nodes": [node(4), node(4)]}),
    ],
)
def test_a_fix_that_is_an_edit_removes_the_finding_when_it_is_applied_literally(
    head: str, service: dict[str, Any], answers: dict[str, Any]
) -> None:
    text = stacks.head(head) + textwrap.indent(yaml.safe_dump({"qwen": {**stacks.SERVICE, **service}}), " " * 4)

    def findings_of(text: str) -> list[Finding]:
        resolved = resolve(load_text("prod", "Pulumi.prod.yaml", text))
        assert resolved.services, resolved.findings
        created = {name for name, queue in resolved.cluster.queues.items() if queue.create}
        queues = {name: queue for name, queue in answers.get("queues", {}).items() if name not in created}
        return found(resolved, **{**answers, "queues": queues})

    finding = findings_of(text)[0]
    edits = alternatives(finding.fix)

    assert edits, f"not an edit: {finding.fix}"
    for edit in edits:
        remaining = findings_of(apply(edit, finding, text))
        assert finding.rule not in [other.rule for other in remaining]


PATCHED: dict[str, Any] = {
    "server": {"apiKey": {"secret": "keys", "key": "qwen"}},
    "priorityClass": "production",
    "podTemplate": {
        "spec": {
            "serviceAccountName": "reader",
            "containers": [
                {
                    "name": "side",
                    "image": "a:1",
                    "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "words", "key": "a"}}}],
                    "envFrom": [{"secretRef": {"name": "maybe", "optional": True}}, {"secretRef": {"name": "sure"}}],
                }
            ],
            "volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "tls", "secret": {"secretName": "tls"}},
            ],
        }
    },
}
NAMED = {
    ("Secret", "keys"): "server.apiKey",
    ("PriorityClass", "production"): "priorityClass",
    ("ServiceAccount", "reader"): "podTemplate.spec.serviceAccountName",
    ("ConfigMap", "words"): "podTemplate.spec.containers",
    ("Secret", "sure"): "podTemplate.spec.containers",
    ("PersistentVolumeClaim", "data"): "podTemplate.spec.volumes",
    ("Secret", "tls"): "podTemplate.spec.volumes",
}


def test_prerequisites_are_the_objects_that_pods_refer_to_and_the_stack_does_not_create() -> None:
    assert {(one.kind, one.name): one.field for one in prerequisites(stack(**PATCHED))} == NAMED
    assert prerequisites(stack()) == [], "the launch map is the stack's own"
    assert prerequisites(stack(smoke=True, server=PATCHED["server"])) == [
        Prerequisite("Secret", "keys", "qwen", "server.apiKey")
    ]


def test_the_keys_of_a_bucket_are_prerequisites_unless_the_stack_creates_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.json").write_text(json.dumps({"files": {"config.json": {"size": 1, "sha256": "0" * 64}}}))
    keys = {"accessKey": {"secret": "obs", "key": "access"}, "secretKey": {"config": "obs-secret"}}
    bucket = {"kind": "bucket", "endpoint": "https://obs.example.com", "region": "r", "bucket": "models", **keys}
    text = yaml.safe_dump(
        {
            "config": {
                "ascend-vllm:cluster": {"context": "prod"},
                "ascend-vllm:obs-secret": {"secure": "v1:8yXn4qJwGYs=:ZkE0"},
                "ascend-vllm:services": {
                    "qwen": {
                        "image": "a:1",
                        "model": {"name": "m", "source": bucket, "verify": "m.json"},
                        "engine": {"maxModelLen": 1024},
                    }
                },
            }
        }
    )

    assert prerequisites(resolve(load_text("prod", "Pulumi.prod.yaml", text))) == [
        Prerequisite("Secret", "obs", "qwen", "model.source")
    ]


def test_a_missing_prerequisite_is_reported_at_the_key_that_names_it() -> None:
    findings = found(stack(**PATCHED), exists=dict.fromkeys(NAMED, False) | {("Secret", "keys"): True})

    assert {one.rule for one in findings} == {"object-missing"}
    assert {one.marks[0].field for one in findings} == {*NAMED.values()} - {"server.apiKey"}
    assert "the PriorityClass production does not exist" in {one.message for one in findings}


@dataclass
class FakeCluster:
    """A reader with prepared kinds, which records its reads; an error is raised."""

    known: Mapping[str, frozenset[str]] = field(default_factory=lambda: KNOWN)
    errors: Mapping[str, ClusterError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def _note(self, what: str) -> None:
        self.asked.append(what)
        if what in self.errors:
            raise self.errors[what]

    async def kinds(self, group: str) -> frozenset[str]:
        self._note(group)
        return self.known.get(group, frozenset())

    async def named(self, kind: str, name: str) -> Object | None:
        self._note(f"{kind} {name}")
        return namespace()

    async def exists(self, kind: str, name: str) -> bool:
        self._note(f"{kind} {name}")
        return True

    async def nodes(self) -> Sequence[Object]:
        self._note("nodes")
        return NODES


def test_nothing_is_read_that_is_not_checked() -> None:
    cluster = FakeCluster()
    asyncio.run(read_answers(stack(), cluster))

    assert cluster.asked == [VOLCANO, "Queue default", "Namespace inference", "nodes"]


def test_the_queues_of_a_cluster_without_volcano_are_not_read() -> None:
    cluster = FakeCluster(known={})
    asyncio.run(read_answers(stack(QUEUED, queue="theirs"), cluster))

    assert "Queue theirs" not in cluster.asked


@pytest.mark.parametrize("what", ["nodes", "Namespace shared", "Queue default", "Secret keys", VOLCANO])
def test_an_object_that_may_not_be_read_is_named_and_not_checked(what: str) -> None:
    one = stack(SHARED, server=PATCHED["server"])
    asked = asyncio.run(read_answers(one, FakeCluster(errors={what: FORBIDDEN})))

    assert dict(asked.unread) == {what: FORBIDDEN.message}
    assert [*cluster_findings(one, asked)] == []


def test_a_cluster_that_stops_answering_is_an_error() -> None:
    gone = ClusterError("the API server does not answer", "wait", passing=True)
    with pytest.raises(ClusterError):
        asyncio.run(read_answers(stack(), FakeCluster(errors={"nodes": gone})))


def test_a_cluster_that_does_not_answer_is_a_finding_at_its_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    (finding,), unread = asyncio.run(check_cluster(stack()))

    assert (finding.rule, finding.marks[0].path, unread) == ("cluster-unreachable", ("cluster", "context"), {})


def test_only_the_metadata_of_a_secret_is_read(api: Api) -> None:
    api.answers["/apis/scheduling.volcano.sh/v1beta1/"] = (200, {"resources": [{"kind": "Queue"}]})
    api.answers["/apis/scheduling.volcano.sh/v1beta1/queues/default"] = (200, {"status": {"state": "Open"}})
    api.answers["/api/v1/namespaces/inference"] = (200, {"metadata": {"name": "inference"}})
    api.answers["/api/v1/namespaces/inference/secrets/keys"] = (200, {"metadata": {"name": "keys"}})
    api.listed("/api/v1/nodes", *({"kind": "Node", **one} for one in NODES))
    one = stack("ascend-vllm:cluster: {context: there}\n", server=PATCHED["server"])

    assert asyncio.run(check_cluster(one)) == ((), {})
    (accept,) = [head for path, head in zip(api.asked, api.accepts, strict=True) if path.endswith("/secrets/keys")]
    assert accept.startswith("application/json;as=PartialObjectMetadata")
