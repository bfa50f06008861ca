"""Each reset in the tables is reported for a launch that shows it, and not for the nearest launch that keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from models.engines.vllm_ascend.resets import FINDERS, NOT_REPORTED
from models.engines.vllm_ascend.tables import RELEASES, plugin_table
from models.finding import Finding
from tests.models.engines.vllm_ascend.launches import DENSE, EXPERTS, LATENT, findings, service

WITH_PLUGIN = [release for release in RELEASES if plugin_table(release)]
PRODUCER = '--kv-transfer-config {"kv_connector":"MooncakeConnectorV1","kv_role":"kv_producer","kv_port":"30000"%s}'
SPARSE = ("cp_kv_cache_interleave_size", "kv_cache_dtype")

LAUNCHES = {
    # the parameter: words that show the reset, and words with which the value stays
    "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS": (
        "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS=600",
        "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS=2000",
    ),
    "VLLM_USE_BREAKABLE_CUDAGRAPH": ("VLLM_USE_BREAKABLE_CUDAGRAPH=1", "VLLM_USE_BREAKABLE_CUDAGRAPH=0"),
    "VLLM_USE_V2_MODEL_RUNNER": ("VLLM_USE_V2_MODEL_RUNNER=1", "VLLM_USE_V2_MODEL_RUNNER=0"),
    "additional_config.ascend_compilation_config.enable_npugraph_ex": (
        '--additional-config {"ascend_compilation_config":{"enable_npugraph_ex":true}}',
        '--additional-config {"ascend_compilation_config":{"enable_npugraph_ex":false}}',
    ),
    "additional_config.multistream_overlap_shared_expert": (
        '--additional-config {"multistream_overlap_shared_expert":true,"enable_fused_mc2":1}',
        '--additional-config {"multistream_overlap_shared_expert":true,"enable_fused_mc2":2}',
    ),
    "additional_config.profiling_chunk_config.min_chunk": (
        '--pipeline-parallel-size 2 --additional-config {"profiling_chunk_config":{"enabled":true,"min_chunk":9000}}',
        '--pipeline-parallel-size 2 --additional-config {"profiling_chunk_config":{"enabled":true,"min_chunk":1024}}',
    ),
    "additional_config.recompute_scheduler_enable": (
        '--additional-config {"recompute_scheduler_enable":true} ' + PRODUCER % "",
        '--additional-config {"recompute_scheduler_enable":false} ' + PRODUCER % "",
    ),
    "additional_config.c8_enable_reshape_optim": (
        '--additional-config {"c8_enable_reshape_optim":true}',
        '--additional-config {"c8_enable_reshape_optim":false}',
    ),
    "additional_config.enable_shared_expert_dp": (
        '--tensor-parallel-size 2 --additional-config {"enable_shared_expert_dp":true}',
        '--tensor-parallel-size 2 --additional-config {"enable_shared_expert_dp":false}',
    ),
    "all2all_backend": (
        "--tensor-parallel-size 2 --all2all-backend deepep_low_latency",
        "--tensor-parallel-size 2 --all2all-backend deepep_low_latency "
        '--compilation-config {"pass_config":{"enable_sp":true}}',
    ),
    "attention_config.backend": ("--attention-backend TRITON_ATTN", ""),
    "block_size": ("--block-size 64", "--block-size 64 --no-enable-prefix-caching --no-enable-chunked-prefill"),
    "compilation_config.cudagraph_capture_sizes": (
        '--compilation-config {"cudagraph_capture_sizes":' + str([*range(1, 80)]).replace(" ", "") + "}",
        '--compilation-config {"cudagraph_capture_sizes":[1,2,4]}',
    ),
    "compilation_config.cudagraph_num_of_warmups": (
        '--compilation-config {"cudagraph_num_of_warmups":3}',
        '--compilation-config {"cudagraph_num_of_warmups":1}',
    ),
    "compilation_config.cudagraph_mode": (
        '--compilation-config {"cudagraph_mode":"FULL_AND_PIECEWISE"}',
        '--compilation-config {"cudagraph_mode":"FULL_DECODE_ONLY"}',
    ),
    "compilation_config.max_cudagraph_capture_size": (
        '--compilation-config {"max_cudagraph_capture_size":7}',
        '--compilation-config {"max_cudagraph_capture_size":8}',
    ),
    **{
        f"compilation_config.pass_config.{name}": (
            '--compilation-config {"pass_config":{"' + name + '":true}}',
            '--compilation-config {"pass_config":{"' + name + '":false}}',
        )
        for name in (
            "enable_qk_norm_rope_fusion",
            "fuse_act_padding",
            "fuse_mla_dual_rms_norm",
            "fuse_rope_kvcache",
            "fuse_rope_kvcache_cat_mla",
        )
    },
    "disable_custom_all_reduce": ("--no-disable-custom-all-reduce", "--disable-custom-all-reduce"),
    "compilation_config.custom_ops": ('--compilation-config {"custom_ops":["none"]}', ""),
    "compilation_config.mode": ('--compilation-config {"mode":1}', '--compilation-config {"mode":3}'),
    "compilation_config.use_inductor_graph_partition": (
        '--compilation-config {"use_inductor_graph_partition":true}',
        '--compilation-config {"use_inductor_graph_partition":false}',
    ),
    "cp_kv_cache_interleave_size": (
        "--tensor-parallel-size 4 --decode-context-parallel-size 4 --cp-kv-cache-interleave-size 64",
        "--tensor-parallel-size 4 --decode-context-parallel-size 4 --cp-kv-cache-interleave-size 128",
    ),
    "kv_cache_dtype": ("--kv-cache-dtype fp8", "--kv-cache-dtype auto"),
    "kv_transfer_config.kv_buffer_size": (
        PRODUCER % ',"kv_buffer_size":2000000000.0',
        PRODUCER % ',"kv_buffer_size":1000000000.0',
    ),
    "kv_transfer_config.enable_permute_local_kv": (
        PRODUCER % ',"enable_permute_local_kv":true',
        PRODUCER % ',"enable_permute_local_kv":false',
    ),
    "max_num_batched_tokens": (
        "VLLM_ASCEND_ENABLE_FLASHCOMM1=1 --tensor-parallel-size 2 --prefill-context-parallel-size 2 "
        "--max-num-batched-tokens 4097",
        "VLLM_ASCEND_ENABLE_FLASHCOMM1=1 --tensor-parallel-size 2 --prefill-context-parallel-size 2 "
        "--max-num-batched-tokens 4096",
    ),
    "numa_bind_cpus": ("--numa-bind-cpus 0-7", ""),
    "numa_bind_nodes": ("--numa-bind-nodes 0", ""),
    "speculative_config.quantization": (
        '--speculative-config {"method":"eagle3","num_speculative_tokens":2,"quantization":"ascend"}',
        '--speculative-config {"method":"eagle3","num_speculative_tokens":2}',
    ),
    "ubatch_size": ("--ubatch-size 2", "--ubatch-size 0"),
    "mm_encoder_attn_backend": ("--mm-encoder-attn-backend FLASH_ATTN", ""),
    "attention_config.flash_attn_version": ('--attention-config {"flash_attn_version":2}', ""),
    "attention_config.flash_attn_max_num_splits_for_cuda_graph": (
        '--attention-config {"flash_attn_max_num_splits_for_cuda_graph":16}',
        '--attention-config {"flash_attn_max_num_splits_for_cuda_graph":32}',
    ),
}

for cache in ("enable_sparse_c8", "enable_sparse_li_c8", "enable_sparse_sfa_c8"):
    LAUNCHES[f"additional_config.{cache}"] = (
        f'--additional-config {{"{cache}":true}}',
        f'--additional-config {{"{cache}":false}}',
    )
for name in (
    "calculate_kv_scales",
    "disable_cascade_attn",
    "enable_dbo",
    "enable_layerwise_nvtx_tracing",
    "numa_bind",
    "ray_workers_use_nsight",
):
    LAUNCHES[name] = (f"--{name.replace('_', '-')}", "")
for parameter in FINDERS:
    outer, _, field = parameter.partition(".")
    if outer == "attention_config" and parameter not in LAUNCHES:
        LAUNCHES[parameter] = (
            f'--attention-config {{"{field}":true}}',
            f'--attention-config {{"{field}":false}}',
        )

CASES = [
    (release, reset)
    for release in WITH_PLUGIN
    for reset in plugin_table(release).resets.values()
    if reset.parameter not in NOT_REPORTED
]
IDS = [f"{release}-{reset.parameter}" for release, reset in CASES]


def resets(words: str, release: str, parameter: str) -> list[Finding]:
    sparse = parameter in SPARSE
    model = DENSE
    if sparse:
        model = LATENT
    if parameter == "mm_encoder_attn_backend":
        model = "/mnt/models/Qwen2-VL-7B-Instruct"
    entry: dict[str, Any] = service(words, release, model=model, sparse=sparse)
    return [finding for finding in findings(entry) if finding.rule == "reset-setting"]


@pytest.mark.parametrize(("release", "reset"), CASES, ids=IDS)
def test_a_value_that_is_replaced_has_a_finding_with_the_source(release: str, reset) -> None:
    found = resets(LAUNCHES[reset.parameter][0], release, reset.parameter)

    assert reset.where in " ".join(finding.why for finding in found)
    assert {finding.severity for finding in found} == {"no-effect"}


@pytest.mark.parametrize(("release", "reset"), CASES, ids=IDS)
@pytest.mark.slow
def test_a_value_that_stays_has_no_finding(release: str, reset) -> None:
    assert resets(LAUNCHES[reset.parameter][1], release, reset.parameter) == []


def test_every_reset_is_reported_or_listed_with_the_reason() -> None:
    parameters = {parameter for release in WITH_PLUGIN for parameter in plugin_table(release).resets}

    assert parameters == {*FINDERS, *NOT_REPORTED}


@pytest.mark.parametrize("release", RELEASES)
def test_nothing_is_replaced_that_the_stack_file_does_not_set(release: str) -> None:
    assert resets("", release, "block_size") == []


@pytest.mark.parametrize("release", WITH_PLUGIN)
@pytest.mark.parametrize("mode", ['"STOCK_TORCH_COMPILE"', '"dynamo_trace_once"', "2"])
def test_the_name_of_a_compilation_mode_is_replaced_like_its_number(release: str, mode: str) -> None:
    words = f'--compilation-config {{"mode":{mode}}}'

    [finding] = resets(words, release, "compilation_config.mode")

    assert "compilationConfig.mode" in finding.message


@pytest.mark.parametrize("release", WITH_PLUGIN)
def test_shared_experts_stay_divided_with_expert_parallelism_over_several_npus(release: str) -> None:
    words = '--tensor-parallel-size 2 --additional-config {"enable_shared_expert_dp":true}'
    entry = service(words, release, model=EXPERTS)
    entry["engine"]["enableExpertParallel"] = True

    assert [finding for finding in findings(entry) if finding.rule == "reset-setting"] == []
