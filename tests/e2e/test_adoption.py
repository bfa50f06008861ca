"""What runs already is taken over: the import list of `convert` with the real Pulumi, provider and control plane."""

from __future__ import annotations

import json
import re
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.plan import Plan
from tests.conftest import ROOT
from tests.convert.pairs import SCRIPT, config
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes

IMPORT = ("--yes", "--generate-code=false", "--protect=false")
SERVICE = {
    "image": "registry.example.com/ascend-vllm:6.3.912",
    "model": "/mnt/models/Qwen2-7B-Instruct",
    "engine": {"maxModelLen": 4096, "numSchedulerSteps": 8},
    "prefixCaching": True,
    "env": {"GREETING": "你好 $$HOME\n'x'"},
}


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_program(tmp_path_factory.mktemp("project"), sandbox(Plan("adoption", ascend_nodes(8))))


@pytest.fixture
def stack(project: Project, request: pytest.FixtureRequest) -> str:
    """The name of a stack of the test's own, and a namespace of that name that others own."""
    name = "a-" + re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_"))[:40].strip("-")
    project.sandbox.kubectl("create", "namespace", name)
    return name


def identities(project: Project, kind: str, namespace: str) -> dict[str, str]:
    """The uid of each object: another one is another object, also under the same name."""
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in project.objects(kind, namespace)}


def wait_for_pods(project: Project, namespace: str, count: int) -> None:
    for _ in range(240):
        pods = project.objects("pod", namespace)
        if len(pods) == count and all(pod["status"]["phase"] == "Running" for pod in pods):
            return
        time.sleep(0.5)
    raise AssertionError(f"{namespace} has no {count} running pods")


def convert(project: Project, stack: str, *files: str) -> str:
    """`convert` of files of the project's directory into the stack's file; what it said, in one line."""
    options = ("--context", project.sandbox.context, "-o", f"Pulumi.{stack}.yaml", "--import", f"{stack}.json")
    done = project.ascend_vllm("convert", *files, "--namespace", stack, *options)
    assert done.returncode in (0, 1), done.stderr
    assert not done.stderr
    return " ".join(done.stdout.split())


def save_live(project: Project, namespace: str) -> str:
    """The objects of the namespace as the cluster has them, in a file; its name."""
    kinds = "deployment,configmap,service"
    text = project.sandbox.kubectl("get", kinds, "--namespace", namespace, "-l", "app=infers", "--output", "yaml")
    (project.directory / f"{namespace}-live.yaml").write_text(text, encoding="utf-8")
    return f"{namespace}-live.yaml"


def documented(page: str, word: str) -> str:
    """The commands of a page that stand in one block, of which the first holds a word."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = (textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", text, re.MULTILINE))
    return next(block for block in blocks if word in block.splitlines()[0])


def take_over(project: Project, stack: str) -> None:
    """The steps of the page: the stack, the import, the line that keeps the addresses."""
    made = project.pulumi("stack", "init", stack)
    assert made.returncode == 0, made.stderr
    imported = project.pulumi("import", "--stack", stack, "--file", f"{stack}.json", *IMPORT)
    assert imported.returncode == 0, imported.stdout + imported.stderr
    line = documented("convert.md", "pulumi stack export").replace("STACK", stack)
    kept = project.run("/bin/bash", "-ec", line)
    assert kept.returncode == 0, kept.stderr


def unchanged(project: Project, stack: str) -> bool:
    return project.pulumi("preview", "--stack", stack, "--expect-no-changes").returncode == 0


def test_objects_that_kubectl_applied_are_taken_over_without_a_restart_and_without_another_address(
    project: Project, stack: str
) -> None:
    first = f"{stack}-rendered"
    owned = {"name": stack, "create": False}
    project.write(first, {"qwen": SERVICE, "spare": {**SERVICE, "server": "api_server"}}, namespace=owned)
    project.sandbox.kubectl("apply", "-f", "-", stdin=project.ascend_vllm("render", first).stdout)
    wait_for_pods(project, stack, 2)
    before = {kind: identities(project, kind, stack) for kind in ("pod", "replicaset", "configmap", "service")}
    addresses = [item["spec"]["clusterIP"] for item in project.objects("service", stack)]

    said = convert(project, stack, save_live(project, stack))
    take_over(project, stack)
    project.up(stack)

    assert "qwen: taken over, no pod restarts" in said
    assert {kind: identities(project, kind, stack) for kind in before} == before
    assert [item["spec"]["clusterIP"] for item in project.objects("service", stack)] == addresses
    assert unchanged(project, stack)


def test_a_stack_whose_state_and_file_were_lost_comes_back_and_is_changed_as_before(
    project: Project, stack: str
) -> None:
    pools = {"snt9b": {"nodes": 8, "npusPerNode": 8, "npuMemory": "64Gi"}}
    project.write(stack, {"qwen": SERVICE}, namespace={"name": stack, "create": False}, pools=pools)
    assert project.pulumi("stack", "init", stack).returncode == 0
    project.up(stack)
    project.pulumi("stack", "rm", stack, "--yes", "--force")
    project.file(stack).unlink(missing_ok=True)
    before = identities(project, "pod", stack)

    said = convert(project, stack, save_live(project, stack))
    assert "spec.affinity, which follows from cluster.pools: add them first" in said
    text = project.file(stack).read_text(encoding="utf-8")
    added = text.replace("    namespace:", f"    pools: {json.dumps(pools)}\n    namespace:")
    project.file(stack).write_text(added, encoding="utf-8")
    take_over(project, stack)
    project.up(stack)
    assert identities(project, "pod", stack) == before

    text = project.file(stack).read_text(encoding="utf-8")
    project.file(stack).write_text(text.replace("maxModelLen: 4096", "maxModelLen: 2048"), encoding="utf-8")
    project.up(stack)

    (config_map,) = project.objects("configmap", stack)
    assert "--max-model-len=2048" in config_map["data"]["run_vllm.sh"]
    assert set(identities(project, "pod", stack)).isdisjoint(before)


def test_the_manuals_pods_go_on_beside_the_new_ones_and_their_service_finds_both(project: Project, stack: str) -> None:
    apply_manual(project, stack)
    wait_for_pods(project, stack, 1)
    before = identities(project, "pod", stack)

    said = convert(project, stack, "config.yaml", "run_vllm.sh")
    made = project.pulumi("stack", "init", stack)
    assert made.returncode == 0, made.stderr
    project.up(stack)
    beside = identities(project, "pod", stack)
    both = ready_addresses(project, stack, 2)
    project.sandbox.kubectl("delete", "deployment", "yourapp", "--namespace", stack)
    alone = ready_addresses(project, stack, 1)

    assert "yourapp-2: not in the list" in said
    assert "warning[idle-npus]: yourapp-2 requests 8 NPUs but uses 1: 7 idle" in said
    assert before.items() <= beside.items()
    assert len(beside) == 2
    assert alone < both
    assert not (project.directory / f"{stack}.json").exists()


def apply_manual(project: Project, namespace: str) -> None:
    """The manual's two files as people fill them in, applied, and a Service of their own in front."""
    (project.directory / "config.yaml").write_text(config(), encoding="utf-8")
    (project.directory / "run_vllm.sh").write_text(SCRIPT, encoding="utf-8")
    named = config().replace("${container_name}", "vllm").replace("${node-path}", "/data/vllm")
    project.sandbox.kubectl("apply", "--namespace", namespace, "-f", "-", stdin=named)
    front: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "front", "labels": {"app": "infers"}},
        "spec": {"selector": {"app": "infers"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    project.sandbox.kubectl("apply", "--namespace", namespace, "-f", "-", stdin=yaml.safe_dump(front))


def ready_addresses(project: Project, namespace: str, count: int) -> set[str]:
    """The pods behind the Service `front`, once there are so many."""
    found: set[str] = set()
    for _ in range(240):
        slices = project.sandbox.kubectl(
            *("get", "endpointslice", "--namespace", namespace, "--output", "json"),
            *("-l", "kubernetes.io/service-name=front"),
        )
        endpoints = [one for item in json.loads(slices)["items"] for one in item.get("endpoints") or []]
        found = {one["targetRef"]["name"] for one in endpoints if one["conditions"].get("ready")}
        if len(found) == count:
            break
        time.sleep(0.5)
    assert len(found) == count
    return found


def test_a_pod_that_differs_is_taken_over_with_one_restart_that_is_told_before(project: Project, stack: str) -> None:
    project.write(f"{stack}-rendered", {"qwen": SERVICE}, namespace={"name": stack, "create": False})
    rendered = project.ascend_vllm("render", f"{stack}-rendered").stdout
    project.sandbox.kubectl(
        "apply", "-f", "-", stdin=rendered.replace("enableServiceLinks: false", "enableServiceLinks: true")
    )
    wait_for_pods(project, stack, 1)
    before = identities(project, "pod", stack)

    said = convert(project, stack, save_live(project, stack))
    take_over(project, stack)
    project.up(stack)

    assert "qwen: taken over, its pods restart once, because these change: spec.enableServiceLinks" in said
    assert set(identities(project, "pod", stack)).isdisjoint(before)


def test_the_list_names_the_context_so_that_nothing_is_imported_from_another_cluster(
    tmp_path: Path, project: Project
) -> None:
    (project.directory / "config.yaml").write_text(config(), encoding="utf-8")
    done = project.ascend_vllm("convert", "config.yaml", "--import", str(tmp_path / "list.json"))

    assert (done.returncode, done.stdout) == (2, "")
    assert "add --context NAME" in done.stderr
