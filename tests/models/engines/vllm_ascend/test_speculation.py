"""The launch of speculative decoding with a draft model."""

from __future__ import annotations

import json

import pytest

from models.engines.vllm_ascend.tables import RELEASES
from models.launch.launch import launch
from models.service.resolve import resolve
from models.stack_file.load import load_text

STACK = """\
config:
  ascend-vllm:cluster: {{context: prod}}
  ascend-vllm:services:
    qwen:
      image: quay.io/ascend/vllm-ascend:v{release}
      model: /mnt/models/Qwen3-32B
      npus: {npus}
      engine: {{maxModelLen: 4096}}
      speculative: {{kind: draft, source: /mnt/models/Qwen3-0.6B, tokens: 3}}
"""


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("npus", [1, 4])
def test_a_draft_model_is_split_into_as_many_parts_as_the_model(release: str, npus: int) -> None:
    stack = resolve(load_text("test", "Pulumi.test.yaml", STACK.format(release=release, npus=npus)))
    argv = launch(stack.services[0]).argv
    (flag,) = [word for word in argv if word.startswith("--speculative-config=")]
    config = json.loads(flag.partition("=")[2])

    assert config["draft_tensor_parallel_size"] == npus
