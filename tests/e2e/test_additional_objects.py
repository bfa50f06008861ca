"""Additional objects (PDB, NetworkPolicy, PodMonitor) with the real Pulumi and API server: created, kept, left out."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.plan import Plan
from tests.e2e import prometheus
from tests.e2e.definitions import KTHENA, PROMETHEUS
from tests.e2e.project import Project, copy_program, unfolded
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes

IMAGE = "registry.example.com/ascend-vllm:6.3.912"
POOLS = {"snt9b": {"nodes": 4, "npusPerNode": 8, "npuMemory": "64Gi"}}
KINDS = "services,poddisruptionbudgets,networkpolicies"
METRICS = "podmonitors,prometheusrules"


def qwen(**changes: Any) -> dict[str, Any]:
    service = {"image": IMAGE, "model": "/mnt/models/Qwen2-7B-Instruct", "npus": 1, "engine": {"maxModelLen": 4096}}
    return {**service, **changes}


LIMITS = {"runAsUser": 1000, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
GUARDED: dict[str, Any] = qwen(
    replicas=2,
    server={"apiKey": {"secret": "keys", "key": "qwen"}},
    expose={"type": "LoadBalancer", "annotations": {"kubernetes.io/elb.class": "union"}},
    network={"admit": ["gateway"], "cidrs": ["10.0.0.0/8", "fd00::/8"], "monitoring": "monitoring"},
    disruptionBudget={"maxUnavailable": 1},
    monitoring={"interval": "15s", "labels": {"release": "prometheus"}},
    podTemplate={
        "metadata": {"labels": {"team": "search"}, "annotations": {"example.com/owner": "search"}},
        "spec": {
            "tolerations": [{"key": "npu", "operator": "Exists", "effect": "NoSchedule"}],
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
            ],
            "containers": [
                {"name": "side", "image": "busybox:1", "args": ["sleep", "infinity"], "securityContext": LIMITS}
            ],
            "volumes": [{"name": "scratch", "emptyDir": {}}],
        },
    },
)


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_program(tmp_path_factory.mktemp("beside"), sandbox(Plan("beside", ascend_nodes(4))))


@pytest.fixture
def stack(project: Project, request: pytest.FixtureRequest) -> Iterator[str]:
    """A stack of the test's own; it goes with the sandbox."""
    name = "b-" + re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_"))[:40].strip("-")
    made = project.pulumi("stack", "init", name)
    assert made.returncode == 0, made.stderr
    yield name
    PROMETHEUS.remove(project.sandbox)
    KTHENA.remove(project.sandbox)


def spec(project: Project, kind: str, stack: str) -> dict[str, Any]:
    (item,) = project.objects(kind, stack)
    found: dict[str, Any] = item["spec"]
    return found


def uids(project: Project, kinds: str, stack: str) -> set[str]:
    return {item["metadata"]["uid"] for item in project.objects(kinds, stack)}


def replicas(project: Project, stack: str) -> int:
    return int(spec(project, "deployment", stack)["replicas"])


def drift(project: Project, stack: str) -> tuple[int, str, str]:
    done = project.ascend_vllm("drift", stack)
    return done.returncode, done.stdout, done.stderr


def test_objects_whose_kind_the_cluster_lacks_are_left_out_with_a_warning_and_made_when_it_is_there(
    project: Project, stack: str
) -> None:
    project.write(stack, {"qwen": GUARDED}, pools=POOLS)
    previewed = project.pulumi("preview", "--stack", stack)
    said = project.up(stack)

    for text in (previewed.stdout, said):
        for kind in ("PodMonitor", "PrometheusRule"):
            assert f"{kind} (monitoring.coreos.com/v1) is not installed in the cluster" in text
        assert "fix: install the Prometheus operator and run pulumi up again" in text
    assert [project.names(kind, stack) for kind in KINDS.split(",")] == [["qwen"]] * 3
    code, text, unread = drift(project, stack)
    assert (code, text) == (0, f"no drift: stack {stack} matches its cluster (6 objects)\n")
    assert "not read: PodMonitor qwen: cannot get podmonitors qwen: the cluster does not know this kind" in unread

    PROMETHEUS.install(project.sandbox)
    assert "is not installed in the cluster" not in project.up(stack)
    assert spec(project, "podmonitor", stack)["podMetricsEndpoints"][0]["interval"] == "15s"
    assert len(spec(project, "prometheusrule", stack)["groups"][0]["rules"]) == 4
    assert drift(project, stack) == (0, f"no drift: stack {stack} matches its cluster (8 objects)\n", "")

    PROMETHEUS.remove(project.sandbox)
    assert "PodMonitor (monitoring.coreos.com/v1) is not installed" in project.up(stack)
    PROMETHEUS.install(project.sandbox)
    project.up(stack)
    assert project.names("podmonitor", stack) == ["qwen"]


PAIRED = {
    "image": "quay.io/ascend/vllm-ascend:v0.23.0",
    "model": "/mnt/models/Qwen3-32B",
    "npus": 4,
    "engine": {"maxModelLen": 32768, "servedModelName": ["qwen"]},
}


def test_the_router_of_a_pair_gets_its_objects_as_soon_as_the_cluster_knows_their_kinds(
    project: Project, stack: str
) -> None:
    pair = {"prefill": "front", "decode": "back"}
    project.write(stack, {"front": PAIRED, "back": PAIRED}, kv_transfer=pair, pools=POOLS)
    assert "ModelServer (networking.serving.volcano.sh/v1alpha1) is not installed in the cluster" in project.up(stack)
    missing = project.ascend_vllm("check", stack, "--live").stdout
    assert "warning[kind-missing]: the cluster does not know ModelServer" in missing

    KTHENA.install(project.sandbox)
    project.up(stack)
    assert spec(project, "modelserver", stack)["kvConnector"] == {"type": "mooncake"}
    assert spec(project, "modelroute", stack)["modelName"] == "qwen"
    assert drift(project, stack)[0] == 0
    assert "front and back answer together" in project.ascend_vllm("status", stack).stdout


def test_an_outage_of_an_api_group_deletes_no_object_of_its_kinds(project: Project, stack: str) -> None:
    PROMETHEUS.install(project.sandbox)
    project.write(stack, {"qwen": GUARDED}, pools=POOLS)
    project.up(stack)
    before = uids(project, METRICS, stack)

    prometheus.break_discovery(project.sandbox)
    project.write(stack, {"qwen": {**GUARDED, "replicas": 1}}, pools=POOLS)
    during = project.pulumi("up", "--stack", stack, "--yes", "--skip-preview")
    prometheus.repair_discovery(project.sandbox)

    assert "is not installed in the cluster" not in during.stdout
    assert "podmonitor deleted" not in during.stdout
    assert uids(project, METRICS, stack) == before
    assert len(before) == 2
    project.up(stack)
    assert uids(project, METRICS, stack) == before
    assert replicas(project, stack) == 1


def test_what_is_asked_for_beside_the_pods_is_in_the_cluster_as_the_stack_file_has_it(
    project: Project, stack: str
) -> None:
    project.write(stack, {"qwen": GUARDED}, pools=POOLS)
    project.up(stack)

    front = spec(project, "service", stack)
    assert (front["type"], front["externalTrafficPolicy"]) == ("LoadBalancer", "Local")
    pods = spec(project, "deployment", stack)["template"]
    assert [one["name"] for one in pods["spec"]["containers"]] == ["ascend-vllm", "side"]
    assert pods["metadata"]["labels"]["team"] == "search"
    assert pods["spec"]["tolerations"] == [{"key": "npu", "operator": "Exists", "effect": "NoSchedule"}]
    budget = json.loads(project.sandbox.kubectl("get", "pdb", "qwen", "--namespace", stack, "--output", "json"))
    assert (budget["status"]["expectedPods"], budget["status"]["disruptionsAllowed"]) == (2, 1)
    policy = spec(project, "networkpolicy", stack)
    assert [*policy["egress"][0]] == ["ports", "to"]
    assert len(policy["ingress"][0]["from"]) == 5

    project.write(stack, {"qwen": qwen(replicas=2)}, pools=POOLS)
    project.up(stack)
    assert project.names("poddisruptionbudget", stack) + project.names("networkpolicy", stack) == []
    assert spec(project, "service", stack)["type"] == "ClusterIP"
    assert drift(project, stack)[:2] == (0, f"no drift: stack {stack} matches its cluster (4 objects)\n")


def test_a_budget_that_was_changed_by_hand_is_drift_and_comes_back(project: Project, stack: str) -> None:
    project.write(stack, {"qwen": GUARDED}, pools=POOLS)
    project.up(stack)
    project.sandbox.kubectl(
        "patch", "pdb/qwen", "--type=merge", "--patch", '{"spec": {"maxUnavailable": 0}}', "--namespace", stack
    )
    project.sandbox.kubectl("delete", "networkpolicy/qwen", "--namespace", stack)

    code, text, _ = drift(project, stack)
    assert code == 1
    changed = rf"maxUnavailable 0 → 1 \(Pulumi\.{stack}\.yaml:\d+\) by hand: kubectl-patch, "
    assert re.search(changed, unfolded(text)), text
    assert "- NetworkPolicy qwen: deleted\n" in text

    restored = project.pulumi("up", "--refresh", "--stack", stack, "--yes", "--skip-preview")
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert drift(project, stack)[0] == 0


def test_the_replicas_of_an_autoscaler_survive_the_handover_and_every_update(project: Project, stack: str) -> None:
    project.write(stack, {"qwen": qwen(replicas=3)}, pools=POOLS)
    project.up(stack)
    before = project.names("pod", stack)

    project.write(stack, {"qwen": qwen(replicas="external")}, pools=POOLS)
    project.up(stack)
    assert (replicas(project, stack), project.names("pod", stack)) == (3, before), "not a single pod has ended"
    assert drift(project, stack)[0] == 0

    project.sandbox.kubectl("scale", "deployment/qwen", "--replicas=4", "--namespace", stack)
    project.write(stack, {"qwen": qwen(replicas="external", image=f"{IMAGE}-b")}, pools=POOLS)
    diff = project.ascend_vllm("diff", stack, "--live")
    assert " replicas " not in diff.stdout, diff.stdout
    project.up(stack)
    assert replicas(project, stack) == 4
    assert drift(project, stack)[0] == 0
    assert re.search(r"qwen +4/4 +4/4 +Running", project.ascend_vllm("status", stack).stdout)

    project.pulumi("up", "--refresh", "--stack", stack, "--yes", "--skip-preview")
    assert replicas(project, stack) == 4

    project.write(stack, {"qwen": qwen(replicas=2, image=f"{IMAGE}-b")}, pools=POOLS)
    project.up(stack)
    assert replicas(project, stack) == 2, "the stack file has the number again"


def test_a_horizontal_pod_autoscaler_takes_over(project: Project, stack: str) -> None:
    project.write(stack, {"qwen": qwen(replicas=2)}, pools=POOLS)
    project.up(stack)
    project.write(stack, {"qwen": qwen(replicas="external")}, pools=POOLS)
    project.up(stack)
    project.sandbox.kubectl("autoscale", "deployment/qwen", "--min=3", "--max=4", "--namespace", stack)
    project.sandbox.kubectl(
        "wait", "deployment/qwen", "--for=jsonpath={.spec.replicas}=3", "--timeout=120s", "--namespace", stack
    )

    project.write(stack, {"qwen": qwen(replicas="external", drain="4m")}, pools=POOLS)
    project.up(stack)

    assert replicas(project, stack) == 3
    assert drift(project, stack)[0] == 0


def live(project: Project, stack: str) -> list[tuple[str, str, str]]:
    """Rule, severity and message of what `check --live` finds."""
    done = project.ascend_vllm("check", stack, "--live", "--format", "json")
    found = json.loads(done.stdout)["findings"]
    assert (done.returncode, done.stderr) == (1 if found else 0, "")
    return [(one["rule"], one["severity"], one["message"]) for one in found]


def test_a_cluster_is_asked_whether_it_is_what_the_stack_says(project: Project, stack: str) -> None:
    service = {**GUARDED, "priorityClass": "production", "queue": "shared"}
    shared = {"namespace": {"name": stack, "create": False}, "queues": {"shared": {"npus": 8}}}
    project.write(stack, {"qwen": service}, pools={"snt9b": {**POOLS["snt9b"], "nodes": 5}}, **shared)

    assert sorted(live(project, stack)) == [
        ("kind-missing", "warning", "the cluster does not know PodMonitor (monitoring.coreos.com/v1)"),
        ("kind-missing", "warning", "the cluster does not know PrometheusRule (monitoring.coreos.com/v1)"),
        ("namespace-missing", "error", f"the namespace {stack} does not exist"),
        ("object-missing", "error", "the PriorityClass production does not exist"),
        ("object-missing", "error", "the Secret keys does not exist"),
        ("pools-differ", "warning", "cluster.pools has 5 nodes with 8 NPUs, the cluster has 4"),
        ("queue-missing", "error", "Volcano has no queue shared"),
    ]

    PROMETHEUS.install(project.sandbox)
    project.sandbox.kubectl("create", "namespace", stack)
    level = "pod-security.kubernetes.io/enforce"
    project.sandbox.kubectl("label", "namespace", stack, f"{level}=restricted")
    project.sandbox.kubectl("create", "priorityclass", "production", "--value=1000")
    project.sandbox.kubectl("create", "secret", "generic", "keys", "--from-literal=qwen=a", "--namespace", stack)
    queue = {"apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "Queue", "metadata": {"name": "shared"}}
    project.sandbox.kubectl("apply", "-f", "-", stdin=json.dumps({**queue, "spec": {"weight": 1}}))
    project.write(stack, {"qwen": service}, pools=POOLS, **shared)
    assert live(project, stack) == [
        ("namespace-pod-security", "error", f"Pod Security of namespace {stack} is restricted, which refuses the pods")
    ]

    project.sandbox.kubectl("label", "namespace", stack, f"{level}=privileged", "--overwrite")
    assert live(project, stack) == []
    project.up(stack)
    assert live(project, stack) == []


def test_who_may_read_little_is_told_what_was_not_looked_at(project: Project, stack: str) -> None:
    project.write(stack, {"qwen": GUARDED}, pools=POOLS)
    project.up(stack)
    project.sandbox.kubectl("create", "serviceaccount", "guest", "--namespace", stack)
    token = project.sandbox.kubectl("create", "token", "guest", "--namespace", stack).strip()
    config = json.loads(project.sandbox.kubectl("config", "view", "--raw", "--minify", "--output", "json"))
    config["users"][0]["user"] = {"token": token}
    file = project.directory / "guest.json"
    file.write_text(json.dumps(config), encoding="utf-8")

    done = project.run("env", f"KUBECONFIG={file}", sys.executable, "-m", "cli", "check", stack, "--live")

    assert "volcano-missing" not in done.stdout
    for what in ("nodes", "Secret keys", f"Namespace {stack}", "Queue default"):
        assert f"not read: {what}: not allowed to " in done.stderr, done.stderr
