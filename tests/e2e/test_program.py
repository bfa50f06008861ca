"""The program with the real Pulumi, provider, control plane and scheduler."""

from __future__ import annotations

import json
import os
import re
import subprocess
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from sandbox.plan import Plan
from tests.e2e.project import Project, copy_program, eventually
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes
from tests.models.test_launch import STAND_IN

TRACEBACK = "Traceback (most recent call last)"


def qwen(**changes: Any) -> dict[str, Any]:
    return {
        "image": "registry.example.com/ascend-vllm:6.3.912",
        "model": "/mnt/models/Qwen2-7B-Instruct",
        "npus": 1,
    } | {"engine": {"maxModelLen": 4096, **changes}}


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_program(tmp_path_factory.mktemp("project"), sandbox(Plan("program", ascend_nodes(4))))


@pytest.fixture
def stack(project: Project, request: pytest.FixtureRequest) -> str:
    """A stack of the test's own; it goes with the sandbox."""
    name = "t-" + re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_"))[:40].strip("-")
    project.write(name, {"qwen": qwen()})
    made = project.pulumi("stack", "init", name)
    assert made.returncode == 0, made.stderr
    return name


def test_up_brings_a_service_to_ready_through_volcano_on_an_ascend_node(project: Project, stack: str) -> None:
    project.up(stack)
    pod = project.objects("pod", stack)[0]
    project.sandbox.kubectl(
        "wait", "podgroup", "--all", "--namespace", stack, "--for=jsonpath={.status.phase}=Running", "--timeout=120s"
    )
    outputs = json.loads(project.pulumi("stack", "output", "--json", "--stack", stack).stdout)

    assert pod["status"]["phase"] == "Running"
    assert pod["spec"]["nodeName"].startswith("snt9b-")
    assert pod["spec"]["schedulerName"] == "volcano"
    assert pod["spec"]["containers"][0]["resources"]["limits"]["huawei.com/ascend-1980"] == "1"
    assert outputs == {"services": {"qwen": f"http://qwen.{stack}.svc:8080"}}


def test_an_update_without_a_change_changes_nothing(project: Project, stack: str) -> None:
    project.up(stack)
    preview = project.pulumi("preview", "--stack", stack, "--expect-no-changes")

    assert preview.returncode == 0, preview.stdout


def test_what_is_in_the_cluster_is_what_render_prints(project: Project, stack: str) -> None:
    project.up(stack)
    printed = project.ascend_vllm("render", str(project.file(stack)))
    compared = subprocess.run(
        ["kubectl", "diff", "--server-side", "--force-conflicts", "--filename", "-"],
        input=printed.stdout,
        env=project.sandbox.env | {"KUBECTL_EXTERNAL_DIFF": "diff -U0 -N"},
        capture_output=True,
        text=True,
        check=False,
    )
    changed = [line for line in compared.stdout.splitlines() if re.match(r"[-+] ", line) and "managed" not in line]
    asked = [line for line in changed if not re.search(r"generation:|pulumi.com|time:|manager:|operation:|f:", line)]

    assert printed.returncode == 0, printed.stderr
    assert asked == []


def test_a_changed_flag_makes_a_new_map_rolls_the_pod_then_removes_the_old_map_and_a_revert_restores_its_name(
    project: Project, stack: str
) -> None:
    project.up(stack)
    first_map, first_pod = project.names("configmap", stack), project.names("pod", stack)

    project.write(stack, {"qwen": qwen(maxNumSeqs=64)})
    said = project.up(stack)
    second_map, second_pod = project.names("configmap", stack), project.names("pod", stack)
    steps = [line for line in said.splitlines() if re.search(r"created replacement|updated|deleted original", line)]

    assert len(second_map) == 1
    assert second_map != first_map
    assert set(second_pod).isdisjoint(first_pod)
    # The Deployment's line is shown again with every line about its pods.
    assert [kind for kind, _ in groupby(re.findall(r"ConfigMap|Deployment", "\n".join(steps)))] == [
        "ConfigMap",
        "Deployment",
        "ConfigMap",
    ], said

    project.write(stack, {"qwen": qwen()})
    project.up(stack)

    assert project.names("configmap", stack) == first_map


def test_a_change_that_is_not_of_the_launch_keeps_the_map(project: Project, stack: str) -> None:
    project.up(stack)
    before = project.names("configmap", stack)
    project.write(stack, {"qwen": {**qwen(), "replicas": 2}})
    project.up(stack)

    assert project.names("configmap", stack) == before
    assert len(project.names("pod", stack)) == 2


def test_two_stacks_live_side_by_side_and_destroying_one_leaves_the_other(project: Project, stack: str) -> None:
    other = f"{stack}-2"
    project.write(other, {"qwen": qwen()})
    project.pulumi("stack", "init", other)
    project.up(stack)
    project.up(other)

    destroyed = project.pulumi("destroy", "--stack", other, "--yes", "--skip-preview", "--remove")

    assert destroyed.returncode == 0, destroyed.stderr
    assert project.names("pod", other) == []
    assert len(project.names("pod", stack)) == 1


def test_destroy_leaves_nothing_in_the_cluster_nor_in_the_state(project: Project, stack: str) -> None:
    project.up(stack)
    destroyed = project.pulumi("destroy", "--stack", stack, "--yes", "--skip-preview")
    namespaces = project.sandbox.kubectl("get", "namespace", "--output", "name").split()

    assert destroyed.returncode == 0, destroyed.stdout
    assert f"namespace/{stack}" not in namespaces
    assert project.resources(stack) == []


def test_a_namespace_that_somebody_else_owns_survives_destroy(project: Project, stack: str) -> None:
    project.sandbox.kubectl("create", "namespace", f"{stack}-shared")
    project.write(stack, {"qwen": qwen()}, namespace={"name": f"{stack}-shared", "create": False})
    project.up(stack)
    destroyed = project.pulumi("destroy", "--stack", stack, "--yes", "--skip-preview")

    assert destroyed.returncode == 0, destroyed.stdout
    assert eventually(lambda: project.names("deployment,service,configmap", f"{stack}-shared") == [])
    assert project.sandbox.kubectl("get", "namespace", f"{stack}-shared")


def test_an_unknown_key_stops_the_preview_with_the_findings_of_check_and_nothing_is_registered(
    project: Project, stack: str
) -> None:
    project.write(stack, {"qwen": {**qwen(), "replcas": 2}, "other": qwen(maxNumBatchedTokens=1)})
    preview = project.pulumi("preview", "--stack", stack)
    up = project.pulumi("up", "--stack", stack, "--yes", "--skip-preview")
    checked = project.ascend_vllm("check", stack)

    for done in (preview, up):
        assert done.returncode != 0
        assert TRACEBACK not in done.stdout + done.stderr
        for line in filter(None, checked.stdout.splitlines()):
            assert line.strip() in done.stdout + done.stderr
    assert [kind for kind in project.resources(stack) if kind != "pulumi:pulumi:Stack"] == []


def test_a_context_that_does_not_exist_is_refused_and_nothing_is_registered(project: Project, stack: str) -> None:
    project.write(stack, {"qwen": qwen()}, context="kwok-elsewhere")
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        done = project.pulumi(*command, "--stack", stack)

        assert done.returncode != 0
        assert "the kubeconfig has no context 'kwok-elsewhere'" in done.stdout + done.stderr
        assert TRACEBACK not in done.stdout + done.stderr
    assert [kind for kind in project.resources(stack) if kind != "pulumi:pulumi:Stack"] == []


def test_warnings_are_shown_by_preview_and_stop_nothing(project: Project, stack: str) -> None:
    project.write(stack, {"qwen": {**qwen(tensorParallelSize=1), "npus": 8}})
    preview = project.pulumi("preview", "--stack", stack)

    assert preview.returncode == 0
    assert "warning[idle-npus]: qwen requests 8 NPUs but uses 1: 7 idle" in preview.stdout


def test_python_in_the_pods_script_receives_exactly_the_arguments_that_script_prints(
    project: Project, stack: str, tmp_path: Path
) -> None:
    service = {
        **qwen(servedModelName=["it's", 'a $$(b) "c"']),
        "env": {"Z": "1", "GREETING": "你好 $$HOME\n'x'", "A": "2"},
    }
    project.write(stack, {"qwen": service})
    project.up(stack)
    config_map = project.objects("configmap", stack)[0]
    file, python = tmp_path / "run_vllm.sh", tmp_path / "python"
    file.write_text(config_map["data"]["run_vllm.sh"], encoding="utf-8")
    python.write_text(STAND_IN)
    for program in (file, python):
        program.chmod(0o555)
    ran = subprocess.run(
        ["/bin/bash", "-c", str(file)],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    printed = json.loads(project.ascend_vllm("script", stack, "qwen", "--format", "json").stdout)
    seen = json.loads(ran.stdout)

    assert printed["argv"] == seen["argv"]
    assert printed["environment"].items() <= seen["environment"].items()
    assert project.ascend_vllm("script", stack, "qwen").stdout == config_map["data"]["run_vllm.sh"]


def test_a_resource_that_forgets_the_stacks_provider_is_refused(project: Project, stack: str, tmp_path: Path) -> None:
    careless = copy_program(tmp_path, project.sandbox)
    program = tmp_path / "__main__.py"
    program.write_text(program.read_text() + "\nimport pulumi_kubernetes\npulumi_kubernetes.core.v1.ConfigMap('x')\n")
    careless.write(stack, {"qwen": qwen()})
    preview = careless.pulumi("preview", "--stack", stack)

    assert preview.returncode != 0
    assert "Default provider for 'kubernetes' disabled" in preview.stdout + preview.stderr


def test_the_objects_of_every_feature_are_accepted_by_the_api_server(project: Project, stack: str) -> None:
    weights = {"lora": {"adapters": {"sql": "/mnt/models/adapters/sql"}}, "graph": "eager"}
    draft = {"kind": "draft", "source": "/mnt/models/draft", "tokens": 5}
    key = {"apiKey": {"secret": "key", "key": "token"}, "chatTemplate": {"inline": "{{ messages }}\n"}}
    services = {
        "adapters": {**qwen(), **weights, "model": "/mnt/models/Qwen2-7B-Instruct-AWQ", "quantization": "awq"},
        "drafted": {**qwen(), "speculative": draft, "prefixCaching": True},
        "graphs": {**qwen(maxNumSeqs=16), "graph": {"kind": "pta"}},
        "pictures": {
            **qwen(),
            "model": "/mnt/models/Qwen2-VL-7B-Instruct",
            "multimodal": {"imagesPerPrompt": 2},
            "server": key,
        },
        "prepared": {
            **qwen(),
            "model": "/mnt/models/Qwen1.5-MoE-A2.7B-Chat",
            "mindSpeed": "install",
            "speculative": {
                "kind": "eagle",
                "source": "/mnt/models/eagle",
                "tokens": 2,
                "convert": {"tools": "/opt/EAGLE", "baseWeights": "model.safetensors"},
            },
        },
        "plain": {**qwen(), "server": "api_server", "smoke": True, "env": {"GREETING": "你好"}},
    }
    project.sandbox.kubectl("create", "namespace", stack)
    for platform in ("cce", "mindcluster"):
        project.write(stack, services, platform=platform)
        rendered = project.ascend_vllm("render", stack)

        assert rendered.returncode == 0, rendered.stderr
        accepted = project.sandbox.kubectl("apply", "--dry-run=server", "--filename", "-", stdin=rendered.stdout)
        assert len(accepted.splitlines()) == 1 + 3 * len(services) + 1  # the Job


def test_the_files_for_gitops_are_taken_by_kustomize_and_the_api_server(project: Project, stack: str) -> None:
    project.sandbox.kubectl("create", "namespace", stack)
    written = project.ascend_vllm("render", stack, "-o", f"gitops-{stack}")
    assert written.returncode == 0, written.stderr
    accepted = project.sandbox.kubectl("apply", "--dry-run=server", "-k", str(project.directory / f"gitops-{stack}"))

    assert "deployment.apps/qwen created (server dry run)" in accepted
    assert len(accepted.splitlines()) == 4


def test_an_update_whose_state_was_lost_is_taken_up_again_and_nothing_is_made_twice(
    project: Project, stack: str
) -> None:
    project.up(stack)
    lost = project.pulumi("stack", "rm", stack, "--yes", "--force", "--preserve-config")
    assert lost.returncode == 0, lost.stderr
    project.pulumi("stack", "init", stack)
    pods = project.names("pod", stack)

    project.up(stack)
    assert project.names("pod", stack) == pods

    project.write(stack, {"qwen": qwen() | {"image": "registry.example.com/ascend-vllm:6.3.913"}})
    project.up(stack)

    (pod,) = project.objects("pod", stack)
    assert pod["spec"]["containers"][0]["image"].endswith(":6.3.913")


def test_a_change_wins_over_what_was_changed_by_hand(project: Project, stack: str) -> None:
    project.up(stack)
    project.sandbox.kubectl("set", "image", "deployment/qwen", "ascend-vllm=by-hand:1", "--namespace", stack)

    project.write(stack, {"qwen": qwen() | {"image": "registry.example.com/ascend-vllm:6.3.913"}})
    project.up(stack)

    (deployment,) = project.objects("deployment", stack)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":6.3.913")
