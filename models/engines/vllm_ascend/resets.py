"""The settings of a stack file that the plugin replaces at start, each judged by its condition in the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from models.catalog.facts import HYBRID_MODELS
from models.engines.vllm_ascend.capture_sizes import most_sizes, sizes_up_to
from models.engines.vllm_ascend.launch_settings import (
    LaunchSettings,
    Setting,
    find_setting,
    is_replaced_mode,
)
from models.engines.vllm_ascend.records import Reset
from models.finding import at

_OWN_BLOCK_SIZES = ("deepseek_v4",)
"""Model types with their own block sizes (vllm_ascend/utils.py)."""

_SHORTEST_TIMEOUT = 1836
"""Seconds of HCCL's timeout. A shorter one of the model is replaced (vllm_ascend/platform.py)."""

_BUFFER_BYTES = 1e9
_SPLITS = 32

NOT_REPORTED = {
    "PYTORCH_NPU_ALLOC_CONF": "the value stays, and the plugin adds to it",
    "kv_transfer_config.engine_id": "the value stays the beginning of the id",
}
"""Resets that take nothing away from a stack file, with the reason."""

Finder = Callable[[LaunchSettings], Setting | None]


@dataclass(frozen=True)
class ReplacedSetting:
    """A setting that the plugin replaces."""

    setting: Setting
    reset: Reset


def replaced_settings(settings: LaunchSettings) -> Iterator[ReplacedSetting]:
    """The settings that the plugin of the release replaces in this launch."""
    for parameter, reset in settings.plugin.resets.items():
        finder = FINDERS.get(parameter)
        setting = finder(settings) if finder else None
        if setting:
            yield ReplacedSetting(setting, reset)


def _switch(flag: str) -> Finder:
    """A flag that is true."""

    def find(settings: LaunchSettings) -> Setting | None:
        setting = settings.flag(flag)
        return setting if setting and setting.value is True else None

    return find


def _not_default(flag: str, default: object = None) -> Finder:
    """A flag with a value other than the default."""

    def find(settings: LaunchSettings) -> Setting | None:
        setting = settings.flag(flag)
        return setting if setting and setting.value != default else None

    return find


def _field(flag: str, name: str, default: object = None) -> Finder:
    """A field of a JSON flag with a value other than false and the default."""

    def find(settings: LaunchSettings) -> Setting | None:
        setting = settings.field(flag, name)
        if setting is None or setting.value in (None, False, default):
            return None
        return setting

    return find


def _attention_backend(settings: LaunchSettings) -> Setting | None:
    setting = settings.flag("attention-backend") or settings.field(
        "attention-config", "backend"
    )
    if setting is None or setting.value in (None, "", "None", "auto"):
        return None
    kept = "FLASH_ATTN"
    reset = settings.plugin.resets["attention_config.backend"]
    if kept in reset.when and str(setting.value).upper() == kept:
        return None
    return setting


def _encoder_backend(settings: LaunchSettings) -> Setting | None:
    facts = settings.server.facts
    if facts is None or not facts.multimodal:
        return None
    return _not_default("mm-encoder-attn-backend")(settings)


def _block_size(settings: LaunchSettings) -> Setting | None:
    server = settings.server
    size = server.engine.block_size
    if "engine.blockSize" not in server.configured:
        return None
    if size == settings.plugin.block_size.default or has_own_blocks(settings):
        return None
    if not settings.prefix_caching and not settings.chunked_prefill:
        return None
    return Setting(size, "engine.blockSize", at("engine.blockSize"))


def has_own_blocks(settings: LaunchSettings) -> bool:
    """Whether the plugin keeps the block size of a model with any features."""
    facts = settings.server.facts
    model_types = (*HYBRID_MODELS, *_OWN_BLOCK_SIZES)
    return facts is not None and facts.model_type in model_types


def _graph_mode(settings: LaunchSettings) -> Setting | None:
    setting = settings.field("compilation-config", "cudagraph_mode")
    mode = getattr(settings.server.graph, "mode", None)
    if mode:
        setting = Setting(mode, "graph.mode", at("graph.mode"))
    if setting is None or str(setting.value).upper() != "FULL_AND_PIECEWISE":
        return None
    return setting


def _compilation_mode(settings: LaunchSettings) -> Setting | None:
    setting = settings.field("compilation-config", "mode")
    if setting is None or not is_replaced_mode(setting.value):
        return None
    return setting


def _exchange_backend(settings: LaunchSettings) -> Setting | None:
    setting = settings.flag("all2all-backend")
    if setting is None or setting.value == "flashinfer_all2allv":
        return None
    switch = find_setting(
        "engine.compilationConfig",
        settings.server.engine.compilation_config,
        ("pass_config", "enable_sp"),
    )
    return None if switch and switch.value is True else setting


def _shared_experts(settings: LaunchSettings) -> Setting | None:
    setting = settings.key("enable_shared_expert_dp")
    engine = settings.server.engine
    if setting is None or setting.value is not True:
        return None
    is_kept = engine.enable_expert_parallel and engine.tensor_parallel_size > 1
    return None if is_kept else setting


def _sparse_cache(key: str) -> Finder:
    """A key that is on, for a model that certainly has no sparse attention."""

    def find(settings: LaunchSettings) -> Setting | None:
        setting = settings.key(key)
        if setting is None or setting.value is not True:
            return None
        return setting if settings.has_indexer is False else None

    return find


def _cache_reshape(settings: LaunchSettings) -> Setting | None:
    setting = settings.key("c8_enable_reshape_optim")
    if setting is None or setting.value is not True:
        return None
    cache = settings.key("enable_sparse_li_c8")
    is_kept = cache and cache.value and settings.has_indexer is not False
    return None if is_kept else setting


def _capture_sizes(settings: LaunchSettings) -> Setting | None:
    setting = settings.capture_sizes
    most = most_sizes(settings)
    if setting is None or most is None:
        return None
    return setting if len({*setting.value}) > most else None


def _warm_ups(settings: LaunchSettings) -> Setting | None:
    setting = settings.field("compilation-config", "cudagraph_num_of_warmups")
    return setting if setting and setting.value != 1 else None


def _largest_capture_size(settings: LaunchSettings) -> Setting | None:
    """Without listed sizes, vLLM takes the largest default size that fits."""
    name = "max_cudagraph_capture_size"
    setting = settings.field("compilation-config", name)
    setting = setting or settings.flag(name.replace("_", "-"))
    if setting is None or setting.number < 1 or settings.capture_sizes:
        return None
    if settings.graph_mode in (None, "NONE"):
        return None
    tokens = settings.server.engine.max_num_batched_tokens
    sizes = sizes_up_to(min(int(setting.number), tokens))
    return setting if setting.number != max(sizes) else None


def _npugraph(settings: LaunchSettings) -> Setting | None:
    setting = settings.key("ascend_compilation_config", "enable_npugraph_ex")
    mode = settings.graph_mode
    if setting is None or setting.value is not True or mode is None:
        return None
    is_replaced = mode == "NONE" or "PIECEWISE" in mode
    return setting if is_replaced else None


def _overlap(settings: LaunchSettings) -> Setting | None:
    setting = settings.key("multistream_overlap_shared_expert")
    fused = settings.key_or_variable("enable_fused_mc2", "VLLM_ASCEND_ENABLE_FUSED_MC2")
    if setting is None or setting.value is not True or fused is None:
        return None
    return setting if fused.value == 1 else None


def _min_chunk(settings: LaunchSettings) -> Setting | None:
    setting = settings.key("profiling_chunk_config", "min_chunk")
    enabled = settings.key("profiling_chunk_config", "enabled")
    if setting is None or enabled is None or not enabled.value:
        return None
    most = settings.server.engine.max_num_batched_tokens
    return setting if setting.number > most else None


def _recompute_scheduler(settings: LaunchSettings) -> Setting | None:
    setting = settings.key("recompute_scheduler_enable")
    if setting is None or not setting.value or settings.kv_role != "kv_producer":
        return None
    return setting


def _batched_tokens(settings: LaunchSettings) -> Setting | None:
    server = settings.server
    prefill = settings.parallel_size("prefill-context-parallel-size")
    flash_comm = settings.key_or_variable(
        "enable_flashcomm1", "VLLM_ASCEND_ENABLE_FLASHCOMM1"
    )
    is_set = "engine.maxNumBatchedTokens" in server.configured
    if not is_set or prefill <= 1 or flash_comm is None or not flash_comm.value:
        return None
    tokens = server.engine.max_num_batched_tokens
    if tokens % (server.engine.tensor_parallel_size * prefill) == 0:
        return None
    mark = at("engine.maxNumBatchedTokens")
    return Setting(tokens, "engine.maxNumBatchedTokens", mark)


def _interleave(settings: LaunchSettings) -> Setting | None:
    setting = settings.flag("cp-kv-cache-interleave-size")
    sizes = [
        settings.parallel_size("prefill-context-parallel-size"),
        settings.parallel_size("decode-context-parallel-size"),
    ]
    if setting is None or not settings.is_sparse or max(sizes) <= 1:
        return None
    if settings.kv_transfer:
        return None  # then it is refused
    return setting if setting.value != settings.plugin.block_size.default else None


def _cache_type(settings: LaunchSettings) -> Setting | None:
    dtype = settings.server.engine.kv_cache_dtype
    if dtype in (None, "auto") or not settings.has_indexer:
        return None
    return Setting(dtype, "engine.kvCacheDtype", at("engine.kvCacheDtype"))


def _draft_quantization(settings: LaunchSettings) -> Setting | None:
    speculative = settings.server.speculative
    if speculative is None:
        return None
    setting = find_setting("speculative.config", speculative.config, ("quantization",))
    return setting if setting and setting.value is not None else None


def _model_timeout(settings: LaunchSettings) -> Setting | None:
    setting = settings.variable("VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS")
    if setting is None or not isinstance(setting.value, int):
        return None
    return setting if setting.value < _SHORTEST_TIMEOUT else None


def _breakable_graphs(settings: LaunchSettings) -> Setting | None:
    setting = settings.variable("VLLM_USE_BREAKABLE_CUDAGRAPH")
    return setting if setting and setting.value in (1, "true", "True") else None


def _second_model_runner(settings: LaunchSettings) -> Setting | None:
    setting = settings.variable("VLLM_USE_V2_MODEL_RUNNER")
    return setting if setting and setting.value == 1 else None


def _own_all_reduce(settings: LaunchSettings) -> Setting | None:
    setting = settings.flag("disable-custom-all-reduce")
    return setting if setting and setting.value is False else None


def _fusion(name: str) -> Finder:
    """A fusion that is on and that vLLM has on other hardware only."""

    def find(settings: LaunchSettings) -> Setting | None:
        config = settings.server.engine.compilation_config
        path = ("pass_config", name)
        setting = find_setting("engine.compilationConfig", config, path)
        return setting if setting and setting.value is True else None

    return find


FINDERS: dict[str, Finder] = {
    "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS": _model_timeout,
    "VLLM_USE_BREAKABLE_CUDAGRAPH": _breakable_graphs,
    "VLLM_USE_V2_MODEL_RUNNER": _second_model_runner,
    "additional_config.ascend_compilation_config.enable_npugraph_ex": _npugraph,
    "additional_config.c8_enable_reshape_optim": _cache_reshape,
    "additional_config.enable_shared_expert_dp": _shared_experts,
    "additional_config.enable_sparse_c8": _sparse_cache("enable_sparse_c8"),
    "additional_config.enable_sparse_li_c8": _sparse_cache("enable_sparse_li_c8"),
    "additional_config.enable_sparse_sfa_c8": _sparse_cache("enable_sparse_sfa_c8"),
    "additional_config.multistream_overlap_shared_expert": _overlap,
    "additional_config.profiling_chunk_config.min_chunk": _min_chunk,
    "additional_config.recompute_scheduler_enable": _recompute_scheduler,
    "all2all_backend": _exchange_backend,
    "attention_config.backend": _attention_backend,
    "block_size": _block_size,
    "calculate_kv_scales": _switch("calculate-kv-scales"),
    "compilation_config.cudagraph_capture_sizes": _capture_sizes,
    "compilation_config.cudagraph_mode": _graph_mode,
    "compilation_config.cudagraph_num_of_warmups": _warm_ups,
    "compilation_config.custom_ops": _field("compilation-config", "custom_ops"),
    "compilation_config.max_cudagraph_capture_size": _largest_capture_size,
    "compilation_config.mode": _compilation_mode,
    "compilation_config.use_inductor_graph_partition": _field(
        "compilation-config", "use_inductor_graph_partition"
    ),
    "cp_kv_cache_interleave_size": _interleave,
    "disable_custom_all_reduce": _own_all_reduce,
    "disable_cascade_attn": _switch("disable-cascade-attn"),
    "enable_dbo": _switch("enable-dbo"),
    "enable_layerwise_nvtx_tracing": _switch("enable-layerwise-nvtx-tracing"),
    "kv_cache_dtype": _cache_type,
    "kv_transfer_config.enable_permute_local_kv": _field(
        "kv-transfer-config", "enable_permute_local_kv"
    ),
    "kv_transfer_config.kv_buffer_size": _field(
        "kv-transfer-config", "kv_buffer_size", _BUFFER_BYTES
    ),
    "max_num_batched_tokens": _batched_tokens,
    "mm_encoder_attn_backend": _encoder_backend,
    "numa_bind": _switch("numa-bind"),
    "numa_bind_cpus": _not_default("numa-bind-cpus"),
    "numa_bind_nodes": _not_default("numa-bind-nodes"),
    "ray_workers_use_nsight": _switch("ray-workers-use-nsight"),
    "speculative_config.quantization": _draft_quantization,
    "ubatch_size": _not_default("ubatch-size", 0),
    **{
        f"attention_config.{name}": _field("attention-config", name)
        for name in (
            "disable_flashinfer_prefill",
            "disable_flashinfer_q_quantization",
            "flash_attn_version",
            "use_cudnn_prefill",
            "use_prefill_decode_attention",
            "use_trtllm_attention",
            "use_trtllm_ragged_deepseek_prefill",
        )
    },
    **{
        f"compilation_config.pass_config.{name}": _fusion(name)
        for name in (
            "enable_qk_norm_rope_fusion",
            "fuse_act_padding",
            "fuse_mla_dual_rms_norm",
            "fuse_rope_kvcache",
            "fuse_rope_kvcache_cat_mla",
        )
    },
    "attention_config.flash_attn_max_num_splits_for_cuda_graph": _field(
        "attention-config", "flash_attn_max_num_splits_for_cuda_graph", _SPLITS
    ),
}
"""How each reset is recognised in a launch, by its parameter in the tables."""
