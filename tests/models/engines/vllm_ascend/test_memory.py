"""What a model takes of its NPUs in releases of vllm-ascend, by arithmetic that can be done by hand."""

from __future__ import annotations

import pytest

from models import resolve
from models.engines.memory import MemoryUse
from models.engines.vllm_ascend.tables import RELEASES
from models.stack_file.load import load_text


def memory_use(model: str, *, version: str = "0.23.0", engine: str = "", more: str = "") -> MemoryUse:
    text = f"""\
config:
  ascend-vllm:cluster: {{context: prod}}
  ascend-vllm:services:
    qwen:
      image: quay.io/ascend/vllm-ascend:v{version}
      model: /mnt/models/{model}
      engine: {{maxModelLen: 4096{engine}}}
      {more}
"""
    (service,) = resolve(load_text("test", "-", text)).services
    assert service.facts is not None, model
    return service.release.memory_use(service, service.facts)


@pytest.mark.parametrize("version", RELEASES)
def test_a_token_of_a_plain_model_has_a_key_and_a_value_for_each_kv_head_and_layer(version: str) -> None:
    # Qwen2-7B: 28 layers, 4 KV heads of 128, 2 bytes each.
    assert memory_use("Qwen2-7B-Instruct", version=version).token == 28 * 2 * 4 * 128 * 2


def test_mla_stores_the_compressed_keys_and_values_on_every_npu() -> None:
    # DeepSeek-V3: 61 layers, rank 512, 64 elements of rotary position.
    one = memory_use("DeepSeek-V3", engine=", tensorParallelSize: 1")
    sixteen = memory_use("DeepSeek-V3", engine=", tensorParallelSize: 16")

    assert one.token == sixteen.token == 61 * (512 + 64) * 2


def test_sparse_attention_stores_one_index_key_more_for_each_token() -> None:
    # DeepSeek-V3.2: as V3, and an index key of 128 elements in each layer.
    assert memory_use("DeepSeek-V3.2").token == 61 * (512 + 64 + 128) * 2


def test_layers_with_linear_attention_keep_no_tokens() -> None:
    # Qwen3-Next: 48 layers, 12 of them with full attention, 2 KV heads of 256.
    assert memory_use("Qwen3-Next-80B-A3B-Instruct").token == 12 * 2 * 2 * 256 * 2


def test_weights_of_four_bits_take_a_quarter_of_the_layers() -> None:
    whole = memory_use("Qwen3-32B")
    w8a8 = memory_use("Qwen3-32B-W8A8", more="quantization: ascend")
    w4a8 = memory_use("Qwen3-32B-W4A8", more="quantization: ascend")
    tables = 2 * 2 * 151936 * 5120

    assert w8a8.weights - tables == (whole.weights - tables) // 2
    assert w4a8.weights - tables == (whole.weights - tables) // 4


def test_experts_are_divided_by_the_copies_of_the_engine_with_and_without_expert_parallelism() -> None:
    engine = ", tensorParallelSize: 4, dataParallelSize: 2"
    one_copy = memory_use("DeepSeek-V3", engine=", tensorParallelSize: 4")
    two_copies = memory_use("DeepSeek-V3", engine=engine)

    assert two_copies == memory_use("DeepSeek-V3", engine=f"{engine}, enableExpertParallel: true")
    assert two_copies.weights == one_copy.weights // 2


def test_experts_are_divided_by_the_parts_of_prompts_as_well() -> None:
    parts = ", tensorParallelSize: 4, extraArgs: {prefillContextParallelSize: 2}"
    whole = memory_use("DeepSeek-V3", engine=", tensorParallelSize: 4")

    assert memory_use("DeepSeek-V3", engine=parts).weights == whole.weights // 2
    assert memory_use("Qwen3-32B", engine=parts) == memory_use("Qwen3-32B", engine=", tensorParallelSize: 4")


def test_a_model_without_experts_is_held_whole_by_each_copy() -> None:
    one_copy = memory_use("Qwen3-32B", engine=", tensorParallelSize: 4")

    assert memory_use("Qwen3-32B", engine=", tensorParallelSize: 4, dataParallelSize: 2") == one_copy


def test_a_cache_of_one_byte_takes_half() -> None:
    assert memory_use("Qwen3-32B", engine=", kvCacheDtype: fp8").token == memory_use("Qwen3-32B").token / 2
