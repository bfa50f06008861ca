"""Weights whose quantization a release does not support."""

from __future__ import annotations

import pytest

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_text

STACK = """\
config:
  ascend-vllm:cluster: {{context: prod}}
  ascend-vllm:services:
    model:
      image: quay.io/ascend/vllm-ascend:v{release}
      model: /mnt/models/{model}
      npus: 8
      engine: {{maxModelLen: 4096}}
"""


@pytest.mark.parametrize(
    ("release", "model", "is_refused"),
    [
        ("0.18.0", "Qwen2.5-72B-Instruct-AWQ", True),
        ("0.23.0", "Qwen2.5-72B-Instruct-AWQ", True),
        ("0.23.0", "Qwen3-32B-GPTQ-Int8", True),
        ("0.18.0", "Qwen3-32B-FP8", True),
        ("0.23.0", "Qwen3-32B-FP8", False),
        ("0.23.0", "Qwen3-32B-W8A8", False),
        ("0.23.0", "Qwen3-32B", False),
        ("0.23.0", "Kimi-K2-Thinking", False),
        ("0.30.0", "Qwen2.5-72B-Instruct-AWQ", False),  # its plugin is not known
    ],
)
def test_the_platform_refuses_weights_of_other_methods(release: str, model: str, is_refused: bool) -> None:
    stack = resolve(load_text("test", "Pulumi.test.yaml", STACK.format(release=release, model=model)))
    rules = {finding.rule for finding in check(stack).errors}

    assert ("weights-quantization" in rules) == is_refused
