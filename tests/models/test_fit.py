"""What a model takes of its NPUs, by arithmetic that can be done by hand, and what was seen to run."""

from __future__ import annotations

import pytest

from models import check, resolve
from models.catalog.known import KnownModel, Published, known_models
from models.service.fit import Fit, fit
from models.service.resolved import ResolvedService, ResolvedStack
from models.stack_file.load import load_text

GIB = 2**30
PUBLISHED = [(model, line) for model in known_models() for line in model.published if line.npus and line.max_model_len]


def stack(model: str, *, engine: str, memory: str = "64Gi", more: str = "") -> ResolvedStack:
    text = f"""\
config:
  ascend-vllm:cluster:
    context: prod
    pools: {{snt9b: {{nodes: 1, npusPerNode: 16, npuMemory: {memory}}}}}
  ascend-vllm:services:
    one:
      image: registry.example.com/ascend-vllm:6.3.912
      model: /mnt/models/{model}
      engine: {{{engine}}}
      {more}
"""
    return resolve(load_text("test", "-", text))


def service(model: str, *, engine: str, memory: str = "64Gi", more: str = "") -> ResolvedService:
    (one,) = stack(model, engine=engine, memory=memory, more=more).services
    return one


def terms(model: str, *, engine: str, memory: str = "64Gi", more: str = "") -> Fit:
    found = fit(service(model, engine=engine, memory=memory, more=more))
    assert found is not None
    return found


def test_the_terms_of_a_plain_model() -> None:
    # Qwen2-7B: 28 layers of 3584, 28 heads and 4 KV heads of 128, inner size 18944, 152064 tokens, nothing tied.
    layer = 3584 * 128 * (28 + 4) * 2 + 3 * 3584 * 18944
    tables = 2 * 152064 * 3584
    found = terms("Qwen2-7B-Instruct", engine="maxModelLen: 4096")

    assert found.parameters == 28 * layer + tables
    assert found.weights == 2 * found.parameters
    assert found.token == 2 * 4 * 128 * 2 * 28
    assert found.budget == int(64 * GIB * 0.9)
    assert found.tokens == (found.budget - found.weights) // found.token
    assert found.requests == found.tokens // 4096


@pytest.mark.parametrize(
    ("engine", "more", "part", "reason"),
    [
        ("maxModelLen: 4096, tensorParallelSize: 4", "", 1 / 4, "each NPU has a quarter"),
        ("maxModelLen: 4096, dtype: float32", "", 2, "four bytes instead of two"),
    ],
)
def test_the_weights_of_an_npu_follow_the_split_and_the_data_type(
    engine: str, more: str, part: float, reason: str
) -> None:
    whole = terms("Qwen2-7B-Instruct", engine="maxModelLen: 4096")

    assert terms("Qwen2-7B-Instruct", engine=engine, more=more).weights == whole.weights * part, reason


def test_quantization_shrinks_the_layers_and_not_the_tables_of_tokens() -> None:
    whole = terms("Qwen2-7B-Instruct", engine="maxModelLen: 4096")
    tables = 2 * 2 * 152064 * 3584

    for kind, part in (("awq", 4), ("smoothquant", 2)):
        quantized = terms("Qwen2-7B-Instruct", engine="maxModelLen: 4096", more=f"quantization: {kind}")
        assert quantized.weights == (whole.weights - tables) // part + tables


def test_a_quantized_kv_cache_takes_a_byte_for_each_element() -> None:
    whole = terms("Qwen2-7B-Instruct", engine="maxModelLen: 4096")
    quantized = terms("Qwen2-7B-Instruct", engine="maxModelLen: 4096, extraArgs: {kvCacheDtype: int8}")

    assert quantized.token == whole.token / 2


def test_kv_heads_are_copied_when_there_are_fewer_than_npus() -> None:
    four = terms("Qwen2-72B-Instruct", engine="maxModelLen: 4096, tensorParallelSize: 8")
    sixteen = terms("Llama-2-70b-hf", engine="maxModelLen: 4096, tensorParallelSize: 16")

    assert four.token == 2 * 1 * 128 * 2 * 80
    assert sixteen.token == four.token


@pytest.mark.parametrize(
    ("model", "engine", "kib"),
    [
        ("DeepSeek-V2-Lite", "maxModelLen: 4096", 432),
        ("DeepSeek-V2-Lite", "maxModelLen: 4096, tensorParallelSize: 4", 108),
        ("DeepSeek-V2-Lite", "maxModelLen: 4096, version: 0.18.0", 27 * 576 * 2 / 1024),
        ("DeepSeek-V2-Lite", "maxModelLen: 4096, version: 0.30.0", 27 * 576 * 2 / 1024),
        ("DeepSeek-V2", "maxModelLen: 4096, tensorParallelSize: 8", 960),
    ],
)
def test_only_later_releases_compress_the_kv_cache_of_deepseek_v2(model: str, engine: str, kib: float) -> None:
    # 0.6.3 pads each of the 16 heads of the Lite model to 256 numbers, in 27 layers.
    assert terms(model, engine=engine).token == kib * 1024


def test_stages_hold_their_layers_only() -> None:
    one = terms("Qwen2-7B-Instruct", engine="maxModelLen: 4096")
    two = terms("Qwen2-7B-Instruct", engine="maxModelLen: 4096, pipelineParallelSize: 2")

    assert two.token == one.token / 2
    assert two.weights == one.weights / 2


@pytest.mark.parametrize(
    ("model", "billions"),
    [
        ("Qwen2-0.5B", 0.49),
        ("Qwen2-72B", 72.7),
        ("Mixtral-8x7B-v0.1", 46.7),
        ("Qwen2-57B-A14B", 57.4),
        ("DeepSeek-V2", 236),
        ("DeepSeek-V2-Lite", 15.7),
        ("Qwen-7B", 7.7),
        ("chatglm3-6b", 6.2),
        ("Llama-2-70b-hf", 69),
    ],
)
def test_the_number_of_parameters_is_the_published_one(model: str, billions: float) -> None:
    assert terms(model, engine="maxModelLen: 1024").parameters / 1e9 == pytest.approx(billions, rel=0.02)


def row(case: tuple[KnownModel, Published]) -> str:
    return f"{case[1].release}-{case[1].model}-{case[1].npu_memory}"


@pytest.mark.parametrize("case", PUBLISHED, ids=row)
@pytest.mark.slow
def test_nothing_that_was_seen_to_run_is_refused(case: tuple[KnownModel, Published]) -> None:
    _, line = case
    engine = f"maxModelLen: {line.max_model_len}, gpuMemoryUtilization: {line.gpu_memory_utilization}"
    found = check(stack(line.model, engine=engine, memory=line.npu_memory, more=f"npus: {line.npus}"))

    # Later engines measured these lengths, and 0.6.3 refuses some of them.
    assert [finding.message for finding in found.errors if finding.rule != "length-above-model"] == []
    assert "length-above-published" not in {finding.rule for finding in found.warnings}


def without_pools(model: str, *, image: str, more: str) -> ResolvedStack:
    text = f"""\
config:
  ascend-vllm:cluster: {{context: prod}}
  ascend-vllm:services:
    one:
      image: {image}
      model: /mnt/models/{model}
      {more}
"""
    return resolve(load_text("test", "-", text))


def test_without_pools_the_memory_of_an_npu_is_not_known() -> None:
    stack = without_pools("Qwen2-7B-Instruct", image="a:1", more="engine: {maxModelLen: 4096}")

    assert fit(stack.services[0]) is None
    assert check(stack).errors == ()


@pytest.mark.parametrize(
    ("model", "image", "more", "edit"),
    [
        # 671 billion weights of 8 bits or less, on an A2 with 64 GiB.
        ("DeepSeek-R1", "vllm-ascend:v0.23.0", "engine: {maxModelLen: 4096}", "write engine.tensorParallelSize: 16"),
        ("Qwen2-72B", "a:1", "engine: {maxModelLen: 4096}", "write engine.tensorParallelSize: 4"),
        # 2 x 8 GiB fit an NPU with 48 GiB, and 2 x 32 do not.
        ("Qwen3-32B", "vllm-ascend:v0.23.0-310p", "engine: {maxModelLen: 4096}", "write engine.tensorParallelSize: 2"),
    ],
)
def test_without_pools_a_model_that_fits_no_npu_of_its_image_is_refused(
    model: str, image: str, more: str, edit: str
) -> None:
    errors = check(without_pools(model, image=image, more=more)).errors

    assert [error.rule for error in errors] == ["does-not-fit"]
    assert errors[0].fix == edit


@pytest.mark.parametrize(
    ("model", "image", "more"),
    [
        # An image of another name may be one for A5, with 144 GiB.
        ("Qwen3-32B", "registry.example.com/llm:7", "engine: {maxModelLen: 4096, version: 0.23.0}"),
        ("Qwen3-32B", "vllm-ascend:v0.23.0", "engine: {maxModelLen: 4096, extraArgs: {cpuOffloadGb: 40}}"),
        ("Qwen3-8B", "vllm-ascend:v0.23.0-310p", "engine: {maxModelLen: 4096}"),
    ],
)
def test_without_pools_a_model_that_may_fit_is_accepted(model: str, image: str, more: str) -> None:
    assert "does-not-fit" not in {error.rule for error in check(without_pools(model, image=image, more=more)).errors}
