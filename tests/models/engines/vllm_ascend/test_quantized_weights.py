"""The quantization of the weights is one that the release loads, as vLLM 0.23.0 and its plugin answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.models.loading import findings, load


@pytest.mark.parametrize(
    ("version", "model", "quantization", "severity"),
    [
        ("0.23.0", "Qwen3-8B", None, None),
        ("0.23.0", "Qwen3-8B", "ascend", None),
        ("0.23.0", "Qwen3-8B", "fp8", "warning"),
        ("0.23.0", "Qwen3-8B", "compressed-tensors", "warning"),
        ("0.23.0", "Qwen3-8B-W8A8", "ascend", None),
        ("0.23.0", "Qwen3-8B-W8A8", "compressed-tensors", None),
        ("0.23.0", "Qwen3-8B-FP8", None, None),
        ("0.23.0", "Qwen3-8B-FP8", "fp8", None),
        ("0.23.0", "Qwen3-8B-FP8", "ascend", "error"),
        ("0.23.0", "Qwen3-8B-FP8", "compressed-tensors", "error"),
        ("0.18.0", "Qwen3-8B-FP8", None, "error"),
        ("0.18.0", "Qwen2.5-7B-Instruct-AWQ", None, "error"),
        ("0.23.0", "Qwen2.5-7B-Instruct-AWQ", None, "error"),
        ("0.23.0", "Qwen2.5-7B-Instruct-GPTQ-Int4", None, "error"),
        ("0.23.0", "gpt-oss-20b", None, "error"),
        ("0.18.0", "DeepSeek-V3", None, "error"),
        ("0.18.0", "DeepSeek-V3", "ascend", "warning"),
        ("0.23.0", "MiniMax-M2", None, None),
        ("0.18.0", "MiniMax-M2", None, None),
        ("0.23.0", "MiniMax-M2", "ascend", "warning"),
        ("0.23.0", "Kimi-K2-Thinking", None, None),
        ("0.30.0", "Qwen2.5-7B-Instruct-AWQ", None, None),
        ("0.23.0", "our-own-AWQ", None, None),
    ],
)
def test_weights_are_refused_as_the_engine_refuses_them(
    tmp_path: Path, version: str, model: str, quantization: str | None, severity: str | None
) -> None:
    service = {
        "image": f"quay.io/ascend/vllm-ascend:v{version}",
        "model": f"/mnt/models/{model}",
        "engine": {"maxModelLen": 4096},
        "quantization": quantization,
    }
    written = {key: value for key, value in service.items() if value}
    config = {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"qwen": written}}
    found = findings(load(tmp_path, json.dumps({"config": config})))
    severities = [finding.severity for finding in found if finding.rule == "quantized-weights"]

    assert severities == [severity] * (severity is not None)


QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_attention_heads": 32,
    "num_hidden_layers": 36,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 40960,
}


@pytest.mark.parametrize(
    ("own", "severities"),
    [
        ({}, ["error"]),
        ({"quantization_config": {"quant_method": "compressed-tensors"}}, []),
        ({"compression_config": {"format": "int-quantized"}}, []),
    ],
)
def test_the_config_json_of_the_weights_shows_whether_they_are_quantized(
    tmp_path: Path, own: dict[str, object], severities: list[str]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**QWEN3, **own}), encoding="utf-8")
    service = {
        "image": "quay.io/ascend/vllm-ascend:v0.23.0",
        "model": {"source": "/mnt/models/ours", "configJson": "config.json"},
        "engine": {"maxModelLen": 4096},
        "quantization": "compressed-tensors",
    }
    config = {"ascend-vllm:cluster": {"context": "prod"}, "ascend-vllm:services": {"qwen": service}}
    found = findings(load(tmp_path, json.dumps({"config": config})))

    assert [finding.severity for finding in found if finding.rule == "quantized-weights"] == severities
