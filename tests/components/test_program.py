"""The program itself, whole, for every stack file of the repository."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from cli.commands.render import yaml_documents
from cluster.api.kubeconfig import contexts as kubeconfig_contexts
from models import load_stack, resolve
from models.manifests import stack_objects
from tests.components.harness import run_program, stack_config
from tests.conftest import ROOT

STACKS = sorted(file.name.split(".")[1] for file in ROOT.glob("Pulumi.*.yaml"))
GOLDENS = Path(__file__).parent.parent / "golden"


@pytest.fixture(autouse=True)
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig that has the context of every stack file."""
    monkeypatch.chdir(ROOT)
    file = tmp_path / "kubeconfig"
    contexts = [stack_config(name)["ascend-vllm:cluster"]["context"] for name in STACKS]
    file.write_text(yaml.safe_dump({"contexts": [{"name": context} for context in contexts]}))
    monkeypatch.setenv("KUBECONFIG", str(file))
    return file


def kind_and_name(item: dict[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_registers_exactly_the_objects_that_render_prints(name: str) -> None:
    plan = run_program(name)
    registered = [resource.inputs for resource in plan.resources.values() if resource.type.startswith("kubernetes:")]

    rendered = list(stack_objects(resolve(load_stack(name))))

    assert sorted(rendered, key=kind_and_name) == sorted(registered, key=kind_and_name)


@pytest.mark.parametrize("name", STACKS)
def test_the_objects_of_a_stack_are_the_golden_ones(name: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDENS / f"{name}.yaml", yaml_documents(list(stack_objects(resolve(load_stack(name))))))


@pytest.mark.parametrize("name", STACKS)
def test_every_object_goes_to_the_stacks_cluster_and_namespace(name: str) -> None:
    plan = run_program(name)
    cluster = stack_config(name)["ascend-vllm:cluster"]
    objects = [resource for resource in plan.resources.values() if resource.type.startswith("kubernetes:")]

    assert cluster["context"] == plan.resources["cluster"].inputs["context"]
    assert {"cluster"} == {resource.provider for resource in objects}
    assert {"inference"} == {r.inputs["metadata"].get("namespace", "inference") for r in objects}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_exports_the_address_of_each_service(name: str) -> None:
    services = resolve(load_stack(name)).services

    assert {"services": {s.name: s.endpoint for s in services}} == run_program(name).outputs


def test_a_preview_registers_the_same_as_an_update() -> None:
    assert run_program("dev", preview=True).resources == run_program("dev").resources


def test_the_namespace_is_made_first_and_its_deletion_takes_the_rest_along() -> None:
    plan = run_program("dev")

    assert ("namespace",) == plan.resources["qwen2-7b"].dependencies
    assert "namespace" == plan.resources["qwen2-7b"].deleted_with


@pytest.mark.parametrize(
    ("drain", "timeout"),
    [("5m", "622s"), ("30m", "2872s"), ("0s", "600s")],
    ids=["default", "long", "short"],
)
def test_the_deletion_of_the_namespace_may_take_as_long_as_its_pods_need_to_end(drain: str, timeout: str) -> None:
    config = stack_config("dev")
    config["ascend-vllm:services"]["qwen2-7b"]["drain"] = drain

    assert run_program("dev", config).resources["namespace"].deletion_timeout == timeout


@pytest.mark.parametrize(("drain", "timeout"), [("30m", "1865s"), ("0s", "600s")], ids=["long", "short"])
def test_the_deletion_of_one_service_may_take_as_long_as_its_pods_need_to_end(drain: str, timeout: str) -> None:
    config = stack_config("dev")
    config["ascend-vllm:services"]["qwen2-7b"]["drain"] = drain

    assert run_program("dev", config).resources["qwen2-7b-deployment"].deletion_timeout == timeout


def with_cluster(**changes: Any) -> dict[str, Any]:
    config = stack_config("dev")
    return {**config, "ascend-vllm:cluster": {**config["ascend-vllm:cluster"], **changes}}


def test_a_queue_that_the_stack_makes_is_there_before_the_services() -> None:
    queues = {"mine": {"npus": 8, "create": True}, "theirs": {"npus": 8}}
    plan = run_program("dev", with_cluster(queues=queues))
    (queue,) = plan.of_type("Queue")

    assert queue.inputs["spec"]["capability"] == {"huawei.com/ascend-1980": "8"}
    assert queue.provider == "cluster"
    assert queue.name in plan.resources["qwen2-7b"].dependencies


def test_pulumi_gives_a_service_more_time_than_its_deployment_and_that_more_than_its_start() -> None:
    deployment = run_program("dev").resources["qwen2-7b-deployment"]
    spec = deployment.inputs["spec"]
    probe = spec["template"]["spec"]["containers"][0]["startupProbe"]

    start = probe["periodSeconds"] * probe["failureThreshold"]
    assert start < spec["progressDeadlineSeconds"] < int(deployment.timeout.removesuffix("s"))


def test_a_namespace_that_somebody_else_owns_is_not_made_and_nothing_is_deleted_with_it() -> None:
    plan = run_program("dev", with_cluster(namespace={"name": "shared", "create": False}))

    assert [] == plan.of_type("Namespace")
    assert "" == plan.resources["qwen2-7b"].deleted_with
    assert "shared" == plan.resources["qwen2-7b-service"].inputs["metadata"]["namespace"]


def test_a_context_that_the_kubeconfig_does_not_have_is_refused_before_anything_is_registered() -> None:
    with pytest.raises(pulumi.RunError, match=r"has no context 'elsewhere'.*it has: kwok-ascend-sandbox"):
        run_program("dev", with_cluster(context="elsewhere"))


def test_a_preview_goes_on_where_there_is_no_kubeconfig_and_an_update_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")

    assert "qwen2-7b" in run_program("dev", preview=True).resources
    with pytest.raises(pulumi.RunError, match="it has: none"):
        run_program("dev")


def test_a_kubeconfig_of_several_files_or_of_none_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("contexts: [{name: one}]")
    (tmp_path / "b").write_text("contexts: null")
    (tmp_path / "c").write_text("{")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/a:{tmp_path}/b:{tmp_path}/c:{tmp_path}/none")

    assert ["one"] == kubeconfig_contexts()


def test_every_finding_of_every_service_stops_the_program_and_nothing_is_registered() -> None:
    config = stack_config("dev")
    config["ascend-vllm:services"] |= {
        "first": {"image": "a:1", "model": "/m", "engine": {"maxModelLen": 8192, "maxNumBatchedTokens": 4096}},
        "second": {"image": "a:1", "model": "/m", "engine": {"maxModelLen": 1}, "replcas": 2},
    }
    with pytest.raises(pulumi.RunError) as refused:
        run_program("dev", config)
    text = str(refused.value)

    assert "error[batched-tokens-below-length]: maxNumBatchedTokens 4096 is below maxModelLen 8192" in text
    assert "error[unknown-key]: unknown key 'replcas'" in text
    assert "= fix: write replicas" in text
    assert "3 services: 2 errors" in text


def test_warnings_are_shown_and_do_not_stop_the_program() -> None:
    config = stack_config("dev")
    config["ascend-vllm:services"] |= {
        "idle": {"image": "a:1", "model": "/m/x", "npus": 8, "engine": {"maxModelLen": 1, "tensorParallelSize": 1}}
    }

    assert "idle" in run_program("dev", config).resources


def with_secrets(**changes: Any) -> dict[str, Any]:
    service = {"image": "a:1", "model": "/m", "engine": {"maxModelLen": 4096}, **changes}
    config = {"ascend-vllm:cluster": with_cluster()["ascend-vllm:cluster"], "ascend-vllm:services": {"qwen": service}}
    return {**config, "ascend-vllm:api": "an-api-key", "ascend-vllm:registry": "{}"}


def test_secret_keys_of_the_stack_become_secrets_before_the_services() -> None:
    wanted = {"server": {"apiKey": {"config": "api"}}, "pullSecrets": [{"config": "registry"}]}
    plan = run_program("without-a-file", with_secrets(**wanted))
    made = {one.name: one for one in plan.of_type("core/v1:Secret")}

    assert {name: one.inputs["data"] for name, one in made.items()} == {
        "secret-api": {"value": b64encode(b"an-api-key").decode()},
        "secret-registry-pull": {".dockerconfigjson": b64encode(b"{}").decode()},
    }
    assert [one.inputs["type"] for one in made.values()] == ["Opaque", "kubernetes.io/dockerconfigjson"]
    assert all(one.inputs["immutable"] and one.provider == "cluster" for one in made.values())
    assert {"namespace", *made} == {*plan.resources["qwen"].dependencies}
    assert {one.deleted_with for one in made.values()} == {"namespace"}
    assert {one.secret_outputs for one in made.values()} == {("data",)}


def test_a_stack_that_refers_to_no_key_of_its_own_makes_no_secret() -> None:
    plan = run_program("without-a-file", with_secrets(server={"apiKey": {"secret": "keys", "key": "qwen"}}))

    assert plan.of_type("core/v1:Secret") == []


def test_a_secret_key_that_is_not_set_ends_the_program_without_a_traceback() -> None:
    with pytest.raises(pulumi.RunError, match="ascend-vllm:absent"):
        run_program("without-a-file", with_secrets(env={"HF_TOKEN": {"config": "absent"}}))


@pytest.mark.parametrize("value", ["", " \n"])
def test_an_empty_secret_ends_the_program_before_a_server_without_a_key_is_open_to_all(value: str) -> None:
    wanted = {**with_secrets(server={"apiKey": {"config": "api"}}), "ascend-vllm:api": value}

    with pytest.raises(pulumi.RunError, match="the secret key api is empty\nfix: pulumi config set --secret api"):
        run_program("without-a-file", wanted)
