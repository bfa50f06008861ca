"""The rule on arguments of the engine that do not fit together."""

from __future__ import annotations

from collections.abc import Iterator

from models.engines.drafts import draft_limit
from models.engines.edits import extra_argument_key, extra_argument_mark
from models.engines.features import DraftModel
from models.engines.model_server import ModelServer
from models.engines.rules import rule
from models.engines.vllm_ascend.launch_settings import Setting, find_setting
from models.engines.vllm_ascend.refusals import Problem
from models.engines.vllm_ascend.rules.device_ids import device_ids
from models.engines.vllm_ascend.rules.graph_sizes import (
    capture_sizes,
    sequence_parallel_sizes,
    sizes_above_zero,
)
from models.engines.vllm_ascend.rules.mamba import (
    algorithm_of_mamba,
    block_size_of_mamba,
    rounding_of_mamba,
)
from models.engines.vllm_ascend.rules.model_runners import (
    adaptive_verification,
    first_runner,
    sampling_mask,
    second_runner,
    sharded_sampling,
)
from models.engines.vllm_ascend.rules.names import (
    backend_of_other_hardware,
    data_parallel_backend,
    fault_tolerance,
    load_balancing,
    looked_up_names,
    metrics_of_speculation,
    version_of_metrics,
)
from models.engines.vllm_ascend.rules.number_types import (
    online_quantization,
    quantized_full_precision,
)
from models.engines.vllm_ascend.rules.offload import offloaded_layers, prefetch_step
from models.engines.vllm_ascend.tables import flag_table
from models.engines.vllm_ascend.vllm_refusals import refused_by_vllm, refused_flag
from models.finding import Finding, at

_DECODE = "decode-context-parallel-size"
_PREFILL = "prefill-context-parallel-size"
_PARTIAL_PREFILLS = ("max-num-partial-prefills", "max-long-partial-prefills")

_NUMA = ("numa-bind-nodes", "numa-bind-cpus")

_ENCODERS = ("bert", "modernbert", "roberta", "xlm-roberta")
"""Model types whose attention reads a text from both ends, so that it cannot be cut into pieces."""

_WITHOUT_ASYNC = ("ngram", "suffix", "medusa")
"""Kinds of speculative decoding that asynchronous scheduling does not work with."""

_WITHOUT_DRAFT = ("ngram", "suffix")
"""Kinds of speculative decoding without a model that guesses tokens: they ignore its size."""


@rule("error")
def engine_limit(server: ModelServer) -> Iterator[Finding]:
    """The engine's arguments fit together.

    vLLM exits at start if an iteration has fewer tokens than requests or, without chunked prefill, fewer than the
    longest request. It also exits if the sizes of graphs contradict each other, if the parallel sizes do not divide
    each other, and with features that exclude each other or that NPUs do not have (vllm/config,
    vllm/engine/arg_utils.py).
    """
    yield from refused_by_vllm(
        server,
        _tokens_for_requests,
        _tokens_for_length,
        _partial_prefills,
        _expert_load_balancing,
        _decode_context,
        _local_ranks,
        _node_count,
        _numa,
        capture_sizes,
        sizes_above_zero,
        sequence_parallel_sizes,
        _async_scheduling,
        _draft_parts,
        _draft_model_parts,
        _draft_length,
        _routed_experts,
        _parts_of_speculation,
        block_size_of_mamba,
        algorithm_of_mamba,
        rounding_of_mamba,
        load_balancing,
        fault_tolerance,
        metrics_of_speculation,
        looked_up_names,
        version_of_metrics,
        offloaded_layers,
        prefetch_step,
        data_parallel_backend,
        device_ids,
        first_runner,
        second_runner,
        sharded_sampling,
        sampling_mask,
        adaptive_verification,
        quantized_full_precision,
        online_quantization,
        backend_of_other_hardware,
    )


def _tokens_for_requests(server: ModelServer) -> Iterator[Problem]:
    """Without `maxNumSeqs`, vLLM takes at most as many requests as tokens."""
    engine = server.engine
    if "engine.maxNumSeqs" not in server.configured:
        return
    if engine.max_num_batched_tokens >= engine.max_num_seqs:
        return
    fewest = engine.max_num_seqs
    if engine.enable_chunked_prefill is False:
        fewest = max(fewest, engine.max_model_len)
    fix = f"write engine.maxNumBatchedTokens: {fewest}"
    table = flag_table(server.release.version)
    if engine.max_num_seqs <= table.effective_defaults["max-num-batched-tokens"]:
        fix += ", or remove engine.maxNumBatchedTokens"
    yield Problem(
        "batched-tokens-requests",
        f"maxNumBatchedTokens {engine.max_num_batched_tokens} is below maxNumSeqs {engine.max_num_seqs}",
        fix,
        [
            at("engine.maxNumBatchedTokens", "tokens in one iteration"),
            at("engine.maxNumSeqs", "requests in one iteration"),
        ],
    )


def _tokens_for_length(server: ModelServer) -> Iterator[Problem]:
    engine = server.engine
    is_encoder = _reads_whole_texts(server)
    if engine.enable_chunked_prefill is not False and not is_encoder:
        return
    if engine.max_num_batched_tokens >= engine.max_model_len:
        return
    key = "engine.maxNumBatchedTokens" if is_encoder else "engine.enableChunkedPrefill"
    yield Problem(
        "batched-tokens-length",
        f"maxNumBatchedTokens {engine.max_num_batched_tokens} is below maxModelLen {engine.max_model_len},"
        " without chunked prefill",
        f"write engine.maxNumBatchedTokens: {engine.max_model_len}, or remove {key}",
        [
            at("engine.maxNumBatchedTokens", "tokens in one iteration"),
            at("engine.maxModelLen", "tokens of the longest request"),
            at(key),
        ],
    )


def _reads_whole_texts(server: ModelServer) -> bool:
    """Whether vLLM turns chunked prefill off by default. It then chooses enough tokens if the service sets none."""
    if server.facts is None or server.facts.model_type not in _ENCODERS:
        return False
    is_default = server.engine.enable_chunked_prefill is None
    return is_default and "engine.maxNumBatchedTokens" in server.configured


def _partial_prefills(server: ModelServer) -> Iterator[Problem]:
    for flag in _PARTIAL_PREFILLS:
        value = _number(server, flag)
        if value > 1:
            yield refused_flag(
                server, flag, "partial-prefills", f"{value} is not 1, its only value"
            )


def _expert_load_balancing(server: ModelServer) -> Iterator[Problem]:
    """NPUs have the plugin's own balancing, `eplb_config` of `additionalConfig`."""
    if server.further("enable-eplb") is True:
        yield refused_flag(
            server, "enable-eplb", "expert-load-balancing", "does not run on NPUs"
        )
        return
    if server.further("enable-elastic-ep") is True:
        yield refused_flag(
            server,
            "enable-elastic-ep",
            "elastic-experts",
            "needs --enable-eplb, which does not run on NPUs",
        )
    config = server.further("eplb-config")
    if isinstance(config, dict) and config.get("num_redundant_experts"):
        yield refused_flag(
            server,
            "eplb-config",
            "redundant-experts",
            "has redundant experts, but --enable-eplb does not run on NPUs",
        )


def _decode_context(server: ModelServer) -> Iterator[Problem]:
    """With prefill context parallelism, the sizes that are possible depend on the release: not judged."""
    parts = server.engine.tensor_parallel_size
    size = _number(server, _DECODE)
    if size > 1 and parts % size and _number(server, _PREFILL) <= 1:
        yield Problem(
            "decode-context-size",
            f"tensorParallelSize {parts} is not a multiple of --{_DECODE} {size}",
            f"remove {extra_argument_key(server, _DECODE)}",
            [extra_argument_mark(server, _DECODE), at("engine.tensorParallelSize")],
        )
    if size <= 1 and server.further("dcp-comm-backend") == "a2a":
        yield refused_flag(
            server,
            "dcp-comm-backend",
            "decode-context-backend",
            f"a2a needs --{_DECODE} above 1",
        )


def _local_ranks(server: ModelServer) -> Iterator[Problem]:
    flag = "data-parallel-size-local"
    ranks = server.engine.data_parallel_size
    local = _number(server, flag)
    if local > ranks:
        yield Problem(
            "local-ranks",
            f"--{flag} {local} exceeds dataParallelSize {ranks}",
            f"remove {extra_argument_key(server, flag)}",
            [extra_argument_mark(server, flag), at("engine.dataParallelSize")],
        )


def _node_count(server: ModelServer) -> Iterator[Problem]:
    """With prefill context parallelism, the NPUs that count depend on the release: not judged."""
    if _number(server, _PREFILL) > 1:
        return
    engine = server.engine
    npus = (
        engine.tensor_parallel_size
        * engine.pipeline_parallel_size
        * engine.data_parallel_size
    )
    nodes = _number(server, "nnodes")
    if nodes > 1 and npus % nodes:
        yield Problem(
            "node-count",
            f"{npus} NPUs of the server cannot be divided over --nnodes {nodes}",
            f"remove {extra_argument_key(server, 'nnodes')}",
            [
                extra_argument_mark(server, "nnodes"),
                at("engine.tensorParallelSize", f"{npus} NPUs"),
            ],
        )


def _numa(server: ModelServer) -> Iterator[Problem]:
    if server.further("numa-bind") is True:
        return
    for flag in _NUMA:
        if server.further(flag):
            yield refused_flag(server, flag, "numa-bind", "needs --numa-bind")


def _async_scheduling(server: ModelServer) -> Iterator[Problem]:
    speculative = server.speculative
    if speculative is None or server.engine.async_scheduling is not True:
        return
    if speculative.kind in _WITHOUT_ASYNC:
        yield Problem(
            "async-scheduling-method",
            f"asyncScheduling and speculative decoding by {speculative.kind} exclude each other",
            "remove engine.asyncScheduling",
            [at("engine.asyncScheduling"), at("speculative.kind")],
        )


def _draft_parts(server: ModelServer) -> Iterator[Problem]:
    setting = _draft_setting(server, "draft_tensor_parallel_size")
    parts = server.engine.tensor_parallel_size
    if setting is None or setting.value in (None, 1, parts):
        return
    yield Problem(
        "draft-parts",
        f"{setting.name} is {setting.value}, neither 1 nor tensorParallelSize {parts}",
        setting.removal,
        [setting.mark, at("engine.tensorParallelSize")],
    )


def _draft_model_parts(server: ModelServer) -> Iterator[Problem]:
    """A draft model, unlike a head, cannot be in one part next to a model in several parts."""
    setting = _draft_setting(server, "draft_tensor_parallel_size")
    parts = server.engine.tensor_parallel_size
    if setting is None or setting.value != 1 or parts == 1:
        return
    if not isinstance(server.speculative, DraftModel):
        return
    yield Problem(
        "draft-model-parts",
        f"{setting.name} is 1, but tensorParallelSize is {parts}",
        setting.removal,
        [setting.mark, at("engine.tensorParallelSize", f"{parts} parts")],
    )


def _draft_length(server: ModelServer) -> Iterator[Problem]:
    setting = _draft_setting(server, "max_model_len")
    if setting is None or type(setting.value) is not int:
        return
    limit = draft_limit(server)
    if setting.value <= limit.tokens:
        return
    yield Problem(
        "draft-length",
        f"{setting.name} {setting.value} exceeds the {limit.tokens} tokens of {limit.reason}",
        f"write {setting.key}: {limit.tokens}",
        [setting.mark, limit.mark],
    )


def _parts_of_speculation(server: ModelServer) -> Iterator[Problem]:
    """The parts of the draft have a separate field."""
    speculative = server.speculative
    if speculative is None:
        return
    path = ("tensor_parallel_size",)
    setting = find_setting("speculative.config", speculative.config, path)
    if setting is None or setting.value is None:
        return
    yield Problem(
        "speculative-parts",
        f"{setting.name} is not the size of the draft",
        f"rename {setting.key} to draftTensorParallelSize, or {setting.removal}",
        [setting.mark],
    )


def _draft_setting(server: ModelServer, name: str) -> Setting | None:
    """A field of `speculative.config` that is about the draft; None without one, or without a draft."""
    speculative = server.speculative
    if speculative is None or speculative.kind in _WITHOUT_DRAFT:
        return None
    return find_setting("speculative.config", speculative.config, (name,))


def _routed_experts(server: ModelServer) -> Iterator[Problem]:
    flag = "enable-return-routed-experts"
    if server.further(flag) is True and server.engine.pipeline_parallel_size > 1:
        yield refused_flag(
            server,
            flag,
            "routed-experts-pipeline",
            "does not work with pipelineParallelSize above 1",
        )


def _number(server: ModelServer, flag: str) -> int:
    """The value of a flag under `extraArgs`; 0 if it is not set."""
    value = server.further(flag)
    return value if type(value) is int else 0
