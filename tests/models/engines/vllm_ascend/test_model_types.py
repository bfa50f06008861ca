"""A release loads the types of models that its vLLM, its plugin and its transformers know."""

from __future__ import annotations

import json

import pytest

from models.check import check
from models.finding import Finding
from models.service.resolve import resolve
from models.stack_file.load import load_text

RULES = ("unsupported-model-type", "remote-code-off")


def found(release: str, model: str, engine: str = "") -> list[Finding]:
    """The findings about the type of a model, by its name or as the mapping under `model`."""
    weights = model if model.startswith("{") else f"/mnt/models/{model}"
    text = f"""\
config:
  ascend-vllm:cluster: {{context: prod}}
  ascend-vllm:services:
    m:
      image: quay.io/ascend/vllm-ascend:v{release}-a3
      model: {weights}
      npus: 8
      engine: {{maxModelLen: 2048{engine}}}
"""
    findings = check(resolve(load_text("test", "Pulumi.test.yaml", text))).findings
    return [finding for finding in findings if finding.rule in RULES]


@pytest.mark.parametrize("release", ["0.18.0", "0.23.0", "0.30.0"])
@pytest.mark.parametrize(
    "model", ["Qwen3-32B", "DeepSeek-V3.1", "Llama-3.1-8B-Instruct", "bge-m3", "Qwen3-VL-8B-Instruct"]
)
def test_a_model_that_every_release_loads_has_no_finding(release: str, model: str) -> None:
    assert found(release, model) == []


@pytest.mark.parametrize(
    ("release", "model", "other"),
    [
        ("0.18.0", "DeepSeek-V4-Flash", "0.23.0"),
        ("0.18.0", "MiniMax-M3", "0.30.0"),
        ("0.23.0", "MiniMax-M3", "0.30.0"),
        ("0.18.0", "Qwen3.8-2.4T-A95B", "0.30.0"),
    ],
)
def test_a_model_of_a_later_release_is_an_error_that_names_it(release: str, model: str, other: str) -> None:
    (finding,) = found(release, model)

    assert finding.severity == "error"
    assert finding.fix == f"write image: quay.io/ascend/vllm-ascend:v{other}-a3"


def test_a_version_in_the_stack_file_is_part_of_the_fix() -> None:
    (finding,) = found("0.18.0", "MiniMax-M3", engine=", version: 0.18.0")

    assert finding.fix == "write image: quay.io/ascend/vllm-ascend:v0.30.0-a3 and write engine.version: 0.30.0"


@pytest.mark.parametrize("engine", ["", ", trustRemoteCode: true"])
def test_layers_that_vllm_removed_are_an_error_even_with_the_code_of_the_weights(engine: str) -> None:
    (finding,) = found("0.30.0", "Qwen-7B-Chat", engine=engine)

    assert finding.severity == "error"
    assert finding.message == "vLLM 0.30.0 cannot load qwen models such as Qwen-7B-Chat, but vLLM 0.23.0 can"
    assert ("trustRemoteCode" in finding.fix) == (engine == "")


@pytest.mark.parametrize(
    ("release", "model", "engine"),
    [
        ("0.18.0", "DeepSeek-V4-Flash", ", trustRemoteCode: true"),
        ("0.23.0", "Llama-3.2-11B-Vision-Instruct", ""),
        ("0.23.0", "Qwen3.8-2.4T-A95B", ""),
    ],
)
def test_layers_of_other_code_are_a_doubt(release: str, model: str, engine: str) -> None:
    (finding,) = found(release, model, engine=engine)

    assert (finding.rule, finding.severity) == ("unsupported-model-type", "warning")


def test_a_newer_version_of_transformers_than_that_of_the_release_is_a_doubt() -> None:
    (finding,) = found("0.18.0", "GLM-5")

    assert finding.severity == "warning"
    assert finding.message == "vLLM 0.18.0 cannot read the config.json of glm_moe_dsa models with transformers 4.57.6"
    assert found("0.23.0", "GLM-5") == []


@pytest.mark.parametrize(
    ("release", "model", "severity"),
    [
        ("0.18.0", "MiniMax-M2", "error"),
        ("0.30.0", "MiniCPM-V-2_6", "error"),
        ("0.23.0", "Kimi-K2-Instruct", "warning"),
    ],
)
def test_a_model_with_python_code_needs_trust_in_it(release: str, model: str, severity: str) -> None:
    (finding,) = found(release, model)

    assert (finding.rule, finding.severity) == ("remote-code-off", severity)
    assert found(release, model, engine=", trustRemoteCode: true") == []


def test_a_type_that_no_release_knows_is_a_doubt() -> None:
    facts = {
        "modelType": "telescope",
        "hiddenSize": 4096,
        "numAttentionHeads": 32,
        "numHiddenLayers": 32,
        "intermediateSize": 11008,
        "vocabSize": 64000,
    }
    model = {"source": "/mnt/models/Telescope-7B", "facts": facts}
    (finding,) = found("0.23.0", json.dumps(model))

    assert finding.severity == "warning"
    assert finding.fix.startswith("write accept.unsupported-model-type: ")


def test_flags_that_replace_the_type_leave_nothing_to_judge() -> None:
    assert found("0.18.0", "MiniMax-M3", engine=", extraArgs: {modelImpl: transformers}") == []
