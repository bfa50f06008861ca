"""The rule on arguments that do not fit the model."""

from __future__ import annotations

from collections.abc import Iterator

from models.catalog.facts import ModelFacts
from models.engines.drafts import draft_edit, draft_facts
from models.engines.edits import (
    extra_argument_key,
    extra_argument_mark,
    tensor_parallel_edit,
)
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.launch_settings import find_setting
from models.engines.vllm_ascend.records import is_older
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.rules.names import adapters_of_pictures
from models.engines.vllm_ascend.rules.number_types import latent_cache
from models.engines.vllm_ascend.vllm_refusals import refused_by_vllm
from models.finding import Finding, at

_MEGA_EXPERTS = "flashinfer_moe_ep_mega_"
"""Backends for experts that only some models have."""

_WITH_MEGA_EXPERTS = ("deepseek_v4", "deepseek_v41")

_DECODE = "decode-context-parallel-size"

_WITHOUT_MTP = frozenset(
    {
        "baichuan",
        "bamba",
        "chatglm",
        "deepseek",
        "deepseek_v2",
        "ernie4_5",
        "falcon_mamba",
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3_text",
        "glm",
        "glm4",
        "glm4v_moe",
        "gpt_oss",
        "granite",
        "granitemoe",
        "internlm",
        "internlm2",
        "internvl_chat",
        "jamba",
        "kimi_k2",
        "llama",
        "llama4",
        "llava",
        "llava_next",
        "llava_next_video",
        "llava_onevision",
        "mamba",
        "mamba2",
        "minicpm",
        "minicpm3",
        "minicpmv",
        "minimax_m2",
        "mistral",
        "mixtral",
        "mllama",
        "olmo",
        "olmo2",
        "paddleocr_vl",
        "phi",
        "phi3",
        "phi3_v",
        "phimoe",
        "qwen",
        "qwen2",
        "qwen2_5_omni",
        "qwen2_5_vl",
        "qwen2_audio",
        "qwen2_moe",
        "qwen2_vl",
        "qwen3",
        "qwen3_asr",
        "qwen3_moe",
        "qwen3_omni_moe",
        "qwen3_vl",
        "qwen3_vl_moe",
    }
)
"""Model types whose MTP layers no release loads (vllm/config/speculative.py, hf_config_override).

MiniMax-M2 was trained with such layers, which its config.json names, but vLLM has no model of them.
"""

_WITHOUT_STAGES = frozenset(
    {
        "aria",
        "bert",
        "gemma3n",
        "idefics3",
        "mamba2",
        "modernbert",
        "paddleocr_vl",
        "phi4mm",
        "roberta",
        "smolvlm",
        "whisper",
        "xlm-roberta",
        "zamba2",
    }
)
"""Model types whose classes do not have `SupportsPP`, in every release (vllm/model_executor/models)."""

_MTP_SINCE = {"minimax_m3_vl": "0.30.0"}
"""Model types whose MTP layers only later releases load, with the first."""

_YARN_IN_LENGTH_SINCE = "0.30.0"
"""The first release for which `max_position_embeddings` contains the factor of YaRN (vllm/config/model.py:2468)."""


@rule("error")
def model_limit(server: ModelServer) -> Iterator[Finding]:
    """The engine's arguments fit the model.

    vLLM exits at start if tensor parallelism cannot divide the model into equal parts, or if `maxModelLen` exceeds the
    length that the model supports (unless `VLLM_ALLOW_LONG_MAX_MODEL_LEN` is 1). It also exits if a model without
    experts has expert parallelism, if decode context parallelism does not fit the KV heads, if a model without MTP
    layers has MTP, or if a draft model has another number of tokens in its vocabulary (vllm/config/model.py,
    vllm/config/speculative.py). The rule runs if the architecture of the model is known.
    """
    yield from refused_by_vllm(
        server,
        _parts,
        _length,
        _experts,
        _decode_context,
        _mtp_layers,
        _draft_vocabulary,
        adapters_of_pictures,
        _experts_of_one_model,
        latent_cache,
        _stages,
    )


def _experts_of_one_model(server: ModelServer) -> Iterator[Problem]:
    """Only one family of models has these experts. The field of `--kernel-config` means the same as the flag."""
    if server.facts is None or server.facts.model_type in _WITH_MEGA_EXPERTS:
        return
    flag, field = "moe-backend", "moe_backend"
    config = server.further("kernel-config")
    backends = [(extra_argument_key(server, flag), server.further(flag))]
    marks = [extra_argument_mark(server, flag)]
    if isinstance(config, dict):
        key = extra_argument_key(server, "kernel-config")
        backends.append((f"{key}.{field}", config.get(field)))
        marks.append(at(key, key=field))
    for (key, backend), mark in zip(backends, marks, strict=True):
        if not str(backend).replace("-", "_").startswith(_MEGA_EXPERTS):
            continue
        yield Problem(
            "moe-backend-model",
            f"the backend {backend} for experts is for DeepSeek-V4 only, not for {server.model.name}",
            f"remove {key}",
            [mark, at("model.name", server.facts.model_type)],
        )


def _stages(server: ModelServer) -> Iterator[Problem]:
    facts = server.facts
    stages = server.engine.pipeline_parallel_size
    if facts is None or stages == 1 or facts.model_type not in _WITHOUT_STAGES:
        return
    yield Problem(
        "pipeline-model",
        f"vLLM {server.release.version} cannot divide the layers of {server.model.name} into {stages} stages",
        "remove engine.pipelineParallelSize",
        [at("engine.pipelineParallelSize"), at("model.name", facts.model_type)],
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
    if facts is None or _has_other_length(server):
        return
    longest = _longest(server, facts)
    length = server.engine.max_model_len
    if longest is None or length <= longest:
        return
    yield Problem(
        "length",
        f"maxModelLen {length} exceeds the {longest} tokens that {server.model.name} supports",
        _shorter_edit(server, longest),
        [
            at("engine.maxModelLen", "tokens of the longest request"),
            at("model.name", f"{longest} tokens"),
        ],
    )


def _longest(server: ModelServer, facts: ModelFacts) -> int | None:
    """The longest request that a model supports, in tokens; None if it is unknown."""
    longest = facts.longest
    keeps_length = _keeps_yarn_length(server, facts)
    if keeps_length:
        longest = facts.context
    is_scaled = facts.rope_scaling is not None and not keeps_length
    if is_scaled or not server.further("disable-sliding-window"):
        return longest
    lengths = (longest, facts.sliding_window)
    return min((length for length in lengths if length), default=None)


def _keeps_yarn_length(server: ModelServer, facts: ModelFacts) -> bool:
    """Whether the length in config.json counts, without the factor of YaRN."""
    if is_older(server.release.version, _YARN_IN_LENGTH_SINCE):
        return False
    scaling = facts.rope_scaling
    return scaling is not None and scaling.type == "yarn"


def _shorter_edit(server: ModelServer, longest: int) -> str:
    """The edit that shortens the longest request, or states the length that YaRN reaches."""
    shorter = f"write engine.maxModelLen: {longest}"
    facts = server.facts
    overrides = server.further("hf-overrides")
    if facts is None or not isinstance(overrides, dict):
        return shorter
    reached = facts.scaled_context or 0
    if reached < server.engine.max_model_len:
        return shorter
    key = extra_argument_key(server, "hf-overrides")
    return f"{shorter}, or write {key}.max_position_embeddings: {reached}"


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


def _draft_vocabulary(server: ModelServer) -> Iterator[Problem]:
    facts = server.facts
    draft = draft_facts(server)
    if facts is None or draft is None or draft.vocab_size == facts.vocab_size:
        return
    if _maps_vocabularies(server):
        return
    yield Problem(
        "draft-vocabulary",
        f"the draft model has {draft.vocab_size} tokens in its vocabulary, but the model has {facts.vocab_size}",
        draft_edit(server),
        [
            at("speculative.source", f"{draft.vocab_size} tokens"),
            at("model.name", f"{facts.vocab_size} tokens"),
        ],
    )


def _maps_vocabularies(server: ModelServer) -> bool:
    """Whether the tokens of the draft are translated to those of the model (`use_heterogeneous_vocab`)."""
    if server.speculative is None:
        return False
    path = ("use_heterogeneous_vocab",)
    setting = find_setting("speculative.config", server.speculative.config, path)
    return setting is not None and setting.is_on


def _is_without_mtp(model_type: str, version: str) -> bool:
    first = _MTP_SINCE.get(model_type)
    if first:
        return is_older(version, first)
    return model_type in _WITHOUT_MTP
