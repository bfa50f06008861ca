"""Checks of the data types of weights and of the KV cache; two rules apply them."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.model_server import ModelServer
from models.engines.vllm_ascend.launch_settings import SPARSE_MODELS
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.tables import plugin_table
from models.engines.vllm_ascend.vllm_refusals import refused_flag
from models.finding import at

_OF_THE_PLUGIN = ("ascend", "deepseek_v4_fp8")
"""Methods of quantization whose data types only the plugin knows."""

_FULL_PRECISION = ("float", "float32")


def quantized_full_precision(server: ModelServer) -> Iterator[Problem]:
    """Quantized layers compute with 16 bits."""
    method = server.quantization
    dtype = server.engine.dtype
    if method is None or dtype not in _FULL_PRECISION:
        return
    if method in _OF_THE_PLUGIN and plugin_table(server.release.version) is None:
        return
    yield Problem(
        "quantization-dtype",
        f"dtype {dtype} does not work with quantization {method}",
        "remove engine.dtype",
        [at("engine.dtype"), at("quantization")],
    )


def online_quantization(server: ModelServer) -> Iterator[Problem]:
    """`--quantization-config` quantizes weights while they are loaded; others are quantized already."""
    flag = "quantization-config"
    if server.quantization is None or server.further(flag) is None:
        return
    because = f"is for weights that are not quantized, but quantization is {server.quantization}"
    yield refused_flag(server, flag, "online-quantization", because)


def latent_cache(server: ModelServer) -> Iterator[Problem]:
    """Latents of MLA cannot be stored as NVFP4. With sparse attention, the plugin resets the data type before."""
    facts = server.facts
    dtype = server.engine.kv_cache_dtype
    if facts is None or facts.kv_lora_rank is None or dtype is None:
        return
    if facts.index_topk is not None or facts.model_type in SPARSE_MODELS:
        return
    if not dtype.startswith("nvfp4") or dtype.endswith("_ds_mla"):
        return
    yield Problem(
        "latent-cache",
        f"kvCacheDtype {dtype} does not work with the latents of {server.model.name}",
        "remove engine.kvCacheDtype",
        [at("engine.kvCacheDtype"), at("model.name", "has MLA")],
    )
