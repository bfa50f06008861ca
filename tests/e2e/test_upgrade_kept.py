"""In the middle of an upgrade, a service still has the secret values and the checksums of its revision."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from typing import Any

import pytest
import yaml

from sandbox.plan import Plan
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes
from tests.e2e.staged import REGISTRY

STACK = "kept"
POOLS = {"snt9b": {"nodes": 2, "npusPerNode": 8, "npuMemory": "64Gi"}}
VALUES = {"before": "kept-value-3f1d", "after": "kept-value-9a77"}


def entry(tag: str) -> dict[str, Any]:
    return {
        "image": f"{REGISTRY}:{tag}",
        "model": {"source": "/mnt/models/Qwen2-72B-Instruct", "verify": "weights.json"},
        "npus": 8,
        "drain": "5s",
        "preflight": False,
        "engine": {"version": "0.6.3", "maxModelLen": 4096, "tensorParallelSize": 8},
        "server": {"apiKey": {"config": "api"}},
    }


def write(project: Project, tag: str, value: str) -> None:
    """The stack file with the same names and other values: the image, the API key and the checksums."""
    salt = yaml.safe_load(project.file(STACK).read_text())["encryptionsalt"]
    project.write(STACK, {"a": entry(tag), "b": entry(tag)}, pools=POOLS)
    with project.file(STACK).open("a") as file:
        file.write(f"encryptionsalt: {salt}\n")
    weights = {"size": 2, "sha256": hashlib.sha256(value.encode()).hexdigest()}
    checksums = {"files": {"config.json": weights, "model.safetensors": weights}}
    (project.directory / "weights.json").write_text(json.dumps(checksums))
    assert project.pulumi("config", "set", "--secret", "api", value, "--stack", STACK).returncode == 0


def secrets(project: Project) -> dict[str, str]:
    """The values of the Secrets of the stack, by name."""
    return {
        item["metadata"]["name"]: b64decode(item["data"]["value"]).decode()
        for item in project.objects("secrets", STACK)
    }


def templates(project: Project) -> dict[str, Any]:
    return {item["metadata"]["name"]: item["spec"]["template"] for item in project.objects("deployments", STACK)}


def value_of(project: Project, service: str) -> str:
    """The API key that the pods of a service have."""
    (container,) = templates(project)[service]["spec"]["containers"]
    (variable,) = [item for item in container["env"] if item["name"] == "VLLM_API_KEY"]
    return secrets(project)[variable["valueFrom"]["secretKeyRef"]["name"]]


def under_the_earlier_name(project: Project) -> None:
    """The Secret as a program has left it that named the resource without the hash."""
    state = json.loads(project.pulumi("stack", "export", "--stack", STACK).stdout)
    (urn,) = [item["urn"] for item in state["deployment"]["resources"] if item["type"] == "kubernetes:core/v1:Secret"]
    assert project.pulumi("state", "rename", urn, "secret-api", "--stack", STACK, "--yes").returncode == 0


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = copy_program(tmp_path_factory.mktemp("kept"), sandbox(Plan("kept", ascend_nodes(2))))
    made.write(STACK, {}, pools=POOLS)
    assert made.pulumi("stack", "init", STACK).returncode == 0
    write(made, "old", VALUES["before"])
    made.up(STACK)
    under_the_earlier_name(made)
    made.run("git", "init", "--quiet")
    made.run("git", "add", ".")
    made.run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "before")
    write(made, "new", VALUES["after"])
    return made


def test_the_service_whose_step_comes_later_keeps_its_secret_and_its_checksums(project: Project) -> None:
    before = templates(project)
    names = set(secrets(project))

    first = project.ascend_vllm("upgrade", STACK, "--from", "HEAD", "--until", "1")

    assert first.returncode == 0, first.stdout + first.stderr
    (updated,) = [name for name, template in templates(project).items() if template != before[name]]
    (waiting,) = {"a", "b"} - {updated}
    assert value_of(project, updated) == VALUES["after"]
    assert value_of(project, waiting) == VALUES["before"]
    assert len(secrets(project)) == 2
    assert list((project.directory / ".ascend-vllm-upgrade" / STACK).glob("*.json"))

    back = project.ascend_vllm("upgrade", STACK, "--back")

    assert back.returncode == 0, back.stdout + back.stderr
    assert templates(project) == before
    assert set(secrets(project)) == names
    assert not (project.directory / ".ascend-vllm-upgrade").exists()


def test_in_the_end_only_the_new_secret_is_left(project: Project) -> None:
    done = project.ascend_vllm("upgrade", STACK, "--from", "HEAD")

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(secrets(project).values()) == [VALUES["after"]]
    assert value_of(project, "a") == value_of(project, "b") == VALUES["after"]
    assert project.pulumi("preview", "--stack", STACK, "--expect-no-changes").returncode == 0
    assert not any(value in done.stdout + done.stderr for value in VALUES.values())
    history = project.pulumi("stack", "history", "--stack", STACK, "--json").stdout
    assert "apply the stack file (ascend-vllm upgrade " in history
