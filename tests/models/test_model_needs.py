"""What follows from the model: attention of high precision, gears, timeouts, longer lengths."""

from __future__ import annotations

import pytest

from models.check import check
from models.launch.launch import launch
from models.service.resolved import ResolvedService
from tests.conftest import stack_of

PRECISION = ("USE_PFA_HIGH_PRECISION_MODE", "USE_IFA_HIGH_PRECISION_MODE")


def service_of(model: str, *, length: int = 4096, npus: int = 1, more: str = "") -> ResolvedService:
    text = f"one:\n  image: a:1\n  model: {model}\n  npus: {npus}\n  engine: {{maxModelLen: {length}}}\n"
    (service,) = stack_of(text + (f"  {more}\n" if more else "")).services
    return service


@pytest.mark.parametrize(
    ("model", "length", "expected", "reason"),
    [
        ("/m/Qwen2-7B-Instruct", 4096, (None, None), "prefill of high precision is the engine's default"),
        ("/m/Qwen2-7B-Instruct", 16384, (None, "1"), "decode of long sequences needs it"),
        ("/m/Qwen2-57B-A14B-Instruct", 16384, (None, "1"), "so does this model"),
        ("/m/Qwen2-72B-Instruct", 16384, ("0", "1"), "decode only"),
        ("/m/Qwen2-72B-Instruct", 8192, ("0", None), "8192 tokens are not long"),
        ("{name: Qwen/Qwen2-7B-Instruct, source: /m/a}", 16384, (None, "1"), "with its organization"),
        ("/m/Qwen2.5-7B-Instruct", 16384, ("0", None), "another model of the same size"),
        ("/m/Llama-2-7b-hf", 4096, ("0", None), "advised for no other model"),
        ("/m/llava-1.5-7b-hf", 4096, (None, None), "nothing is said of models that read pictures"),
        ("/m/our-own-model", 4096, (None, None), "nothing is known of it"),
        (
            "{source: /m/our-own-model}\n  precision: {prefill: false, decode: true}",
            4096,
            ("0", "1"),
            "the user says it",
        ),
        ("/m/Llama-2-7b-hf\n  precision: {prefill: true}", 4096, (None, None), "the user wants it on"),
    ],
)
def test_attention_of_high_precision_follows_from_the_model(
    model: str, length: int, expected: tuple[str | None, str | None], reason: str
) -> None:
    environment = launch(service_of(model, length=length)).environment

    assert tuple(environment.get(name) for name in PRECISION) == expected, reason


@pytest.mark.parametrize(
    ("model", "more", "gears", "timeout", "reason"),
    [
        ("/m/DeepSeek-V2-236B-W8A8", "", [2, 4, 6, 8], 6000, "the manual's advice for this model"),
        ("/m/DeepSeek-V2-Chat", "quantization: smoothquant", [2, 4, 6, 8], 6000, "the same by its key"),
        ("/m/DeepSeek-V2-Lite", "", [2, 4, 6, 8, 16, 32], 1500, "the manual's gears"),
        ("/m/our-own-model", "", [2, 4, 6, 8, 16, 32], 1500, "nothing is known of it"),
    ],
)
def test_gears_and_timeout_of_pta_graphs_follow_from_the_model(
    model: str, more: str, gears: list[int], timeout: int, reason: str
) -> None:
    service = service_of(model, more=f"graph: pta\n  {more}" if more else "graph: pta")
    environment = launch(service).environment

    assert environment["PTA_TORCHAIR_DECODE_GEAR_LIST"] == ",".join(map(str, gears)), reason
    assert environment["VLLM_ENGINE_ITERATION_TIMEOUT_S"] == str(timeout), reason


def test_a_service_of_one_request_at_a_time_has_no_gear_and_is_refused() -> None:
    text = "one:\n  image: a:1\n  model: /m/Qwen2-7B\n  engine: {maxModelLen: 4096, maxNumSeqs: 1}\n  graph: pta\n"
    (error,) = check(stack_of(text)).errors

    assert (error.rule, error.message) == ("graph-gears", "graph has no gear, because maxNumSeqs is 1")


def test_five_gears_are_too_many_for_deepseek_v2_w8a8_only() -> None:
    text = "one:\n  image: a:1\n  model: /m/{}\n  engine: {{maxModelLen: 4096}}\n"
    text += "  graph: {{kind: pta, gears: [2, 4, 6, 8, 16]}}\n"
    found = {
        name: {finding.rule for finding in check(stack_of(text.format(name))).errors}
        for name in ("DeepSeek-V2-236B-W8A8", "DeepSeek-V2-Lite")
    }

    assert "graph-gears" in found["DeepSeek-V2-236B-W8A8"]
    assert "graph-gears" not in found["DeepSeek-V2-Lite"]


@pytest.mark.parametrize("length", [16384, 32768])
def test_a_length_that_later_engines_publish_does_not_override_what_this_one_refuses(length: int) -> None:
    service = service_of("/m/Meta-Llama-3-8B", length=length)
    stack = stack_of(f"one:\n  image: a:1\n  model: /m/Meta-Llama-3-8B\n  engine: {{maxModelLen: {length}}}\n")

    assert "VLLM_ALLOW_LONG_MAX_MODEL_LEN" not in launch(service).environment
    assert [(found.rule, found.severity) for found in check(stack).findings] == [("length-above-model", "error")]


def test_a_published_length_does_not_override_the_facts_of_the_stack_file() -> None:
    model = "{source: /m/Meta-Llama-3-8B, facts: {maxPositionEmbeddings: 4096}}"
    stack = stack_of(f"one:\n  image: a:1\n  model: {model}\n  engine: {{maxModelLen: 8192}}\n")

    assert [(found.rule, found.severity) for found in check(stack).findings] == [("length-above-model", "error")]


def test_a_length_that_nobody_published_is_refused() -> None:
    stack = stack_of("one:\n  image: a:1\n  model: /m/Meta-Llama-3-8B\n  engine: {maxModelLen: 65536}\n")

    assert "length-above-model" in {finding.rule for finding in check(stack).errors}
