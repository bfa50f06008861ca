"""The type of NPU of an image can be a part of its tag or of its repository."""

from __future__ import annotations

import pytest

from models.check import check
from models.engines.image_names import full_tag, image_for_npus, is_plugin_image
from models.service.resolve import resolve
from models.stack_file.load import load_text

MIRROR = "registry.example.com:5000/ai/vllm-ascend"


def found(image: str, soc: str) -> list[tuple[str, str, str]]:
    """Severity, message and fix of the findings about the type of NPU."""
    text = f"""\
config:
  ascend-vllm:cluster:
    context: prod
    pools: {{main: {{nodes: 2, npusPerNode: 16, npuMemory: 64Gi, soc: {soc}}}}}
  ascend-vllm:services:
    qwen:
      image: {image}
      model: /mnt/models/Qwen3-32B
      npus: 4
      engine: {{maxModelLen: 4096, tensorParallelSize: 4}}
"""
    findings = check(resolve(load_text("test", "Pulumi.test.yaml", text))).findings
    return [(finding.severity, finding.message, finding.fix) for finding in findings if finding.rule == "image-soc"]


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        (f"{MIRROR}-a3:v0.23.0", "v0.23.0-a3"),
        (f"{MIRROR}-a3:v0.23.0-a3", "v0.23.0-a3"),
        (f"{MIRROR}-310p-openeuler:v0.18.0", "v0.18.0-310p-openeuler"),
        (f"{MIRROR}-a3:v0.23.0-openeuler", "v0.23.0-a3-openeuler"),
        (f"{MIRROR}-openeuler:v0.23.0-a3", "v0.23.0-a3-openeuler"),
        (f"{MIRROR}-a2:v0.23.0", "v0.23.0"),
        (f"{MIRROR}:v0.23.0-a3", "v0.23.0-a3"),
        ("registry.example.com/ascend-vllm:6.3.912-a3", "6.3.912-a3"),
        (f"{MIRROR}-a3@sha256:{'0' * 64}", ""),
    ],
)
def test_suffixes_of_the_repository_belong_to_the_tag(image: str, tag: str) -> None:
    assert full_tag(image) == tag


@pytest.mark.parametrize(
    ("image", "is_plugin"),
    [
        ("quay.io/ascend/vllm-ascend:v0.23.0", True),
        ("vllm-ascend-950dt:v0.23.0", True),
        ("quay.io/ascend/vllm-ascend-router:v1", False),
        ("quay.io/ascend/ascend-vllm-a3:v1", False),
        ("quay.io/vllm-ascend/tools:v1", False),
    ],
)
def test_images_of_the_plugin_are_recognised_by_their_repository(image: str, is_plugin: bool) -> None:
    assert is_plugin_image(image) == is_plugin


def test_another_type_of_npu_is_named_where_the_image_names_its_own() -> None:
    assert image_for_npus(f"{MIRROR}-a3:v0.23.0", "310p", "v0.23.0-310p") == f"{MIRROR}-310p:v0.23.0"
    assert image_for_npus(f"{MIRROR}-a3-openeuler:v0.23.0", "a2", "v0.23.0-openeuler") == f"{MIRROR}-openeuler:v0.23.0"
    assert image_for_npus(f"{MIRROR}:v0.23.0-a3", "a2", "v0.23.0") == f"{MIRROR}:v0.23.0"


def test_a_pool_fits_an_image_whose_repository_names_its_type_of_npu() -> None:
    assert found(f"{MIRROR}-a3:v0.23.0", "a3") == []


def test_a_pool_of_another_type_than_the_repository_is_an_error_with_the_right_repository() -> None:
    ((severity, message, fix),) = found(f"{MIRROR}-a3:v0.23.0", "a2")

    assert severity == "error"
    assert message == "the image v0.23.0-a3 is built for a3, but the pools have a2"
    assert fix == f"write image: {MIRROR}:v0.23.0, or correct soc in cluster.pools"


def releases_found(image: str, version: str = "") -> list[tuple[str, str]]:
    """Severity and fix of the findings about a release that is not known."""
    text = f"""\
config:
  ascend-vllm:cluster: {{context: prod}}
  ascend-vllm:services:
    qwen:
      image: {image}
      model: /mnt/models/Qwen2-7B-Instruct
      engine: {{maxModelLen: 4096{version}}}
"""
    findings = check(resolve(load_text("test", "Pulumi.test.yaml", text))).findings
    return [(finding.severity, finding.fix) for finding in findings if finding.rule == "unknown-release"]


def test_an_image_of_a_later_vllm_is_not_taken_for_the_manuals_without_a_word() -> None:
    ((severity, fix),) = releases_found("registry.example.com/team/vllm-openai:v0.21.0")

    assert severity == "warning"
    assert fix.startswith("write engine.version: 0.18.0, or write engine.version: 0.6.3")
    assert releases_found("registry.example.com/team/vllm-openai:v0.21.0", ", version: 0.18.0") == []


@pytest.mark.parametrize("image", ["registry.example.com/ascend-vllm:0.9.1", "registry.example.com/qwen:v0.21.0"])
def test_the_number_of_an_image_without_vllm_is_its_own(image: str) -> None:
    assert releases_found(image) == []


def test_an_underscore_in_the_name_of_the_plugin_makes_no_difference() -> None:
    assert releases_found("registry.example.com/vllm_ascend:v0.11.0") == [("error", "write engine.version: 0.18.0")]
