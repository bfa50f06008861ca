"""Weights from claims and buckets with the real Pulumi and control plane."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.plan import Plan
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes

SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
FILES = {"config.json": {"size": 663, "sha256": SHA}, "it's 模型.safetensors": {"size": 9, "sha256": SHA}}
BUCKET = {
    "kind": "bucket",
    "endpoint": "https://obs.cn-north-4.myhuaweicloud.com",
    "region": "cn-north-4",
    "bucket": "models",
    "prefix": "qwen/Qwen2-7B-Instruct",
    "accessKey": {"secret": "obs", "key": "access"},
    "secretKey": {"secret": "obs", "key": "secret"},
}
CLAIM = {"kind": "claim", "name": "models", "directory": "Qwen2-7B-Instruct", "size": "5Gi", "class": "static"}


def service(model: dict[str, Any]) -> dict[str, Any]:
    return {"image": "registry.example.com/ascend-vllm:1", "model": model, "engine": {"maxModelLen": 4096}}


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = copy_program(tmp_path_factory.mktemp("project"), sandbox(Plan("sources", ascend_nodes(4))))
    (made.directory / "weights.json").write_text(json.dumps({"files": FILES}))
    return made


def volume(project: Project, name: str, size: str = "5Gi") -> None:
    """A volume that a claim of the class `static` is bound to."""
    spec = {
        "capacity": {"storage": size},
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "static",
        "hostPath": {"path": f"/volumes/{name}"},
    }
    item = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
    project.sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(item))


def claim(project: Project, namespace: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        project.sandbox.kubectl("get", "pvc", name, "--namespace", namespace, "-o", "json")
    )
    return found


def test_a_claim_outlives_its_stack_and_is_taken_up_again(project: Project) -> None:
    namespace = "s-claim"
    volume(project, namespace)
    project.sandbox.kubectl("create", "namespace", namespace)
    project.pulumi("stack", "init", namespace)
    services = {"qwen": service({"source": CLAIM}), "qwen-two": service({"source": {**CLAIM, "directory": "two"}})}
    project.write(namespace, services, namespace={"name": namespace, "create": False})
    project.up(namespace)
    first = claim(project, namespace, "models")

    assert first["status"]["phase"] == "Bound"
    assert first["spec"]["accessModes"] == ["ReadWriteMany"]
    assert {pod["status"]["phase"] for pod in project.objects("pod", namespace)} == {"Running"}
    assert "no drift" in project.ascend_vllm("drift", namespace).stdout
    assert "unchanged" in project.up(namespace)

    gone = project.pulumi("destroy", "--stack", namespace, "--yes", "--skip-preview")
    assert gone.returncode == 0, gone.stdout
    assert project.objects("deployment", namespace) == []
    assert claim(project, namespace, "models")["metadata"]["uid"] == first["metadata"]["uid"]

    project.up(namespace)
    assert claim(project, namespace, "models")["metadata"]["uid"] == first["metadata"]["uid"]
    assert claim(project, namespace, "models")["metadata"].get("deletionTimestamp") is None


def test_a_claim_that_no_service_wants_any_more_stays(project: Project) -> None:
    namespace = "s-left"
    volume(project, namespace)
    project.pulumi("stack", "init", namespace)
    project.write(namespace, {"qwen": service({"source": CLAIM})})
    project.up(namespace)
    project.write(namespace, {"qwen": service({"source": "/mnt/models/Qwen2-7B-Instruct"})})
    project.up(namespace)

    assert claim(project, namespace, "models")["status"]["phase"] == "Bound"
    assert not any("PersistentVolumeClaim" in kind for kind in project.resources(namespace))


def test_a_bucket_starts_with_its_step_and_rolls_with_its_checksums(project: Project) -> None:
    namespace = "s-bucket"
    project.pulumi("stack", "init", namespace)
    project.write(namespace, {"qwen": service({"source": BUCKET, "verify": "weights.json"})})
    project.up(namespace)
    (before,) = project.objects("deployment", namespace)
    (project.directory / "weights.json").write_text(json.dumps({"files": {**FILES, "b": FILES["config.json"]}}))
    told = project.ascend_vllm("diff", namespace, "--live")
    project.up(namespace)
    (after,) = project.objects("deployment", namespace)
    pods = [one["spec"]["template"]["spec"] for one in (before, after)]
    steps = [pod["initContainers"][1] for pod in pods]

    names = ["preflight", "fetch-model", "preflight-weights"]
    assert [[step["name"] for step in pod["initContainers"]] for pod in pods] == [names, names]
    assert {one["name"]: one["valueFrom"]["secretKeyRef"]["name"] for one in steps[0]["env"]} == {
        "AWS_ACCESS_KEY_ID": "obs",
        "AWS_SECRET_ACCESS_KEY": "obs",
    }
    assert after["metadata"]["generation"] > before["metadata"]["generation"]
    assert told.returncode == 1
    assert "weights.json" in told.stdout
    assert "restarts" in told.stdout


MODELS: list[dict[str, Any]] = [
    {"source": {"kind": "claim", "name": "models"}, "verify": "weights.json"},
    {"source": {**CLAIM, "directory": "a/b c/模型"}, "mountPath": "/weights/模型"},
    {"source": {**BUCKET, "to": "/data/models"}, "verify": "weights.json"},
    {"source": {**BUCKET, "to": {"claim": "cache", "size": "1Ti"}}, "verify": "weights.json", "preparation": "6h"},
    {"source": "/mnt/models/Qwen2-7B-Instruct", "verify": "weights.json"},
    {"name": "it's: ../a model", "source": BUCKET, "verify": "weights.json"},
]


def test_every_source_is_accepted_by_the_api_server(project: Project) -> None:
    project.sandbox.kubectl("create", "namespace", "s-accepted")
    services = {f"qwen-{number}": service(model) for number, model in enumerate(MODELS)}
    project.write("s-accepted", services, namespace={"name": "s-accepted", "create": False})
    rendered = project.ascend_vllm("render", "s-accepted")
    assert rendered.returncode == 0, rendered.stderr

    said = project.sandbox.kubectl("apply", "--dry-run=server", "-f", "-", stdin=rendered.stdout)

    assert said.count("created (server dry run)") == 3 * len(MODELS) + 2
