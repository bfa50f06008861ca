"""The paths of the node that the images of a release need."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.engines.vllm_ascend.tables import RELEASES
from models.manifests.node_mounts import node_mounts
from models.manifests.weights import weights
from models.service.resolve import resolve
from tests.models.loading import load


def mounts(tmp_path: Path, version: str, platform: str) -> dict[str, str]:
    """The places in the container with their paths on the node."""
    text = (
        f"config:\n  ascend-vllm:cluster: {{context: prod, platform: {platform}}}\n"
        f"  ascend-vllm:services:\n    qwen: {{image: a:1, model: /m/Qwen2-7B, engine: "
        f"{{maxModelLen: 4096, version: {version}}}}}\n"
    )
    (service,) = resolve(load(tmp_path, text)).services
    mounted = node_mounts(service.cluster.platform)
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in mounted.volumes}
    return {mount["mountPath"]: paths[mount["name"]] for mount in mounted.volume_mounts}


@pytest.mark.parametrize("version", RELEASES)
def test_the_images_of_the_plugin_get_dcmi_the_install_file_and_npu_smi(tmp_path: Path, version: str) -> None:
    mounted = mounts(tmp_path, version, "mindcluster")

    assert mounted["/usr/local/dcmi"] == "/usr/local/dcmi"
    assert mounted["/etc/ascend_install.info"] == "/etc/ascend_install.info"
    assert mounted["/usr/local/bin/npu-smi"] == "/usr/local/bin/npu-smi"
    assert mounted["/usr/local/Ascend/driver"] == "/usr/local/Ascend/driver"


def test_npu_smi_keeps_its_place_on_the_node_of_a_platform(tmp_path: Path) -> None:
    mounted = mounts(tmp_path, "0.23.0", "cce")

    assert mounted["/usr/local/bin/npu-smi"] == "/usr/local/sbin/npu-smi"


def test_the_stack_file_corrects_the_paths_of_a_release(tmp_path: Path) -> None:
    mounted = mounts(tmp_path, "0.23.0", "{kind: cce, dcmi: /opt/dcmi, installInfo: /opt/install.info}")

    assert mounted["/usr/local/dcmi"] == "/opt/dcmi"
    assert mounted["/etc/ascend_install.info"] == "/opt/install.info"


def test_the_manuals_image_gets_the_mounts_of_the_manual(tmp_path: Path) -> None:
    assert {*mounts(tmp_path, "0.6.3", "cce")} == {
        "/usr/local/Ascend/driver",
        "/usr/local/Ascend/add-ons",
        "/etc/hccn.conf",
        "/etc/localtime",
        "/usr/local/sbin/npu-smi",
    }


@pytest.mark.parametrize("kind", ["eagle3", "medusa", "dflash"])
def test_the_heads_of_speculative_decoding_are_mounted(tmp_path: Path, kind: str) -> None:
    text = (
        "config:\n  ascend-vllm:cluster: {context: prod}\n"
        "  ascend-vllm:services:\n    qwen: {image: a:1, model: /m/Qwen2-7B, "
        "engine: {maxModelLen: 4096, version: 0.23.0}, "
        f"speculative: {{kind: {kind}, source: /heads/a, tokens: 3}}}}\n"
    )
    (service,) = resolve(load(tmp_path, text)).services

    assert weights(service) == {"model-path": "/m/Qwen2-7B", "draft-model-path": "/heads/a"}
