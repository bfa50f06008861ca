"""Each component alone: what it registers, what it offers, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from components import (
    AscendNodeMounts,
    AscendNodeMountsArgs,
    InferenceDeployment,
    VllmLaunchScript,
    VllmLaunchScriptArgs,
)
from models.catalog.platforms import PLATFORMS
from models.launch.launch import Launch
from models.manifests import service_objects
from models.service.resolved import ResolvedService
from tests.components.harness import build
from tests.conftest import stack_of


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig with the context of the services."""
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"contexts": [{"name": "kwok-test"}]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


def a_service(extra: str = "") -> ResolvedService:
    return stack_of(f"qwen:\n  image: a:1\n  model: /m/Qwen2-7B\n  engine: {{maxModelLen: 4096}}\n{extra}").services[0]


@pytest.mark.parametrize(
    ("kind", "npu_smi"), [("cce", "/usr/local/sbin/npu-smi"), ("mindcluster", "/usr/local/bin/npu-smi")]
)
def test_node_mounts_offer_typed_read_only_host_paths_of_the_platform(kind: str, npu_smi: str) -> None:
    offered: list[AscendNodeMounts] = []
    plan = build(lambda: offered.append(AscendNodeMounts("mounts", AscendNodeMountsArgs(PLATFORMS[kind], 4))))
    mounts = offered[0]

    assert ["mounts"] == list(plan.resources)
    assert {"platform": kind, "npus": 4} == plan.resources["mounts"].inputs
    assert {"name": "npu-smi", "hostPath": {"path": npu_smi, "type": "File"}} in mounts.volumes
    assert all(volume["hostPath"]["type"] in ("File", "Directory") for volume in mounts.volumes)
    assert all(mount["readOnly"] for mount in mounts.volume_mounts)
    assert [v["name"] for v in mounts.volumes] == [m["name"] for m in mounts.volume_mounts]
    assert {"ASCEND_RT_VISIBLE_DEVICES": "0,1,2,3"} == mounts.environment


def test_node_mounts_keep_the_order_of_devices_that_is_given() -> None:
    offered: list[AscendNodeMounts] = []
    build(lambda: offered.append(AscendNodeMounts("m", AscendNodeMountsArgs(PLATFORMS["cce"], 2, [1, 0]))))

    assert {"ASCEND_RT_VISIBLE_DEVICES": "1,0"} == offered[0].environment


@pytest.mark.parametrize("devices", [[], [0], [0, 1, 2], [0, 0], [1, 2]])
def test_node_mounts_refuse_devices_that_are_not_the_pods(devices: list[int]) -> None:
    with pytest.raises(ValueError, match="are not the 2 NPUs of the pod"):
        build(lambda: AscendNodeMounts("mounts", AscendNodeMountsArgs(PLATFORMS["cce"], 2, devices)))


METADATA = {"name": "qwen", "namespace": "inference", "labels": {"app": "infers"}}


def test_a_launch_script_is_an_immutable_map_named_by_its_content() -> None:
    start = Launch(("python", "-m", "module"), {"A": "1"}, "/init", {"chat_template.jinja": "{{ x }}"})
    offered: list[VllmLaunchScript] = []
    plan = build(lambda: offered.append(VllmLaunchScript("qwen-launch", VllmLaunchScriptArgs(start, METADATA))))
    script = offered[0]
    config_map = plan.resources["qwen-launch-config-map"]

    assert "qwen-launch" == config_map.parent
    assert config_map.inputs["immutable"] is True
    assert {"run_vllm.sh", "chat_template.jinja"} == config_map.inputs["data"].keys()
    assert config_map.inputs["metadata"]["name"].startswith("qwen-launch-")
    assert {"name": config_map.inputs["metadata"]["name"], "defaultMode": 0o555} == script.volume["configMap"]
    assert {"command": ["/bin/bash", "-c"], "args": ["/opt/ascend-vllm/launch/run_vllm.sh"]} == script.command


def test_a_changed_launch_has_another_map_and_a_reverted_one_its_old_map_again() -> None:
    def map_name(start: Launch) -> str:
        plan = build(lambda: VllmLaunchScript("l", VllmLaunchScriptArgs(start, METADATA)))
        name: str = plan.resources["l-config-map"].inputs["metadata"]["name"]
        return name

    first = Launch(("python", "--port=8080"), {"A": "1"}, "/init")
    others = [
        Launch(("python", "--port=8081"), {"A": "1"}, "/init"),
        Launch(("python", "--port=8080"), {"A": "2"}, "/init"),
        Launch(("python", "--port=8080"), {"A": "1"}, "/other"),
        Launch(("python", "--port=8080"), {"A": "1"}, "/init", {"chat_template.jinja": ""}),
    ]

    assert 5 == len({map_name(start) for start in (first, *others)})
    assert map_name(first) == map_name(Launch(("python", "--port=8080"), {"A": "1"}, "/init"))


def test_an_inference_deployment_registers_the_objects_that_render_prints() -> None:
    server = "  server: {chatTemplate: {inline: '{{ x }}'}, port: 9000}\n"
    beside = "  network: {admit: [a]}\n  disruptionBudget: {maxUnavailable: 1}\n  monitoring: true\n"
    service = a_service(f"  npus: 2\n  replicas: 3\n{server}  smoke: true\n{beside}")
    plan = build(lambda: InferenceDeployment("qwen", service))
    rendered = {item["kind"]: item for item in service_objects(service)}

    for kind, name in (
        ("ConfigMap", "qwen-launch-config-map"),
        ("Deployment", "qwen-deployment"),
        ("Service", "qwen-service"),
        ("PodDisruptionBudget", "qwen-poddisruptionbudget"),
        ("NetworkPolicy", "qwen-networkpolicy"),
        ("PodMonitor", "qwen-podmonitor"),
        ("PrometheusRule", "qwen-prometheusrule"),
        ("Job", "qwen-smoke"),
    ):
        assert rendered[kind] == plan.resources[name].inputs


def test_a_service_without_smoke_or_without_pods_has_no_smoke_job() -> None:
    without_smoke, without_pods = a_service(), a_service("  smoke: true\n  replicas: 0\n")

    for service in (without_smoke, without_pods):
        plan = build(lambda service=service: InferenceDeployment("qwen", service))  # type: ignore[misc]
        assert "qwen-smoke" not in plan.resources


def test_the_pods_wait_for_their_script_and_the_service_for_nothing() -> None:
    plan = build(lambda: InferenceDeployment("qwen", a_service()))

    assert ("qwen-launch-config-map",) == plan.resources["qwen-deployment"].dependencies
    assert () == plan.resources["qwen-service"].dependencies
    assert {"qwen-cluster", "qwen-mounts", "qwen-launch", "qwen-deployment", "qwen-service"} == {
        resource.name for resource in plan.resources.values() if resource.parent == "qwen"
    }


def test_every_child_carries_its_parents_name() -> None:
    plan = build(lambda: InferenceDeployment("qwen", a_service()))

    assert all(child.name.startswith(child.parent) for child in plan.resources.values())


def test_two_services_live_side_by_side() -> None:
    stack = stack_of(
        "a:\n  image: a:1\n  model: /m/A\n  engine: {maxModelLen: 1}\n"
        "b:\n  image: a:1\n  model: /m/B\n  engine: {maxModelLen: 1}\n"
    )
    plan = build(lambda: [InferenceDeployment(s.name, s) for s in stack.services])
    selectors = [d.inputs["spec"]["selector"]["matchLabels"] for d in plan.of_type("Deployment") if "apps" in d.type]

    assert 14 == len(plan.resources)
    assert selectors[0] != selectors[1]


def test_the_state_records_what_was_asked_for() -> None:
    plan = build(lambda: InferenceDeployment("qwen", a_service("  npus: 1\n")))

    assert {"image": "a:1", "model": "/m/Qwen2-7B", "npus": 1, "replicas": 1} == plan.resources["qwen"].inputs


GROUP = """\
deepseek:
  image: quay.io/ascend/vllm-ascend:v0.23.0
  model: /mnt/models/DeepSeek-V3
  nodes: 2
  npus: 8
  engine: {maxModelLen: 8192, tensorParallelSize: 8, dataParallelSize: 2}
"""


def test_a_server_over_several_nodes_is_a_leader_worker_set() -> None:
    (service,) = stack_of(GROUP).services
    plan = build(lambda: InferenceDeployment("deepseek", service))

    registered = plan.resources["deepseek-group"]
    assert registered.type == "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
    assert "deepseek-deployment" not in plan.resources
    expected = [manifest for manifest in service_objects(service) if manifest["kind"] == "LeaderWorkerSet"]
    assert [registered.inputs["spec"]] == [manifest["spec"] for manifest in expected]
