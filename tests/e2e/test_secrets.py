"""Secrets with the real Pulumi and control plane: values are nowhere but in Secrets, and a new value rolls the pods."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from sandbox.plan import Plan
from tests.e2e.project import Project, copy_program
from tests.e2e.sandbox_fixture import SandboxFactory, ascend_nodes

STACK = "canary"
VALUES = {
    "api": "canary-api-5f1c0d77a1",
    "hf": "canary-hub-91be3340cc",
    "registry": json.dumps({"auths": {"registry.example.com": {"auth": "Y2FuYXJ5OmNhbmFyeS1yZWdpc3RyeQ=="}}}),
    "existing": "canary-existing-77d2a0e8b4",
    "access": "canary-access-2b8f60a91d",
    "bucket": "canary-bucket-e7710fd35c",
    "rotated": "canary-rotated-0c44e1f2d9",
}
SERVICE: dict[str, Any] = {
    "image": "registry.example.com/ascend-vllm:6.3.912",
    "model": "/mnt/models/Qwen2-7B-Instruct",
    "engine": {"maxModelLen": 4096},
    "server": {"apiKey": {"config": "api"}},
    "env": {"HF_TOKEN": {"config": "hf"}, "OTHER_TOKEN": {"secret": "existing", "key": "token"}, "GREETING": "hello"},
    "pullSecrets": [{"config": "registry"}, "pull"],
    "smoke": True,
}
STORED: dict[str, Any] = {
    "image": SERVICE["image"],
    "model": {
        "source": {
            "kind": "bucket",
            "endpoint": "https://obs.example.com",
            "region": "north",
            "bucket": "models",
            "accessKey": {"config": "access"},
            "secretKey": {"config": "bucket"},
        },
        "name": "Qwen2-7B-Instruct",
        "verify": "weights.json",
    },
    "engine": {"maxModelLen": 4096},
}
FILE = {"size": 2, "sha256": hashlib.sha256(b"{}").hexdigest()}
WEIGHTS = {"files": {"config.json": FILE, "model.safetensors": FILE}}


@pytest.fixture(scope="module")
def project(sandbox: SandboxFactory, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stack with credentials of every kind, deployed; what that showed is in `said.txt`."""
    made = copy_program(tmp_path_factory.mktemp("secrets"), sandbox(Plan("secrets", ascend_nodes(1))))
    made.sandbox.kubectl("create", "namespace", STACK)
    made.sandbox.kubectl(
        "create", "secret", "generic", "existing", "--namespace", STACK, f"--from-literal=token={VALUES['existing']}"
    )
    (made.directory / "weights.json").write_text(json.dumps(WEIGHTS))
    made.write(STACK, {"qwen": SERVICE, "stored": STORED}, namespace={"name": STACK, "create": False})
    assert made.pulumi("stack", "init", STACK).returncode == 0
    for key in ("api", "hf", "registry", "access", "bucket"):
        done = made.pulumi("config", "set", "--secret", key, "--stack", STACK, "--", VALUES[key])
        assert done.returncode == 0, done.stderr
    before = made.pulumi("preview", "--diff", "--stack", STACK)
    done = made.pulumi("up", "--diff", "--stack", STACK, "--yes")
    assert (before.returncode, done.returncode) == (0, 0), before.stdout + done.stdout + done.stderr
    said = before.stdout + before.stderr + done.stdout + done.stderr
    (made.directory / "said.txt").write_text(said)
    return made


def forms(value: str) -> Iterator[str]:
    """A value as it is, as JSON has it, and in base64 wherever it begins in a text."""
    yield from {value, json.dumps(value)[1:-1]}
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + value.encode()).decode().rstrip("=")
        yield encoded[4 * bool(before) : -1]


def leaks(text: str) -> list[str]:
    return [name for name, value in VALUES.items() if any(form in text for form in forms(value))]


def stack_file(project: Project) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(project.file(STACK).read_text(encoding="utf-8"))
    return document


def secrets(project: Project) -> dict[str, dict[str, str]]:
    """The values of the Secrets in the namespace, by name and key."""
    items = json.loads(project.sandbox.kubectl("get", "secrets", "--namespace", STACK, "--output", "json"))["items"]
    return {
        item["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in item["data"].items()}
        for item in items
    }


def made(project: Project, config: str) -> str:
    (name,) = (name for name in secrets(project) if name.startswith(f"{config}-"))
    return name


def pod_spec(project: Project) -> dict[str, Any]:
    return spec_of(project, "qwen")


def spec_of(project: Project, service: str) -> dict[str, Any]:
    (found,) = (one for one in project.objects("deployments", STACK) if one["metadata"]["name"] == service)
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec


def test_the_values_are_in_the_secrets_that_the_pods_refer_to(project: Project) -> None:
    there, spec = secrets(project), pod_spec(project)
    pulled = [one["name"] for one in spec["imagePullSecrets"]]
    variables = {
        one["name"]: (one["valueFrom"]["secretKeyRef"]["name"], one["valueFrom"]["secretKeyRef"]["key"])
        for one in spec["containers"][0]["env"]
    }

    assert {name: there[secret][key] for name, (secret, key) in variables.items()} == {
        "VLLM_API_KEY": VALUES["api"], "HF_TOKEN": VALUES["hf"], "OTHER_TOKEN": VALUES["existing"]
    }  # fmt: skip
    assert there[pulled[0]] == {".dockerconfigjson": VALUES["registry"]}
    assert pulled[1] == "pull"
    assert {*leaks(json.dumps(there))} == VALUES.keys() - {"rotated"}, "the search would not find them"


def test_the_keys_of_a_bucket_are_variables_of_the_container_that_fetches_and_of_no_other(project: Project) -> None:
    there, spec = secrets(project), spec_of(project, "stored")
    fetches = next(one for one in spec["initContainers"] if one["name"] == "fetch-model")
    refs = [one["valueFrom"]["secretKeyRef"] for one in fetches["env"] if "valueFrom" in one]

    assert {there[ref["name"]][ref["key"]] for ref in refs} == {VALUES["access"], VALUES["bucket"]}
    assert spec["containers"][0].get("env", []) == []


def test_no_object_but_a_secret_holds_a_value(project: Project) -> None:
    listed = project.sandbox.kubectl("api-resources", "--verbs=list", "--output", "name").split()
    kinds = [kind for kind in listed if kind != "secrets"]
    objects = project.sandbox.kubectl("get", ",".join(kinds), "--all-namespaces", "--output", "json")

    assert {"ConfigMap", "Pod", "ReplicaSet"} <= {one["kind"] for one in json.loads(objects)["items"]}
    assert leaks(objects) == []


def test_neither_preview_nor_update_nor_state_shows_a_value(project: Project) -> None:
    said = (project.directory / "said.txt").read_text()
    exported = project.pulumi("stack", "export", "--stack", STACK).stdout
    again = project.pulumi("preview", "--diff", "--json", "--stack", STACK)
    backend = Path(urlsplit(project.sandbox.env["PULUMI_BACKEND_URL"]).path)
    files = [file for file in backend.rglob("*") if file.is_file() and STACK in str(file)]

    assert "[secret]" in said
    assert files
    assert again.returncode == 0, again.stdout
    for text in (said, exported, again.stdout, *(file.read_text("utf-8", "replace") for file in files)):
        assert leaks(text) == []
    assert leaks(project.pulumi("stack", "export", "--show-secrets", "--stack", STACK).stdout), "they are in the state"


COMMANDS = [
    ("check", STACK, "--verbose"),
    ("check", STACK, "--format", "json"),
    ("script", STACK, "qwen"),
    ("script", STACK, "stored"),
    ("render", STACK),
    ("render", STACK, "--output", "gitops"),
    ("drift", STACK),
    ("drift", STACK, "--format", "json"),
    ("diff", STACK, "--live"),
    ("status", STACK),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_a_value(project: Project, command: tuple[str, ...]) -> None:
    done = project.ascend_vllm(*command)
    written = [file.read_text() for file in project.directory.glob("gitops/*")]

    assert done.returncode == 0, done.stdout + done.stderr
    assert leaks("".join((done.stdout, done.stderr, *written))) == []
    assert "Traceback" not in done.stderr


def test_render_names_the_secrets_that_have_to_exist(project: Project) -> None:
    done = project.ascend_vllm("render", STACK)
    api, registry = made(project, "api"), made(project, "registry-pull")

    assert "kind: Secret" not in done.stdout
    assert f"  {api}, key value: the value of `pulumi config get api`" in done.stderr
    assert f"  {registry}, key .dockerconfigjson: the value of `pulumi config get registry`" in done.stderr
    assert "  existing, key token\n" in done.stderr


def test_a_new_value_rolls_the_pods_and_a_revert_gets_the_old_name_back(project: Project) -> None:
    before, names = project.file(STACK).read_text(), {*secrets(project)}
    old, pods = made(project, "api"), project.names("pods", STACK)

    assert project.pulumi("config", "set", "--secret", "api", VALUES["rotated"], "--stack", STACK).returncode == 0
    preview = project.pulumi("preview", "--diff", "--stack", STACK)
    changed = project.ascend_vllm("diff", STACK, "--live")
    said = project.up(STACK)
    new = made(project, "api")

    assert leaks(preview.stdout + said + changed.stdout) == []
    assert f"variable VLLM_API_KEY {old} → {new}" in re.sub(" +", " ", changed.stdout), changed.stdout
    assert secrets(project)[new] == {"value": VALUES["rotated"]}
    assert {*secrets(project)} - names == {new}
    assert names - {*secrets(project)} == {old}, "the others keep their names, and the old one goes"
    assert {*pods} & {*project.names("pods", STACK)} == {pod for pod in pods if pod.startswith("stored-")}
    assert said.index("qwen-deployment updated") < said.index(f"secret-{old} deleted"), said

    project.file(STACK).write_text(before)
    project.up(STACK)

    assert {*secrets(project)} == names
    assert secrets(project)[old] == {"value": VALUES["api"]}
    assert project.pulumi("preview", "--stack", STACK, "--expect-no-changes").returncode == 0


def test_drift_knows_a_secret_that_somebody_deleted(project: Project) -> None:
    name = made(project, "hf")
    project.sandbox.kubectl("delete", "secret", name, "--namespace", STACK)
    gone = project.ascend_vllm("drift", STACK)
    restored = project.pulumi("up", "--refresh", "--stack", STACK, "--yes", "--skip-preview")

    assert gone.returncode == 1
    assert f"- Secret {name}: " in gone.stdout
    assert restored.returncode == 0, restored.stdout
    assert secrets(project)[name] == {"value": VALUES["hf"]}
    assert project.ascend_vllm("drift", STACK).returncode == 0


@pytest.mark.parametrize("plain", [None, "canary-plain-3c9d1e"], ids=["missing", "plain"])
def test_a_key_that_is_no_secret_ends_the_preview_with_the_command_that_sets_it(
    project: Project, plain: str | None
) -> None:
    before = project.file(STACK).read_text()
    document = stack_file(project)
    document["config"].pop("ascend-vllm:hf")
    if plain:
        document["config"]["ascend-vllm:hf"] = plain
    project.file(STACK).write_text(yaml.safe_dump(document))
    try:
        done = project.pulumi("preview", "--stack", STACK)
    finally:
        project.file(STACK).write_text(before)
    said = done.stdout + done.stderr

    assert done.returncode != 0
    assert f"pulumi config set --secret hf --stack {STACK}" in said
    assert "error[config-secret]: " in said
    assert "canary-plain" not in said
    assert "Traceback" not in said
