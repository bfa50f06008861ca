"""`readOnlyRootFilesystem`: the containers write to one volume, and nothing changes without the key."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.commands.render import yaml_documents
from convert import File, Options, convert
from models.check import check
from models.launch.launch import DRAINING, WARM, launch, script
from models.manifests import stack_objects
from models.service.resolve import resolve
from models.service.resolved import ResolvedStack
from models.stack_file.load import load_text
from review.live_launch import live_launch
from tests.models.test_security import containers, pods
from tests.review.stacks import changed, head, stack, values_by_name

EAGLE = {
    "kind": "eagle",
    "source": "/m/eagle",
    "tokens": 2,
    "convert": {"tools": "/opt/EAGLE", "baseWeights": "a.safetensors"},
}
SERVICES: dict[str, dict[str, Any]] = {
    "small": {},
    "prepared": {"model": "/m/Qwen1.5-MoE-A2.7B", "mindSpeed": "install", "speculative": EAGLE, "smoke": True},
    "graphs": {"graph": {"kind": "pta", "warmUp": True}},
    "plugin": {"image": "quay.io/ascend/vllm-ascend:v0.23.0", "runAsUser": 1000},
    "key": {"server": {"apiKey": {"secret": "key", "key": "token"}}},
}


def read_only(name: str) -> ResolvedStack:
    return stack({"qwen": {**SERVICES[name], "readOnlyRootFilesystem": True}})


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_can_write_to_its_image(name: str) -> None:
    found = containers(read_only(name).services[0])

    assert [one["securityContext"]["readOnlyRootFilesystem"] for one in found] == [True] * len(found)


@pytest.mark.parametrize("name", SERVICES)
def test_the_server_and_its_init_containers_have_a_volume_for_their_home_and_working_directory(name: str) -> None:
    (deployment, *_) = pods(read_only(name).services[0])

    assert {"name": "ascend-vllm-tmp", "emptyDir": {}} in deployment["volumes"]
    for one in (*deployment.get("initContainers", ()), *deployment["containers"]):
        assert {"name": "ascend-vllm-tmp", "mountPath": "/tmp"} in one["volumeMounts"]
        assert {"name": "HOME", "value": "/tmp"} in one["env"]
        assert one["workingDir"] == "/tmp"


@pytest.mark.parametrize("name", SERVICES)
def test_without_the_key_nothing_of_it_is_in_the_objects(name: str) -> None:
    objects = list(stack_objects(stack({"qwen": SERVICES[name]})))
    explicit = list(stack_objects(stack({"qwen": {**SERVICES[name], "readOnlyRootFilesystem": False}})))
    text = json.dumps(objects)

    assert explicit == objects
    for word in ("readOnlyRootFilesystem", "ascend-vllm-tmp", "workingDir", '"HOME"', "rm -f -- /tmp"):
        assert word not in text


def test_a_restarted_container_removes_what_the_last_one_left_before_it_does_anything_else(tmp_path: Path) -> None:
    """The volume outlives a container: a probe would take the server for warm, or for draining forever."""
    text = script(launch(read_only("graphs").services[0]))
    first, second = text.splitlines()[1:3]

    assert first == f"rm -f -- {WARM} {DRAINING}"
    assert second.startswith("source ")

    stale = [tmp_path / Path(name).name for name in (WARM, DRAINING)]
    for file in stale:
        file.touch()
    subprocess.run(["bash", "-c", first.replace("/tmp/", f"{tmp_path}/")], check=True)
    assert not any(file.exists() for file in stale)


@pytest.mark.parametrize("name", ["small", "prepared", "graphs", "key"])
def test_the_launch_is_read_back_from_a_cluster(name: str) -> None:
    start = launch(read_only(name).services[0])

    assert live_launch({"run_vllm.sh": script(start), **start.files}) == start


@pytest.mark.parametrize(
    ("name", "directory", "is_writable"),
    [
        ("HOME", "/root", False),
        ("TMPDIR", "/var/tmp", False),
        ("VLLM_CACHE_ROOT", "/tmp/../root/vllm", False),
        ("XDG_CACHE_HOME", "/home/ma-user/.cache", False),
        ("ASCEND_WORK_PATH", "/tmpfs/log", False),
        ("TORCHINDUCTOR_CACHE_DIR", "relative", False),
        ("HOME", "/tmp/home", True),
        ("ASCEND_CACHE_PATH", "//tmp//cann", True),
        ("VLLM_RPC_BASE_PATH", "/dev/shm/rpc", True),
        ("LD_LIBRARY_PATH", "/opt/lib", True),
    ],
)
def test_a_cache_in_the_image_is_a_finding(name: str, directory: str, is_writable: bool) -> None:
    service = {"image": "quay.io/ascend/vllm-ascend:v0.23.0", "env": {name: directory}}
    found = check(stack({"qwen": {**service, "readOnlyRootFilesystem": True}})).findings

    assert ("read-only-directory" in {finding.rule for finding in found}) == (not is_writable)
    assert "read-only-directory" not in {finding.rule for finding in check(stack({"qwen": service})).findings}


def test_a_volume_of_the_patch_under_the_same_name_is_refused() -> None:
    patch = {"spec": {"volumes": [{"name": "ascend-vllm-tmp", "emptyDir": {}}]}}
    (finding,) = check(stack({"qwen": {"podTemplate": patch}})).errors

    assert finding.rule == "pod-template-owned"
    assert "readOnlyRootFilesystem" in finding.message


@pytest.mark.parametrize("name", SERVICES)
def test_diff_names_the_key_once_and_restarts_the_pods(name: str) -> None:
    change = changed(SERVICES[name], {**SERVICES[name], "readOnlyRootFilesystem": True})

    assert change.restarts
    assert values_by_name(change) == {
        "readOnlyRootFilesystem": ("false", "true"),
        "removal of old files in /tmp": (None, ""),
    }


@pytest.mark.parametrize("name", ["small", "graphs", "key"])
def test_objects_with_the_key_convert_back_to_equal_objects(name: str) -> None:
    without_pools = head("ascend-vllm:cluster: {context: prod}\n")
    first = stack({"qwen": {**SERVICES[name], "readOnlyRootFilesystem": True}}, head=without_pools)
    objects = list(stack_objects(first))
    own_script = File("run_vllm.sh", script(launch(first.services[0])))
    done = convert(File("config.yaml", yaml_documents(objects)), [own_script], Options(context="prod"))
    again = resolve(load_text("again", "-", done.text))

    assert list(stack_objects(again)) == objects
    assert again.services[0].read_only_root_filesystem
    assert again.services[0].env == {}
