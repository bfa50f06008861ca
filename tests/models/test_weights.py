"""The directories of weights that a pod sees: each once, however its path is written."""

from __future__ import annotations

import pytest

from models.check import check
from models.manifests.weights import weights
from tests.conftest import stack_of

EAGLE = "  speculative: {kind: eagle, source: %s, tokens: 2, convert: {tools: /t, baseWeights: w}}\n"
BASE = "qwen:\n  image: a:1\n  model: /m/Qwen2-7B-Instruct\n  engine: {maxModelLen: 4096}\n  graph: eager\n"


def test_an_adapter_with_a_converted_head_is_mounted_once() -> None:
    stack = stack_of(BASE + EAGLE % "/m/eagle" + "  lora: {adapters: {same: /m/eagle, other: /m/law}}\n")

    assert sorted(weights(stack.services[0]).values()) == ["/m/Qwen2-7B-Instruct", "/m/eagle", "/m/law"]


@pytest.mark.parametrize("path", ["/m/Qwen2-7B-Instruct", "/m/Qwen2-7B-Instruct/", "/m/./Qwen2-7B-Instruct"])
def test_a_model_that_guesses_for_itself_is_refused_however_its_path_is_written(path: str) -> None:
    found = check(stack_of(BASE + EAGLE % path)).errors

    assert [finding.rule for finding in found] == ["draft-is-model"]
