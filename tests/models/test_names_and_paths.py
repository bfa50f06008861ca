"""Names and paths that Kubernetes, a container runtime or bash gives a meaning of its own."""

from __future__ import annotations

import pytest

from models.check import check
from models.launch.launch import launch
from models.stack_file.keys.cluster import PlatformConfig
from models.stack_file.parse import parse
from tests.conftest import HEAD, stack_of


def messages(more: str = "", *, image: str = "a:1", model: str = "/m/Qwen2-7B") -> list[str]:
    text = f"one:\n  image: {image}\n  model: {model}\n  engine: {{maxModelLen: 4096}}\n"
    return [error.message for error in check(stack_of(f"{text}  {more}\n" if more else text)).errors]


@pytest.mark.parametrize(
    "image",
    [
        "a:1",
        "ascend-vllm:6.3.912",
        "registry.example.com/ascend-vllm:6.3.912",
        "registry.example.com:5000/team/sub__x/ascend-vllm:1",
        "Registry.Example.com/ascend-vllm:V1_x.y-z",
        "localhost/ascend-vllm@sha256:" + "0" * 64,
        "swr.cn-southwest-2.myhuaweicloud.com/atelier/ascend-vllm:6.3.912@sha256:" + "a" * 64,
    ],
)
def test_an_image_that_a_runtime_takes_is_accepted(image: str) -> None:
    assert messages(image=f'"{image}"') == []


@pytest.mark.parametrize(
    "image",
    [
        ":::",
        "a:b:c",
        "-x",
        "a/:1",
        "/a",
        "镜像:1",
        "a@sha256:abc",
        "http://reg/x:1",
        "reg.example.com/ASCEND:1",
        "a b",
        "a:",
    ],
)
def test_an_image_that_no_runtime_takes_is_refused(image: str) -> None:
    (message,) = messages(image=f'"{image}"')

    assert "must be an image's name" in message


@pytest.mark.parametrize("name", ["UID", "RANDOM", "SECONDS", "BASHOPTS", "PIPESTATUS", "_"])
def test_a_variable_of_bashs_own_is_refused(name: str) -> None:
    (message,) = messages(f'env: {{{name}: "1"}}')

    assert "bash" in message


@pytest.mark.parametrize(
    "path", ["/", "/usr", "/usr/lib", "/proc", "/dev", "/dev/shm", "/root", "/var", "/opt/ascend-vllm",
             "/opt/ascend-vllm/launch/x"],
)  # fmt: skip
def test_weights_that_cover_the_system_or_the_launch_script_are_refused(path: str) -> None:
    found = messages(model=f"{{name: Qwen2-7B, source: {path}}}")

    assert any(f"{path} covers" in message for message in found)


@pytest.mark.parametrize("path", ["/opt/models", "/usr/share/models", "/var/lib/models/a", "/data", "/mnt/m"])
def test_weights_outside_of_system_directories_are_accepted(path: str) -> None:
    assert messages(model=f"{{name: Qwen2-7B, source: {path}}}") == []


@pytest.mark.parametrize(
    ("platform", "words", "reason"),
    [
        ({"npuSmi": {"hostPath": "/a", "mountPath": "/opt/ascend-vllm/launch"}}, "is not free", "the launch script"),
        (
            {"npuSmi": {"hostPath": "/a", "mountPath": "/opt/ascend-vllm/launch/run_vllm.sh"}},
            "is not free",
            "a file of it",
        ),
        ({"driver": {"hostPath": "/a", "mountPath": "/usr"}}, "is not free", "the system"),
        ({"driver": {"hostPath": "/a", "mountPath": "/"}}, "is not free", "all of it"),
        (
            {"addOns": {"hostPath": "/a", "mountPath": "/usr/local/Ascend/driver/"}},
            "two mounts",
            "a slash is no difference",
        ),
        ({"driver": "//a"}, "//", "Kubernetes cleans no path"),
    ],
)
def test_mounts_that_collide_in_the_container_are_refused(platform: dict[str, object], words: str, reason: str) -> None:
    (finding,) = parse(PlatformConfig, platform, ("cluster", "platform"))[1]

    assert words in finding.message, reason


@pytest.mark.parametrize(
    ("more", "variable", "key", "reason"),
    [
        ("graph: pta", "VLLM_ENGINE_ITERATION_TIMEOUT_S", "graph.iterationTimeout", "graph mode sets it"),
        ("graph: pta", "HCCL_OP_EXPANSION_MODE", "graph: {kind: pta}", "graph mode sets it"),
        ("multimodal: true", "PYTORCH_NPU_ALLOC_CONF", "multimodal.expandableSegments", "pictures set it"),
        ("multimodal: true", "VLLM_ENGINE_ITERATION_TIMEOUT_S", "multimodal.iterationTimeout", "pictures set it"),
    ],
)
def test_a_variable_belongs_to_a_feature_where_it_is_on_and_is_free_where_it_is_off(
    more: str, variable: str, key: str, reason: str
) -> None:
    model = "/m/Qwen2-VL-7B-Instruct" if "multimodal" in more else "/m/Qwen2-7B"
    text = f'one:\n  image: a:1\n  model: {model}\n  engine: {{maxModelLen: 4096}}\n  env: {{{variable}: "120"}}\n'
    (refused,) = check(stack_of(f"{text}  {more}\n")).errors
    free = stack_of(text)

    assert (refused.rule, key in refused.fix) == ("variable-with-key", True), reason
    assert check(free).errors == ()
    assert launch(free.services[0]).environment[variable] == "120"


def test_services_of_a_wrong_type_are_refused_with_a_base_file(tmp_path: object) -> None:
    head = HEAD.replace("  ascend-vllm:services:\n", "  ascend-vllm:base: services.yaml\n  ascend-vllm:services: []\n")

    assert "services must be a mapping, not a list" in {one.message for one in check(stack_of("", head)).errors}


@pytest.mark.parametrize(
    ("model", "npus", "reason"),
    [
        ("Qwen2-72B-Instruct-AWQ", 1, "four bits"),
        ("Qwen2-72B-Instruct-GPTQ-Int4", 1, "four bits"),
        ("Qwen2-72B-Instruct-GPTQ-Int8", 2, "eight bits"),
    ],
)
def test_a_quantization_in_the_models_name_counts_for_its_weights(model: str, npus: int, reason: str) -> None:
    text = f"one:\n  image: a:1\n  model: /m/{model}\n  npus: {npus}\n  engine: {{maxModelLen: 1024}}\n"

    assert [error.rule for error in check(stack_of(text)).errors] == [], reason
