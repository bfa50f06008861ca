"""The rules that run for every release speak of the release of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.engines.releases import DEFAULT_VERSION, VERSIONS
from models.finding import Finding
from tests.models.loading import findings, load

VLLM_ASCEND = [version for version in VERSIONS if version != DEFAULT_VERSION]

CLUSTER = """\
config:
  ascend-vllm:cluster:
    context: prod
    pools: {a2: {nodes: 2, npusPerNode: 8, npuMemory: 64Gi, nodeMemory: 512Gi}}
  ascend-vllm:services:
"""

GOOD_FEATURES = {
    "plain": "engine: {maxModelLen: 8192}",
    "parallel": "engine: {maxModelLen: 8192, tensorParallelSize: 2, pipelineParallelSize: 2}",
    "data parallel": "engine: {maxModelLen: 8192, tensorParallelSize: 4, dataParallelSize: 2}",
    "LoRA": "engine: {maxModelLen: 8192}\n      lora: {adapters: {law: /mnt/models/adapters/law}, maxRank: 16}",
    "ngram": "engine: {maxModelLen: 8192}\n      speculative: {kind: ngram, tokens: 3, promptLookupMax: 4}",
    "eagle3": "engine: {maxModelLen: 8192}\n      speculative: {kind: eagle3, source: /mnt/models/head, tokens: 3}",
    "eager": "engine: {maxModelLen: 8192}\n      graph: eager",
    "graphs": "engine: {maxModelLen: 8192}\n      graph: {mode: FULL_DECODE_ONLY, captureSizes: [1, 2, 4, 8]}",
    "no prefix caching": "engine: {maxModelLen: 8192}\n      prefixCaching: false",
    "names and seed": "engine: {maxModelLen: 8192, servedModelName: qwen, extraArgs: {seed: 8}}",
    "longer positions": "engine: {maxModelLen: 8192, extraArgs: {hfOverrides: {rope_parameters: {rope_type: yarn,"
    " rope_theta: 1000000.0, factor: 4.0, original_max_position_embeddings: 32768}}}}",
    "chat": "engine: {maxModelLen: 8192}\n"
    "      server: {port: 8000, reasoningParser: qwen3, toolCallParser: hermes, chatTemplate: /opt/vllm/chat.jinja}",
    "monitoring": "engine: {maxModelLen: 8192}\n      monitoring: true",
}

BAD_SETTINGS = {
    "unknown-flag": "engine: {maxModelLen: 8192, extraArgs: {swapSpace: 4}}",
    "flag-value": "engine: {maxModelLen: 8192, extraArgs: {seed: many}}",
    "does-not-fit": "engine: {maxModelLen: 8192, gpuMemoryUtilization: 0.1}",
    "parallel-size-above-npus": "engine: {maxModelLen: 8192, tensorParallelSize: 4}\n      npus: 2",
    "monitoring-without-statistics": "engine: {maxModelLen: 8192, extraArgs: {disableLogStats: true}}\n"
    "      monitoring: true",
    "chat-template-path": "engine: {maxModelLen: 8192}\n      server: {chatTemplate: chat.jinja}",
    "key-of-another-release": "engine: {maxModelLen: 8192, numSchedulerSteps: 8}",
    "value-of-another-release": "engine: {maxModelLen: 8192}\n      graph: pta",
}


def findings_of(tmp_path: Path, version: str, settings: str) -> list[Finding]:
    """The findings of a service, without the one that every service of an unknown plugin has."""
    service = f"    qwen:\n      image: quay.io/ascend/vllm-ascend:v{version}\n"
    model = "      model: /mnt/models/Qwen2.5-7B-Instruct\n"
    found = findings(load(tmp_path, f"{CLUSTER}{service}{model}      {settings}\n"))
    return [finding for finding in found if finding.rule != "not-judged"]


@pytest.mark.parametrize("version", VLLM_ASCEND)
@pytest.mark.parametrize("feature", GOOD_FEATURES)
def test_a_good_service_has_no_finding(tmp_path: Path, feature: str, version: str) -> None:
    assert findings_of(tmp_path, version, GOOD_FEATURES[feature]) == []


@pytest.mark.parametrize("version", VLLM_ASCEND)
@pytest.mark.parametrize("rule", BAD_SETTINGS)
def test_a_finding_names_no_other_release(tmp_path: Path, rule: str, version: str) -> None:
    found = findings_of(tmp_path, version, BAD_SETTINGS[rule])

    assert rule in [finding.rule for finding in found]
    for finding in found:
        texts = f"{finding.message} {finding.why} {finding.fix}"
        assert [other for other in VERSIONS if other != version and other in texts] == []


@pytest.mark.parametrize("version", VLLM_ASCEND)
def test_a_flag_of_the_past_is_replaced_by_the_flag_of_today(tmp_path: Path, version: str) -> None:
    scaling = "{type: yarn, factor: 4.0, original_max_position_embeddings: 32768}"
    settings = f"engine: {{maxModelLen: 8192, extraArgs: {{ropeScaling: {scaling}}}}}"
    (finding,) = findings_of(tmp_path, version, settings)

    assert finding.rule == "unknown-flag"
    assert finding.fix == (
        "write engine.extraArgs.hfOverrides: {rope_parameters: {factor: 4,"
        " original_max_position_embeddings: 32768, rope_type: yarn}} and remove engine.extraArgs.ropeScaling"
    )


def test_an_image_of_the_plugin_without_a_tag_gets_the_tag_of_its_release(tmp_path: Path) -> None:
    service = "    qwen:\n      image: quay.io/ascend/vllm-ascend\n      model: /mnt/models/Qwen2.5-7B-Instruct\n"
    engine = "      engine: {maxModelLen: 8192, version: 0.23.0}\n"
    found = findings(load(tmp_path, CLUSTER + service + engine))

    fixes = [finding.fix for finding in found if finding.rule == "image-tag"]
    assert fixes == ["write image: quay.io/ascend/vllm-ascend:v0.23.0, or a digest (@sha256:…)"]


@pytest.mark.parametrize("version", VLLM_ASCEND)
def test_an_adapter_with_the_name_of_the_model_is_refused(tmp_path: Path, version: str) -> None:
    settings = "engine: {maxModelLen: 8192, servedModelName: law}\n      lora: {adapters: {law: /mnt/a}}"

    assert [finding.rule for finding in findings_of(tmp_path, version, settings)] == ["lora-names"]


@pytest.mark.parametrize("version", VLLM_ASCEND)
def test_an_adapter_may_have_any_other_name(tmp_path: Path, version: str) -> None:
    settings = 'engine: {maxModelLen: 8192}\n      lora: {adapters: {"a,b": "/mnt/a=b"}}'

    assert findings_of(tmp_path, version, settings) == []
