"""Staged situations on the real control plane and Volcano, each named right by `status`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.plan import Node, Plan
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import RESOURCE, SandboxFactory, ascend_nodes
from tests.e2e.staged import (
    REGISTRY,
    RUNNING,
    Situation,
    apply,
    ended,
    serve_logs,
    stage_images,
    unready_node,
    waiting,
)

LOG = [
    "INFO 11-22 10:00:00 api_server.py:528] vLLM API server version 0.6.3",
    "INFO 11-22 10:00:00 args: Namespace(api_key='sk-very-secret', port=8080)",
    "RuntimeError: NPU out of memory. Tried to allocate 2.00 GiB (NPU 0; 60.97 GiB total capacity)",
]
NOT_FOUND = f'failed to pull and unpack image "{REGISTRY}:x": {REGISTRY}:x: not found'
NO_HCCN = 'MountVolume.SetUp failed for volume "hccn" : hostPath type check failed: /etc/hccn.conf is not a file'
NO_MAP = 'MountVolume.SetUp failed for volume "node-path" : configmap "gone-launch-1" not found'
NO_KEY = "couldn't find key token in Secret situations/key"
OLD_DRIVER = (
    "preflight: error: the driver of the node is 23.0.6, older than 25.5.1 of ascend-vllm.lock;"
    " why: the service was not tested with an older driver; fix: update the driver of the node to 25.5.1 or later"
)
PROBE = "Container ascend-vllm failed startup probe, will be restarted"
BACK_OFF = waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container")

ON_A_NODE = {
    "image-not-found": Situation(waiting("ImagePullBackOff", f"Back-off: ErrImagePull: {NOT_FOUND}")),
    "image-unauthorized": Situation(waiting("ErrImagePull", "rpc error: 401 Unauthorized")),
    "image-name": Situation(waiting("InvalidImageName", "couldn't parse image name")),
    "pulling-image": Situation(waiting("ContainerCreating"), event=("Pulling", 'Pulling image "x"')),
    "failed-mount": Situation(waiting("ContainerCreating"), event=("FailedMount", NO_HCCN)),
    "no-map": Situation(waiting("ContainerCreating"), event=("FailedMount", NO_MAP)),
    "container-config": Situation(waiting("CreateContainerConfigError", NO_KEY)),
    "crash-loop": Situation(BACK_OFF, ended(1), restarts=3, phase="Running"),
    "out-of-memory": Situation(BACK_OFF, ended(137, "OOMKilled"), restarts=2, phase="Running"),
    "startup-budget": Situation(RUNNING, ended(137), restarts=1, phase="Running", event=("Killing", PROBE)),
    "slow-start": Situation(RUNNING, phase="Running"),
    "init-failed": Situation(waiting("CrashLoopBackOff"), ended(1), restarts=2, init="install-mindspeed"),
    "preflight": Situation(waiting("CrashLoopBackOff"), ended(1, message=OLD_DRIVER), restarts=2, init="preflight"),
}

EXPECTED = {
    "image-not-found": ("image-not-found", "the image registry.example.com/ascend-vllm:image-not-found does not exist"),
    "image-unauthorized": (
        "image-unauthorized",
        "the registry refuses access to registry.example.com/ascend-vllm:image-un",
    ),
    "image-name": ("image-name", "is not a valid image name"),
    "pulling-image": ("pulling-image", "pulling the image for "),
    "failed-mount": (
        "failed-mount",
        "has no file /etc/hccn.conf (the NPU network addresses that HCCL reads)",
    ),
    "no-map": ("failed-mount", "the ConfigMap gone-launch-1 (the launch script) does not exist"),
    "container-config": ("container-config", NO_KEY),
    "crash-loop": ("crash-loop", "the server ended with exit code 1, 3 times: an NPU has too little memory"),
    "out-of-memory": ("out-of-memory", "ran out of host memory and was killed, 2 times"),
    "startup-budget": ("startup-budget-spent", "the server did not answer within 12 min (startup) and was killed"),
    "slow-start": ("slow-start", "starting the engine ("),
    "init-failed": ("init-failed", "init container install-mindspeed failed with exit code 1"),
    "preflight": ("preflight", "the driver of the node is 23.0.6, older than 25.5.1 of ascend-vllm.lock"),
    "no-free-npus": ("no-free-npus", "no node has 8 free NPUs: snt9b-1 is held by "),
    "too-many-npus": ("too-many-npus", "no node has 16 NPUs: the largest has 8"),
    "no-queue": ("no-queue", "the queue nowhere does not exist; the cluster has: default, small"),
    "queue-full": (
        "queue-full",
        "the queue small has 0 of 1 NPUs left, and the pod requests 1: used by queue-user (1)",
    ),
    "gang-waiting": ("gang-waiting", "Volcano starts 3 pods together or none, and only 1 exist"),
    "not-deployed": ("not-deployed", "has no Deployment not-deployed"),
    "node-lost": ("node-lost", "the node lost-1 has not been ready"),
}


NOWHERE = ("no-free-npus", "too-many-npus", "no-queue", "queue-full", "gang-waiting")
"""Services whose pods find no node; they come when all others have theirs."""


def service(tag: str) -> dict[str, Any]:
    npus = {"no-free-npus": 8, "too-many-npus": 16}.get(tag, 1)
    moe = {"model": "/mnt/models/Qwen1.5-MoE-A2.7B-Chat", "mindSpeed": "install"}
    return {
        "image": f"{REGISTRY}:{tag}",
        "npus": npus,
        "engine": {"maxModelLen": 4096},
        **(moe if tag == "init-failed" else {"model": "/mnt/models/Qwen2-7B-Instruct"}),
        "accept": {"idle-npus": "a test"} if npus > 1 else {},
    }


def adapted(item: dict[str, Any]) -> dict[str, Any]:
    """An object as somebody would have changed it by hand."""
    name, template = item["metadata"]["name"], item.get("spec", {}).get("template")
    if item["kind"] != "Deployment":
        return item
    queue = {"no-queue": "nowhere", "queue-full": "small", "queue-user": "small"}.get(name)
    if queue:
        template["metadata"]["annotations"] = {"scheduling.volcano.sh/queue-name": queue}
    if name == "gang-waiting":
        item["metadata"]["annotations"]["scheduling.volcano.sh/group-min-member"] = "3"
    if name == "node-lost":
        template["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "lost-1"}
    return item


def foreign(node: str) -> dict[str, Any]:
    """A pod of somebody else's, which holds an NPU of a node."""
    limits = {"requests": {RESOURCE: "1"}, "limits": {RESOURCE: "1"}}
    spec = {"nodeName": node, "containers": [{"name": "c", "image": "notebook:1", "resources": limits}]}
    metadata = {"name": f"notebook-{node}", "namespace": "others"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three NPU nodes, and one to lose; what waits here keeps NPUs from others, so nobody else uses it."""
    plan = Plan("status", (*ascend_nodes(3), Node("lost-1", {"pool": "old"}, RESOURCE, 8)))
    return copy_program(tmp_path_factory.mktemp("status"), sandbox(plan))


@pytest.fixture(scope="module")
def told(project: Project) -> dict[str, Any]:
    """What `status` says of every situation, by service, once it has named all or two minutes are over."""
    sandbox, services = project.sandbox, [*EXPECTED, "queue-user"]
    project.write("situations", {name: service(name) for name in services})
    stage_images(sandbox, ON_A_NODE)
    serve_logs(sandbox, project.directory, "situations", LOG)
    queue = {"apiVersion": "scheduling.volcano.sh/v1beta1", "kind": "Queue", "metadata": {"name": "small"}}
    sandbox.kubectl("create", "namespace", "others")
    apply(sandbox, [{**queue, "spec": {"capability": {RESOURCE: "1"}}}, *(foreign(f"snt9b-{n}") for n in (1, 2, 3))])
    rendered = project.ascend_vllm("render", "situations")
    assert rendered.returncode == 0, rendered.stderr
    objects = [adapted(item) for item in yaml.safe_load_all(rendered.stdout)]
    later = [item for item in objects if item["metadata"]["name"] in NOWHERE]
    apply(sandbox, [item for item in objects if item not in later and item["metadata"]["name"] != "not-deployed"])
    placed = [name for name in services if name not in (*NOWHERE, "not-deployed")]
    until(
        lambda: {
            pod["metadata"]["labels"]["app.kubernetes.io/instance"]
            for pod in project.objects("pod", "situations")
            if pod["spec"].get("nodeName")
        }.issuperset(placed)
    )
    unready_node(sandbox, "lost-1")
    apply(sandbox, later)
    until(lambda: all(named(found, name) for found in [ask(project)] for name in EXPECTED))
    return ask(project)


def until(done: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.5)


def ask(project: Project, stack: str = "situations") -> dict[str, Any]:
    asked = project.ascend_vllm("status", stack, "--format", "json")
    assert asked.returncode in (0, 1), asked.stderr
    return {found["name"]: found for found in json.loads(asked.stdout)["services"]}


def named(told: dict[str, Any], name: str) -> bool:
    rule, message = EXPECTED[name]
    diagnosis = told[name]["diagnosis"] or {"rule": "", "message": ""}
    return bool(diagnosis["rule"] == rule and message in diagnosis["message"])


@pytest.mark.parametrize("name", EXPECTED)
def test_status_names_why_a_service_is_not_ready(told: dict[str, Any], name: str) -> None:
    assert named(told, name), told[name]


def test_status_shows_the_last_lines_of_a_crash_without_the_secrets_in_them(
    told: dict[str, Any], project: Project
) -> None:
    shown = project.ascend_vllm("status", "situations", "crash-loop")

    assert shown.returncode == 1
    assert told["crash-loop"]["diagnosis"]["log"] == [LOG[0], LOG[1].replace("sk-very-secret", "***"), LOG[2]]
    assert "     | RuntimeError: NPU out of memory." in shown.stdout
    assert "sk-very-secret" not in shown.stdout + json.dumps(told)


def test_status_of_a_service_that_is_ready_ends_with_0(told: dict[str, Any], project: Project) -> None:
    shown = project.ascend_vllm("status", "situations", "queue-user")

    header, row = shown.stdout.splitlines()
    assert (shown.returncode, header.split()) == (0, ["SERVICE", "READY", "UPDATED", "STATE", "AGE"])
    assert row.split()[:4] == ["queue-user", "1/1", "1/1", "Running"]


@pytest.mark.parametrize(
    ("stack", "cluster", "before", "rule", "message"),
    [
        (
            "labels",
            {"platform": "mindcluster"},
            [],
            "no-matching-node",
            "no node has the labels accelerator",
        ),
        (
            "resources",
            {"platform": {"kind": "cce", "resource": "huawei.com/other"}},
            [],
            "no-npu-resource",
            "no node offers huawei.com/other",
        ),
        (
            "secured",
            {"namespace": {"name": "secured", "create": False}},
            ["label", "namespace", "secured", "pod-security.kubernetes.io/enforce=baseline"],
            "pod-security",
            'violates PodSecurity "baseline:latest"',
        ),
        (
            "limited",
            {},
            ["create", "quota", "none", "--hard=pods=0", "--namespace", "limited"],
            "quota",
            "exceeded quota: none",
        ),
    ],
)
def test_status_names_what_keeps_all_pods_of_a_stack_away(
    project: Project, stack: str, cluster: dict[str, Any], before: list[str], rule: str, message: str
) -> None:
    project.sandbox.kubectl("create", "namespace", stack)
    if before:
        project.sandbox.kubectl(*before)
    project.write(stack, {"qwen": service("ok")}, **cluster)
    project.sandbox.kubectl("apply", "-f", "-", stdin=project.ascend_vllm("render", stack).stdout)

    def diagnosis() -> dict[str, Any]:
        return ask(project, stack)["qwen"]["diagnosis"] or {"rule": ""}

    until(lambda: diagnosis()["rule"] == rule)

    assert message in diagnosis()["message"]


def test_status_says_what_it_may_not_read_and_shows_the_rest(told: dict[str, Any], project: Project) -> None:
    sandbox = project.sandbox
    apply(
        sandbox,
        [
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "reader", "namespace": "situations"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
                "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "situations"}],
            }
        ],
    )
    token = sandbox.kubectl("create", "token", "default", "--namespace", "situations").strip()
    config = yaml.safe_load(Path(sandbox.env["KUBECONFIG"]).read_text())
    config["users"] = [{"name": entry["name"], "user": {"token": token}} for entry in config["users"]]
    (project.directory / "kubeconfig").write_text(yaml.safe_dump(config))
    shown = project.run(
        "env",
        "KUBECONFIG=kubeconfig",
        sys.executable,
        "-m",
        "cli",
        "status",
        "situations",
        "no-free-npus",
        "crash-loop",
    )

    assert shown.returncode == 1
    assert "an NPU has too little memory" in shown.stdout
    assert "not read: nodes: not allowed to list nodes: nodes is forbidden" in shown.stderr
    assert "Traceback" not in shown.stderr
