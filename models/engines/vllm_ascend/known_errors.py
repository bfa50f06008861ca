"""Errors that vLLM 0.18.0 and later and the plugin log when a start fails, with those of CANN, HCCL and the system."""

from __future__ import annotations

from models.engines.ascend_errors import ASCEND_ERRORS
from models.engines.log_lines import KnownError
from models.engines.vllm_errors import VLLM_ERRORS
from models.engines.vllm_errors.processes import PROCESS_ERRORS

_VLLM = "https://github.com/vllm-project/vllm/blob/v0.23.0/vllm"
_PLUGIN = "https://github.com/vllm-project/vllm-ascend/blob/v0.23.0/vllm_ascend"

_OWN = (
    KnownError(
        id="quantization-files",
        pattern=r"ModelSlim Quantization Config Not Found|FileNotFoundError: .*quant_model_description\.json",
        meaning="the weights have no quant_model_description.json",
        why="quantization: ascend reads how each layer is quantized from this file of ModelSlim",
        fix="use weights that ModelSlim has quantized, with the file; or remove quantization",
        source=f"{_PLUGIN}/quantization/modelslim_config.py#L815",
    ),
    KnownError(
        id="capture-sizes",
        pattern=(
            r"cudagraph_capture_sizes .*(?:does not|mutually exclusive|should be consistent|multiple)"
            r"|max_cudagraph_capture_size|No valid cudagraph sizes|Can't determine cudagraph shapes"
            r"|ACL graph is incompatible with ASCEND_LAUNCH_BLOCKING|CUDAGraphMode\.\w+ is not supported"
            r"|exceeds available Mamba cache blocks"
        ),
        meaning="the sizes or the mode of the graphs do not fit the service",
        why="with FlashComm1 the sizes must be multiples of tensorParallelSize, and debugging variables exclude graphs",
        fix="correct graph.captureSizes, or write graph: eager; remove ASCEND_LAUNCH_BLOCKING from env",
        source=f"{_PLUGIN}/platform.py#L557",
    ),
    KnownError(
        id="flash-comm",
        pattern=r"Flash ?Comm ?v?\d|FLASHCOMM\d|flashcomm\d_",
        meaning="FlashComm does not fit the service",
        why="FlashComm1 needs several NPUs and, for experts, expert parallelism; FlashComm2's size divides theirs",
        fix="remove enable_flashcomm1 or VLLM_ASCEND_FLASHCOMM2_PARALLEL_SIZE, or raise tensorParallelSize",
        source=f"{_PLUGIN}/platform.py#L764",
    ),
    KnownError(
        id="additional-config",
        pattern=(
            r"additional_config(?!\.layer_sharding)|eplb|expert_map|finegrained.?tp"
            r"|module tp sizes|(?:oproj|olora|lmhead|embedding|mlp)_tensor"
            r"|Xlite graph|xlite_graph|npugraph_ex|profiling_chunk|mega_moe_max_tokens|enable_reduce_sample"
            r"|Mix placement|[Hh]amming sparse|sparse_json_location|rejection_sampler_config|dump_config"
            r"|fused mc2|Recommend to use at least \d+ data points|Config has no attribute"
            r"|(?<!Adjust )num_redundant_experts|\w+_interval must |DCP for SFA|cp_kv_cache_interleave_size"
            r"|PCP \(Prefill Context|PP\+MTP|ascend_scheduler_config|torchair_graph_config|ascend_compilation_config"
        ),
        meaning="the plugin refuses a value of additionalConfig",
        why="vllm-ascend checks these values while it builds the configuration of the engine",
        fix="correct or remove the key that the line names, in engine.additionalConfig; see ascend-vllm check",
        source=f"{_PLUGIN}/ascend_config.py",
    ),
    KnownError(
        id="quantization",
        pattern=r"vLLM Ascend doesn't support (?:quant_type=)?\S+ for",
        meaning="the NPU does not support the quantization of the weights",
        why="the plugin runs the methods of its table only",
        fix="use weights that ModelSlim has quantized (quantization: ascend), or unquantized weights",
        source=f"{_PLUGIN}/quantization",
    ),
    KnownError(
        id="pd-start",
        pattern=(
            r"(?:Mooncake|TransferEngine) initialization failed|Failed to install [Aa]scend transport"
            r"|Mooncake memory registration failed|mooncake is not available|KV Cache thread to be ready"
            r"|KV Cache sending/receiving thread failed to start"
        ),
        meaning="the transfer of the KV cache did not start (Mooncake)",
        why="Mooncake needs the network of the NPUs, a free port, and its library in the image",
        fix="check /etc/hccn.conf, kv_port in kvTransferConfig, and that the image is the release's own",
        source=f"{_PLUGIN}/distributed/kv_transfer/utils/mooncake_transfer_engine.py",
    ),
    KnownError(
        id="pd-transfer",
        pattern=(
            r"Mooncake transfer failed|Failed to transfer KV cache|ascend_direct_transport\.cpp.*(?:timeout|failed)"
            r"|Transfer slice failed|adxl.*[Ff]ail|Failed to receive (?:ACK|data)|Timed out waiting for ACK"
            r"|Failed to send data to \S+ after"
        ),
        meaning="the KV cache was not transferred between the prefill and the decode server",
        why="they do not reach each other over the network of the NPUs, or their releases and sizes differ",
        fix="check /etc/hccn.conf and hccn_tool on both nodes, and use the same image for both servers",
        source="https://github.com/vllm-project/vllm-ascend/issues/7401",
        weight="general",
    ),
    KnownError(
        id="engine-timeout",
        pattern=(
            r"Timed out waiting for (?:new )?engine core processes"
            r"|DP Coordinator process failed|VLLM_ENGINE_READY_TIMEOUT_S"
        ),
        meaning="the engine's processes did not start in time",
        why="loading the weights takes longer than VLLM_ENGINE_READY_TIMEOUT_S, 600 seconds by default",
        fix=(
            'write VLLM_ENGINE_READY_TIMEOUT_S: "1800" under env,'
            " and raise startup; read the earlier lines of EngineCore"
        ),
        source=f"{_VLLM}/v1/engine/core_client.py#L619",
        weight="consequence",
    ),
)

KNOWN_ERRORS = (
    *_OWN,
    *VLLM_ERRORS,
    *ASCEND_ERRORS,
    *PROCESS_ERRORS,
)
"""The known errors, the most specific first."""
