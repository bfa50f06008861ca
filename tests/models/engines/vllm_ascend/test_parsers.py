"""A reasoning parser of another family of models has a warning; one that several families use has none."""

from __future__ import annotations

import pytest

from models.check import check
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.models.engines.vllm_ascend.test_vllm_refusals import stack_file


def warnings(model: str, parser: str) -> list[str]:
    service = {
        "model": f"/mnt/models/{model}",
        "npus": 8,
        "engine": {"maxModelLen": 4096, "tensorParallelSize": 8},
        "server": {"reasoningParser": parser},
    }
    found = check(resolve(load_text("test", "Pulumi.test.yaml", stack_file("0.23.0", service)))).findings
    return [finding.fix for finding in found if finding.rule == "parser-of-other-model"]


@pytest.mark.parametrize(
    ("model", "parser", "fix"),
    [
        ("Qwen3-32B", "kimi_k2", "write server.reasoningParser: qwen3"),
        ("gpt-oss-120b", "qwen3", "write server.reasoningParser: openai_gptoss"),
        ("GLM-4.5-Air", "minimax_m2_append_think", "write server.reasoningParser: glm45"),
        ("Llama-3.1-8B", "mistral", "remove server.reasoningParser"),
    ],
)
def test_a_parser_of_another_family_has_a_warning(model: str, parser: str, fix: str) -> None:
    assert warnings(model, parser) == [fix]


@pytest.mark.parametrize(
    ("model", "parser"),
    [
        ("Qwen3-32B", "qwen3"),
        ("Qwen3-32B", "deepseek_r1"),
        ("QwQ-32B", "deepseek_r1"),
        ("GLM-4.5-Air", "glm45"),
        ("Kimi-K2-Thinking", "kimi_k2"),
        ("no-such-model", "kimi_k2"),
    ],
)
def test_a_parser_that_the_model_may_have_has_no_warning(model: str, parser: str) -> None:
    assert warnings(model, parser) == []
