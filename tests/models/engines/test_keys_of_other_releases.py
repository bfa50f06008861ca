"""A key or a value of one release, in a stack file for another: the fix gives a stack without the error."""

from __future__ import annotations

from typing import Any

import pytest

from models.finding import Finding
from tests.models.engines.vllm_ascend.launches import findings

MANUAL = "registry.example.com/ascend-vllm:6.3.912"


def errors(image: str, **keys: Any) -> list[Finding]:
    """The errors about a service."""
    entry = {"image": image, "model": "/mnt/models/Qwen2-7B-Instruct", "engine": {"maxModelLen": 4096}, **keys}
    return [finding for finding in findings(entry) if finding.severity == "error"]


def test_a_tool_parser_of_the_manuals_release_is_moved_with_the_switch_that_turns_it_on() -> None:
    (finding,) = errors(MANUAL, server={"toolCallParser": "hermes"})

    assert finding.fix == (
        "write server.extraArgs.toolCallParser: hermes and write server.extraArgs.enableAutoToolChoice: true "
        "and remove server.toolCallParser"
    )
    assert not errors(MANUAL, server={"extraArgs": {"toolCallParser": "hermes", "enableAutoToolChoice": True}})


def test_a_tool_parser_that_the_manuals_release_does_not_have_is_removed() -> None:
    (finding,) = errors(MANUAL, server={"toolCallParser": "qwen3_xml"})

    assert finding.fix == "remove server.toolCallParser"


@pytest.mark.parametrize("version", ["0.18.0", "0.23.0", "0.30.0"])
def test_the_quantization_of_the_manual_is_refused_by_later_releases(version: str) -> None:
    (finding,) = errors(f"quay.io/ascend/vllm-ascend:v{version}", quantization="smoothquant")

    assert finding.rule == "value-of-another-release"
    assert finding.fix == "remove quantization"
    assert not errors(f"quay.io/ascend/vllm-ascend:v{version}")
