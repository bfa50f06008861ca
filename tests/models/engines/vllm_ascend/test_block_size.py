"""The block size of the KV cache by release and model."""

from __future__ import annotations

from typing import Any

import pytest

from models.finding import Finding
from tests.models.engines.vllm_ascend.launches import DENSE, findings, service

COMPRESSED = "/mnt/models/DeepSeek-V4-Flash"
CONTEXT_PARALLEL = (
    '--tensor-parallel-size 8 --decode-context-parallel-size 8 --kv-transfer-config {"kv_connector":'
    '"MooncakeConnectorV1","kv_role":"kv_producer","kv_port":"30000"}'
)


def about_blocks(entry: dict[str, Any]) -> list[Finding]:
    """The findings with a mark at the block size."""
    return [finding for finding in findings(entry) if finding.marks and "blockSize" in finding.marks[0].path]


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize("version", ["0.23.0", "0.30.0"])
def test_deepseek_v4_keeps_each_of_its_block_sizes(version: str, size: int) -> None:
    entry = service(f"--block-size {size}", version, model=COMPRESSED)

    assert not about_blocks(entry)


@pytest.mark.parametrize("version", ["0.18.0", "0.23.0"])
def test_32_has_no_effect_for_another_model(version: str) -> None:
    entry = service("--block-size 32", version, model=DENSE)

    (finding,) = about_blocks(entry)

    assert finding.rule == "reset-setting"
    assert finding.fix == "remove engine.blockSize"


def test_the_manuals_release_refuses_32_and_accepts_the_size_of_the_fix() -> None:
    entry = service("--block-size 32", "0.23.0")
    entry["image"] = "registry.example.com/ascend-vllm:6.3.912"

    (finding,) = about_blocks(entry)
    entry["engine"]["blockSize"] = 64

    assert finding.rule == "value-of-another-release"
    assert finding.fix == "write engine.blockSize: 64"
    assert not about_blocks(entry)


@pytest.mark.parametrize(("size", "interleave", "is_refused"), [(32, 32, False), (32, 128, True), (64, 64, False)])
def test_the_interleave_size_is_compared_with_the_block_size_of_deepseek_v4(
    size: int, interleave: int, is_refused: bool
) -> None:
    words = f"--block-size {size} --cp-kv-cache-interleave-size {interleave} {CONTEXT_PARALLEL}"
    entry = service(words, "0.23.0", model=COMPRESSED)

    found = [finding for finding in findings(entry) if "interleave size" in finding.message]

    assert bool(found) == is_refused
