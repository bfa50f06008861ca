"""The rule on arguments that do not fit the model."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.edits import (
    extra_argument_key,
    extra_argument_mark,
    tensor_parallel_edit,
)
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.records import is_older
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.vllm_refusals import refused_by_vllm
from models.finding import Finding, at

_DECODE = "decode-context-parallel-size"

_WITHOUT_MTP = frozenset(
    {
        "baichuan",
        "chatglm",
        "deepseek",
        "deepseek_v2",
        "gpt_oss",
        "internlm2",
        "internvl_chat",
        "kimi_k2",
        "llama",
        "llama4",
        "llava",
        "llava_next",
        "llava_onevision",
        "minimax_m2",
        "mistral",
        "mixtral",
        "qwen2",
        "qwen2_5_vl",
        "qwen2_moe",
        "qwen2_vl",
        "qwen3",
        "qwen3_moe",
        "qwen3_vl",
        "qwen3_vl_moe",
    }
)
"""Model types whose MTP layers no release loads (vllm/config/speculative.py, hf_config_override).

MiniMax-M2 was trained with such layers, which its config.json names, but vLLM has no model of them.
"""

_MTP_SINCE = {"minimax_m3_vl": "0.30.0"}
"""Model types whose MTP layers only later releases load, with the first."""


@rule("error")
def model_limit(server: ModelServer) -> Iterator[Finding]:
    """The engine's arguments fit the model.

    vLLM exits at start if tensor parallelism cannot divide the model into equal parts, if `maxModelLen` exceeds the
    length that the model supports, unless `VLLM_ALLOW_LONG_MAX_MODEL_LEN` is 1, if a model without experts has expert
    parallelism, if decode context parallelism does not fit the KV heads, or if a model without MTP layers has MTP
    (vllm/config/model.py, vllm/config/speculative.py). The rule runs if the architecture of the model is known.
    """
    yield from refused_by_vllm(
        server, _parts, _length, _experts, _decode_context, _mtp_layers
    )


def _parts(server: ModelServer) -> Iterator[Problem]:
    facts = server.facts
    parts = server.engine.tensor_parallel_size
    if facts is None or facts.splits(parts):
        return
    refusal = "divided-sizes"
    if facts.num_attention_heads % parts:
        refusal = "attention-heads"
    smaller = [size for size in range(1, parts) if facts.splits(size)]
    sizes = f"{facts.num_attention_heads} heads, {facts.num_key_value_heads} KV heads"
    if not facts.has_experts_only:
        sizes += f", intermediate size {facts.intermediate_size}"
    if facts.padded_vocab_size % parts:
        sizes += f", vocabulary {facts.padded_vocab_size}"
    yield Problem(
        refusal,
        f"{server.model.name} cannot be divided into {parts} equal parts: {sizes}",
        tensor_parallel_edit(server, max(smaller)),
        [at("engine.tensorParallelSize", f"{parts} parts"), at("model.name", sizes)],
    )


def _length(server: ModelServer) -> Iterator[Problem]:
    facts = server.facts
    if facts is None or facts.longest is None or _has_other_length(server):
        return
    length = server.engine.max_model_len
    if length <= facts.longest:
        return
    yield Problem(
        "length",
        f"maxModelLen {length} exceeds the {facts.longest} tokens that {server.model.name} supports",
        f"write engine.maxModelLen: {facts.longest}",
        [
            at("engine.maxModelLen", "tokens of the longest request"),
            at("model.name", f"{facts.longest} tokens"),
        ],
    )


def _has_other_length(server: ModelServer) -> bool:
    """Whether vLLM accepts a longer request, or takes the length from elsewhere."""
    allows_longer = server.env.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "").strip().lower()
    if allows_longer in ("1", "true"):
        return True
    overrides = server.further("hf-overrides")
    if isinstance(overrides, dict):
        return bool(overrides.keys() - {"rope_parameters"})
    return overrides is not None


def _experts(server: ModelServer) -> Iterator[Problem]:
    facts = server.facts
    if facts is None or facts.moe or not server.engine.enable_expert_parallel:
        return
    yield Problem(
        "no-experts",
        f"enableExpertParallel is on, but {server.model.name} has no experts",
        "remove engine.enableExpertParallel",
        [at("engine.enableExpertParallel"), at("model.name", "no experts")],
    )


def _decode_context(server: ModelServer) -> Iterator[Problem]:
    """Without MLA, the copies of each KV head divide its cache, so there are at most as many parts as copies."""
    facts = server.facts
    size = server.further(_DECODE)
    if facts is None or type(size) is not int or size <= 1:
        return
    if facts.kv_lora_rank or facts.compress_ratios:
        return
    heads = facts.num_key_value_heads
    copies = max(server.engine.tensor_parallel_size // heads, 1)
    queries = facts.num_attention_heads // heads
    if size > copies:
        message = f"--{_DECODE} {size} exceeds the number of copies of each KV head, {copies} ({heads} KV heads)"
    elif queries % size:
        message = f"--{_DECODE} {size} does not divide the {queries} query heads of each KV head"
    else:
        return
    yield Problem(
        "decode-context-heads",
        message,
        f"remove {extra_argument_key(server, _DECODE)}",
        [
            extra_argument_mark(server, _DECODE),
            at("engine.tensorParallelSize"),
            at("model.name", f"{heads} KV heads"),
        ],
    )


def _mtp_layers(server: ModelServer) -> Iterator[Problem]:
    facts = server.facts
    speculative = server.speculative
    if facts is None or speculative is None or speculative.kind != "mtp":
        return
    if not _is_without_mtp(facts.model_type, server.release.version):
        return
    if facts.num_nextn_predict_layers:
        return
    yield Problem(
        "no-mtp-layers",
        f"speculative decoding is mtp, but vLLM {server.release.version} has no MTP layers for {server.model.name}",
        "remove speculative",
        [at("speculative.kind"), at("model.name", f"a {facts.model_type} model")],
    )


def _is_without_mtp(model_type: str, version: str) -> bool:
    first = _MTP_SINCE.get(model_type)
    if first:
        return is_older(version, first)
    return model_type in _WITHOUT_MTP
