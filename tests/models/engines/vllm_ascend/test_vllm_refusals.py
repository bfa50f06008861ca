"""What vLLM itself refuses is an error with the line of the release, and its fix leads to a launch without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from models.check import check
from models.engines.vllm_ascend.tables import RELEASES
from models.engines.vllm_ascend.vllm_refusals import places
from models.finding import Finding
from models.service.resolve import resolve
from models.stack_file.load import load_text
from tests.models.engines.vllm_ascend.refused_launches import ENGINE, FURTHER, SPECULATIVE
from tests.rules.edits import alternatives, apply

RULES = ("engine-limit", "flag-of-several-nodes", "json-combination", "model-limit")
QWEN3 = "/mnt/models/Qwen3-32B"
"""64 heads, 8 KV heads, 40,960 tokens, no experts."""


def stack_file(release: str, service: dict[str, Any]) -> str:
    entry = {"image": f"quay.io/ascend/vllm-ascend:v{release}", "model": QWEN3, "npus": 4, **service}
    config = {
        "ascend-vllm:cluster": {"context": "prod"},
        "ascend-vllm:services": {"qwen": json.loads(json.dumps(entry))},
    }
    return yaml.safe_dump({"config": config}, sort_keys=False)


def limits(text: str) -> list[Finding]:
    found = check(resolve(load_text("test", "Pulumi.test.yaml", text))).findings
    return [finding for finding in found if finding.rule in RULES]


def shown(refusal: str) -> dict[str, Any]:
    service: dict[str, Any] = {"engine": {"maxModelLen": 4096, **ENGINE[refusal]}, **FURTHER.get(refusal, {})}
    if refusal in SPECULATIVE:
        service["speculative"] = SPECULATIVE[refusal]
    if refusal == "divided-sizes":
        service["npus"] = 64
        service["model"] = {"source": QWEN3, "facts": {"intermediateSize": 25600 + 32}}
    return service


def cases() -> Iterator[tuple[str, str]]:
    for refusal, lines in places().items():
        for release in lines:
            yield release, refusal


@pytest.mark.parametrize(("release", "refusal"), [*cases()])
def test_the_launch_that_shows_a_refusal_has_an_error_with_its_line(release: str, refusal: str) -> None:
    found = limits(stack_file(release, shown(refusal)))

    assert [finding for finding in found if places()[refusal][release] in finding.why], found
    assert {finding.severity for finding in found} == {"error"}


@pytest.mark.parametrize(("release", "refusal"), [*cases()])
@pytest.mark.slow
def test_each_alternative_of_the_fix_leads_to_a_launch_without_the_refusal(release: str, refusal: str) -> None:
    text = stack_file(release, shown(refusal))
    place = places()[refusal][release]
    [finding] = [finding for finding in limits(text) if place in finding.why]

    for edits in alternatives(finding.fix):
        left = limits(apply(edits, finding, text))
        assert [other for other in left if place in other.why] == []


ACCEPTED: dict[str, dict[str, Any]] = {
    "largest length": {"engine": {"maxModelLen": 40960, "tensorParallelSize": 4}},
    "allowed length": {"engine": {"maxModelLen": 65536}, "env": {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}},
    "whole prompts": {"engine": {"maxModelLen": 4096, "enableChunkedPrefill": False, "maxNumBatchedTokens": 4096}},
    "sizes": {"engine": {"maxModelLen": 4096, "compilationConfig": {"cudagraphCaptureSizes": [1, 2, 4]}}},
    "a size that the parts divide": {
        "engine": {
            "maxModelLen": 4096,
            "tensorParallelSize": 4,
            "maxNumSeqs": 4,
            "compilationConfig": {"passConfig": {"enableSp": True}},
        },
    },
    "a backend in lower case": {"engine": {"maxModelLen": 4096, "extraArgs": {"attention-backend": "flash_attn"}}},
    "a backend for pictures, with a model that reads only text": {
        "engine": {"maxModelLen": 4096, "extraArgs": {"mm-encoder-attn-backend": "PAGED"}},
    },
    "a block of Mamba layers next to the prefix cache": {
        "engine": {"maxModelLen": 4096, "extraArgs": {"mamba-block-size": 1024}},
    },
    "a connector that vLLM chooses to offload the cache": {
        "engine": {"maxModelLen": 4096, "extraArgs": {"kv-transfer-config": {}, "kv-offloading-size": 4}},
    },
    "a format of config.json": {"engine": {"maxModelLen": 4096, "extraArgs": {"config-format": "hf"}}},
    "hidden metrics of a release": {
        "engine": {"maxModelLen": 4096, "extraArgs": {"show-hidden-metrics-for-version": "0.11"}},
    },
    "a step without layers to fetch": {"engine": {"maxModelLen": 4096, "extraArgs": {"offload-prefetch-step": 0}}},
    "a group of layers": {
        "engine": {"maxModelLen": 4096, "extraArgs": {"offload-backend": "prefetch", "offload-group-size": 2}},
    },
    "the backend of the engine": {
        "engine": {"maxModelLen": 4096, "extraArgs": {"attention-config": {"backend": "auto"}}}
    },
    "a largest size as a flag": {"engine": {"maxModelLen": 4096, "extraArgs": {"maxCudagraphCaptureSize": 8}}},
    "most requests": {"engine": {"maxModelLen": 4096, "maxNumSeqs": 2048}},
    "doubled tokens": {
        "engine": {"maxModelLen": 4096, "maxNumSeqs": 4096, "extraArgs": {"performance-mode": "throughput"}},
    },
    "copies of heads": {
        "npus": 16,
        "engine": {"maxModelLen": 4096, "extraArgs": {"decode-context-parallel-size": 2}},
    },
    "experts": {
        "model": "/mnt/models/Qwen3-30B-A3B",
        "engine": {"maxModelLen": 4096, "enableExpertParallel": True},
    },
    "MTP": {
        "model": "/mnt/models/DeepSeek-V3.1",
        "npus": 16,
        "engine": {"maxModelLen": 163840, "enableExpertParallel": True},
        "speculative": {"kind": "mtp", "tokens": 1},
    },
    "sizes above the tokens of an iteration": {
        "engine": {
            "maxModelLen": 4096,
            "maxNumBatchedTokens": 2048,
            "compilationConfig": {"cudagraphCaptureSizes": [1, 8, 4096], "maxCudagraphCaptureSize": 8},
        },
    },
    "no graphs": {
        "graph": {"kind": "cann", "mode": "NONE"},
        "engine": {"maxModelLen": 4096, "compilationConfig": {"cudagraphCaptureSizes": []}},
    },
    "a compilation mode without graphs": {
        "engine": {"maxModelLen": 4096, "compilationConfig": {"mode": 0, "cudagraphCaptureSizes": []}},
    },
    "an optimization level without graphs": {
        "engine": {
            "maxModelLen": 4096,
            "compilationConfig": {"cudagraphCaptureSizes": []},
            "extraArgs": {"optimization-level": "0"},
        },
    },
    "a draft model with the same vocabulary, in as many parts as the model": {
        "engine": {"maxModelLen": 4096, "tensorParallelSize": 4},
        "speculative": {
            "kind": "draft",
            "tokens": 2,
            "source": "/mnt/models/Qwen3-0.6B",
            "config": {"maxModelLen": 4096},
        },
    },
    "a head in one part": {
        "engine": {"maxModelLen": 4096, "tensorParallelSize": 4},
        "speculative": {
            "kind": "eagle3",
            "tokens": 2,
            "source": "/mnt/models/head",
            "config": {"draftTensorParallelSize": 1},
        },
    },
    "n-grams with the size of a draft": {
        "engine": {"maxModelLen": 4096},
        "speculative": {
            "kind": "ngram",
            "tokens": 2,
            "promptLookupMax": 4,
            "config": {"draft_tensor_parallel_size": 2},
        },
    },
}
"""Launches at the limits, that the engine accepts."""


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.slow
def test_what_the_engine_accepts_has_no_error(release: str, name: str) -> None:
    assert limits(stack_file(release, ACCEPTED[name])) == []


@pytest.mark.parametrize("release", RELEASES)
def test_a_backend_for_pictures_exists_if_the_model_reads_pictures(release: str) -> None:
    engine = {"maxModelLen": 4096, "extraArgs": {"mm-encoder-attn-backend": "PAGED"}}
    service = {"model": "/mnt/models/Qwen2.5-VL-7B-Instruct", "engine": engine}

    (finding,) = limits(stack_file(release, service))

    assert finding.fix == "remove engine.extraArgs.mm-encoder-attn-backend"


def test_decode_context_parallelism_may_span_prefill_context_parallelism() -> None:
    sizes = {"prefill-context-parallel-size": 8, "decode-context-parallel-size": 8}
    service = {
        "model": "/mnt/models/DeepSeek-V3.1",
        "npus": 16,
        "engine": {"maxModelLen": 4096, "tensorParallelSize": 2, "extraArgs": {**sizes, "nnodes": 8}},
    }

    assert [finding.rule for finding in limits(stack_file("0.30.0", service))] == ["flag-of-several-nodes"]


def test_decode_context_parallelism_divides_the_query_heads_of_each_kv_head() -> None:
    facts = {"numAttentionHeads": 24, "numKeyValueHeads": 2}
    engine = {"maxModelLen": 4096, "tensorParallelSize": 16, "extraArgs": {"decode-context-parallel-size": 8}}
    service = {"npus": 16, "model": {"source": QWEN3, "facts": facts}, "engine": engine}

    messages = [finding.message for finding in limits(stack_file("0.23.0", service))]

    assert "--decode-context-parallel-size 8 does not divide the 12 query heads of each KV head" in messages


def test_medusa_heads_exclude_asynchronous_scheduling() -> None:
    service = {
        "engine": {"maxModelLen": 4096, "asyncScheduling": True},
        "speculative": {"kind": "medusa", "tokens": 2, "source": "/mnt/models/medusa"},
    }

    assert [finding.fix for finding in limits(stack_file("0.23.0", service))] == ["remove engine.asyncScheduling"]


def test_several_batches_at_a_time_need_a_backend_that_npus_do_not_have() -> None:
    service = {"engine": {"maxModelLen": 4096, "extraArgs": {"ubatchSize": 2}}}

    assert [finding.fix for finding in limits(stack_file("0.18.0", service))] == ["remove engine.extraArgs.ubatchSize"]
    assert limits(stack_file("0.23.0", service)) == []


def test_the_default_of_batched_tokens_is_no_fix_for_more_requests_than_it_has_tokens() -> None:
    service = {"engine": {"maxModelLen": 4096, "maxNumSeqs": 4096, "maxNumBatchedTokens": 1024}}

    assert [finding.fix for finding in limits(stack_file("0.23.0", service))] == [
        "write engine.maxNumBatchedTokens: 4096",
    ]


def test_the_padded_vocabulary_is_named_if_it_cannot_be_divided() -> None:
    service = {
        "model": "/mnt/models/bge-base-zh-v1.5",
        "npus": 4,
        "engine": {"maxModelLen": 512, "tensorParallelSize": 3},
    }

    (finding,) = limits(stack_file("0.23.0", service))

    assert "12 heads, 12 KV heads, intermediate size 3072, vocabulary 21184" in finding.message


@pytest.mark.parametrize("model", ["Kimi-K2-Instruct", "Mistral-7B-v0.3"])
def test_models_without_mtp_layers_have_no_mtp(model: str) -> None:
    service = {
        "model": f"/mnt/models/{model}",
        "npus": 8,
        "engine": {"maxModelLen": 4096},
        "speculative": {"kind": "mtp", "tokens": 1},
    }

    assert [finding.fix for finding in limits(stack_file("0.23.0", service))] == ["remove speculative"]


def test_only_a_release_that_maps_vocabularies_accepts_a_draft_with_another_one() -> None:
    draft = {"kind": "draft", "tokens": 2, "source": "/mnt/models/Qwen2-7B-Instruct"}
    mapped = {"config": {"useHeterogeneousVocab": True}}
    service = {"engine": {"maxModelLen": 4096}, "speculative": draft}

    (finding,) = limits(stack_file("0.30.0", service))

    assert finding.message == "the draft model has 152064 tokens in its vocabulary, but the model has 151936"
    assert limits(stack_file("0.30.0", {**service, "speculative": {**draft, **mapped}})) == []


def test_the_last_release_does_not_multiply_the_length_by_the_factor_of_yarn() -> None:
    scaling = {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 32768}
    overrides = {"rope_parameters": scaling}
    service = {"engine": {"maxModelLen": 131072, "extraArgs": {"hfOverrides": overrides}}}

    (finding,) = limits(stack_file("0.30.0", service))

    assert finding.message == "maxModelLen 131072 exceeds the 40960 tokens that Qwen3-32B supports"
    assert finding.fix == (
        "write engine.maxModelLen: 40960, or write engine.extraArgs.hfOverrides.max_position_embeddings: 131072"
    )
    assert limits(stack_file("0.23.0", service)) == []
    overrides["max_position_embeddings"] = 131072
    assert limits(stack_file("0.30.0", service)) == []


@pytest.mark.parametrize("release", RELEASES)
def test_without_its_window_a_model_supports_requests_of_the_window(release: str) -> None:
    engine = {"maxModelLen": 8192, "extraArgs": {"disableSlidingWindow": True}}
    service = {"model": "/mnt/models/Mistral-7B-v0.1", "engine": engine}

    (finding,) = limits(stack_file(release, service))

    assert finding.message == "maxModelLen 8192 exceeds the 4096 tokens that Mistral-7B-v0.1 supports"


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("engine", "is_refused"),
    [
        ({"maxNumSeqs": 2048}, False),
        ({"maxNumSeqs": 2049}, True),
        ({"maxNumSeqs": 4096, "maxNumBatchedTokens": 4096}, False),
        ({"maxNumSeqs": 4096, "extraArgs": {"performanceMode": "throughput"}}, False),
        ({"maxNumSeqs": 4097, "extraArgs": {"performance-mode": "throughput"}}, True),
        ({"maxNumSeqs": 4096, "maxModelLen": 8192, "enableChunkedPrefill": False}, False),
        ({"maxNumSeqs": 4096, "maxModelLen": 1024, "enableChunkedPrefill": False}, True),
    ],
)
def test_the_default_of_the_tokens_does_not_follow_the_requests(
    engine: dict[str, Any], is_refused: bool, release: str
) -> None:
    found = limits(stack_file(release, {"engine": {"maxModelLen": 4096, **engine}}))

    assert [finding.rule for finding in found] == ["engine-limit"] * is_refused


@pytest.mark.parametrize(
    ("model", "refusing"),
    [
        ("MiniMax-M2", RELEASES),
        ("MiniMax-M3", ("0.18.0", "0.23.0")),
        ("Llama-4-Scout-17B-16E-Instruct", RELEASES),
        ("DeepSeek-V3", ()),
        ("GLM-4.5", ()),
    ],
)
def test_mtp_is_refused_by_the_releases_without_mtp_layers_for_the_model(model: str, refusing: tuple[str, ...]) -> None:
    engine = {"maxModelLen": 4096, "tensorParallelSize": 8}
    speculative = {"kind": "mtp", "tokens": 1}
    service = {"model": f"/mnt/models/{model}", "npus": 8, "engine": engine, "speculative": speculative}
    found = {release: limits(stack_file(release, service)) for release in RELEASES}

    assert tuple(release for release, findings in found.items() if findings) == refusing
