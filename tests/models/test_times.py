"""Times that are too short for what has to happen in them."""

from __future__ import annotations

import pytest

from models.check import check
from tests.conftest import stack_of

STACK = "one: {{image: a:1, model: /m/{model}, engine: {{maxModelLen: 4096}}, {line}}}\n"
LARGE = "Qwen2-72B-Instruct"
"""135 GiB."""


@pytest.mark.parametrize(
    ("model", "line", "expected"),
    [
        ("Qwen2-7B", "startup: 1s", ["error"]),
        ("Qwen2-7B", "startup: 9s", ["error"]),
        ("Qwen2-7B", "startup: 20s", ["warning"]),
        ("Qwen2-7B", "startup: 90s", []),
        ("Qwen2-0.5B", "startup: 30s", []),
        ("our-own", "startup: 5s", ["error"]),
        ("our-own", "startup: 1m", []),
        (LARGE, "startup: 15s", ["error"]),
        (LARGE, "startup: 50s", ["warning"]),
        (LARGE, "startup: 2m", []),
        ("Mixtral-8x7B-v0.1", "graph: {kind: pta, iterationTimeout: 1s}", ["error"]),
        ("Mixtral-8x7B-v0.1", "graph: {kind: pta, iterationTimeout: 20m}", []),
        ("Mixtral-8x7B-v0.1", "graph: pta", []),
        ("Mixtral-8x7B-v0.1", "startup: 70s, graph: {kind: pta, warmUp: true}", ["error"]),
        ("Mixtral-8x7B-v0.1", "startup: 40m, graph: {kind: pta, warmUp: true}", []),
        ("llava-1.5-7b-hf", "multimodal: {iterationTimeout: 1s}", ["warning"]),
        ("llava-1.5-7b-hf", "multimodal: true", []),
    ],
)
def test_a_time_that_nothing_can_keep_is_found(model: str, line: str, expected: list[str]) -> None:
    found = check(stack_of(STACK.format(model=model, line=line))).findings

    assert [finding.severity for finding in found if finding.rule == "time-too-short"] == expected
