"""The limits of a release, which are data: each refuses what the engine would, and nothing beside it."""

from __future__ import annotations

import pytest

from models.check import check
from models.engines.flags import flag_accepts
from models.engines.releases import release
from tests.conftest import stack_of

SPECULATION = "speculative: {kind: ngram, tokens: 5, promptLookupMax: 4}"
LORA = "graph: eager\n  lora: {adapters: {one: /m/one}}"

CASES = [
    ("max-context-len-to-capture", "maxContextLenToCapture: 8192", None, ""),
    ("qlora-adapter-name-or-path", "qloraAdapterNameOrPath: /m/qlora", None, ""),
    ("load-format", "loadFormat: bitsandbytes", "loadFormat: safetensors", ""),
    ("cpu-offload-gb", "cpuOffloadGb: -1", "cpuOffloadGb: 0", ""),
    (
        "speculative-disable-by-batch-size",
        "speculativeDisableByBatchSize: 1",
        "speculativeDisableByBatchSize: 2",
        SPECULATION,
    ),
    (
        "typical-acceptance-sampler-posterior-threshold",
        "typicalAcceptanceSamplerPosteriorThreshold: -0.1",
        "typicalAcceptanceSamplerPosteriorThreshold: 0.1",
        SPECULATION,
    ),
    (
        "typical-acceptance-sampler-posterior-alpha",
        "typicalAcceptanceSamplerPosteriorAlpha: -0.1",
        "typicalAcceptanceSamplerPosteriorAlpha: 0.3",
        SPECULATION,
    ),
    ("lora-extra-vocab-size", "loraExtraVocabSize: 100", "loraExtraVocabSize: 512", LORA),
    ("enable-prompt-adapter", "enablePromptAdapter: true", "enablePromptAdapter: true, maxPromptAdapterToken: 8", ""),
    ("enable-prompt-adapter", "enablePromptAdapter: true", "enablePromptAdapter: false", ""),
    (
        "max-prompt-adapters",
        "enablePromptAdapter: true, maxPromptAdapterToken: 8, maxPromptAdapters: 0",
        "enablePromptAdapter: true, maxPromptAdapterToken: 8, maxPromptAdapters: 1",
        "",
    ),
    (
        "max-prompt-adapter-token",
        "enablePromptAdapter: true, maxPromptAdapterToken: 0",
        "enablePromptAdapter: true, maxPromptAdapterToken: 1",
        "",
    ),
    ("enable-auto-tool-choice", "enableAutoToolChoice: true", "enableAutoToolChoice: true, toolCallParser: hermes", ""),
    (
        "tool-call-parser",
        "enableAutoToolChoice: true, toolCallParser: ours",
        "enableAutoToolChoice: true, toolCallParser: ours, toolParserPlugin: /opt/ours.py",
        "",
    ),
    (
        "collect-detailed-traces",
        "collectDetailedTraces: model",
        'collectDetailedTraces: "model,worker", otlpTracesEndpoint: "http://otel:4317"',
        "",
    ),
    (
        "collect-detailed-traces",
        'collectDetailedTraces: "model,gpu", otlpTracesEndpoint: "http://otel:4317"',
        'collectDetailedTraces: all, otlpTracesEndpoint: "http://otel:4317"',
        "",
    ),
    (
        "tokenizer-pool-type",
        "tokenizerPoolSize: 2, tokenizerPoolType: mp",
        "tokenizerPoolSize: 2, tokenizerPoolType: ray",
        "",
    ),
    ("prompt-adapters", "promptAdapters: [adapter]", "promptAdapters: [adapter=/m/adapter]", ""),
    ("ray-workers-use-nsight", "rayWorkersUseNsight: true", "rayWorkersUseNsight: false", ""),
]


def refused(extra: str, more: str) -> list[str]:
    text = f"one:\n  image: a:1\n  model: /m/Qwen2-7B\n  engine: {{maxModelLen: 4096, extraArgs: {{{extra}}}}}\n"
    return [error.message for error in check(stack_of(f"{text}  {more}\n" if more else text)).errors]


@pytest.mark.parametrize(("flag", "bad", "good", "more"), CASES)
def test_what_breaks_a_limit_is_refused_and_what_keeps_it_is_not(
    flag: str, bad: str, good: str | None, more: str
) -> None:
    assert [message for message in refused(bad, more) if message.startswith(f"--{flag} ")]
    assert good is None or refused(good, more) == []


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("speculativeDisableByBatchSize: 1", "without speculation the engine does not look at it"),
        ("loraExtraVocabSize: 100", "without LoRA the engine does not look at it"),
        ("tokenizerPoolType: mp", "without a pool the engine does not look at it"),
        ("toolCallParser: ours", "without tools the server does not look at it"),
    ],
)
def test_a_limit_of_a_feature_does_not_concern_a_service_without_it(extra: str, reason: str) -> None:
    assert refused(extra, "") == [], reason


@pytest.mark.parametrize("version", ["0.6.3"])
def test_every_limit_of_a_release_is_of_one_of_its_flags_and_has_a_case(version: str) -> None:
    flags, limits = release(version).flags, release(version).limits

    assert {limit.flag for limit in limits} == {flag for flag, *_ in CASES}
    for limit in limits:
        assert all(flag_accepts(flags[limit.flag], choice) for choice in limit.choices)
        assert "vllm/" in limit.why
