"""Errors that vLLM 0.18.0 and later, the plugin, CANN and the driver log when a start fails, and what they mean."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_VLLM = "https://github.com/vllm-project/vllm/blob/v0.23.0/vllm"
_PLUGIN = "https://github.com/vllm-project/vllm-ascend/blob/v0.23.0/vllm_ascend"
_ISSUES = "https://github.com/vllm-project/vllm-ascend/issues"

_MEMORY = (
    KnownError(
        pattern=r"NPU out of memory|EL0004|aclrtMalloc\w* .*207001",
        meaning="an NPU has too little memory",
        why="weights, activations, graphs and KV cache together exceed its memory, or another process uses it",
        fix="lower engine.gpuMemoryUtilization, maxModelLen or maxNumSeqs, or use more NPUs; see ascend-vllm check -v",
        source=f"{_ISSUES}/1993",
    ),
    KnownError(
        pattern=r"Free memory on device.*on startup.*(?:is less than desired|Desired) GPU memory utilization",
        meaning="another process uses memory of the NPU",
        why="at the start, less memory is free than engine.gpuMemoryUtilization requests",
        fix="look for leftover processes with npu-smi info on the node, or lower engine.gpuMemoryUtilization",
        source=f"{_PLUGIN}/worker/worker.py#L473",
    ),
    KnownError(
        pattern=r"No available memory for the cache blocks",
        meaning="the weights leave no memory for the KV cache",
        why="weights and activations use all of the engine's share of the NPU memory (gpuMemoryUtilization)",
        fix="raise engine.gpuMemoryUtilization, use more NPUs, or quantize; see ascend-vllm check -v",
        source=f"{_VLLM}/v1/core/kv_cache_utils.py#L721",
    ),
    KnownError(
        pattern=(
            r"To serve at least one request with the models?'s max seq len"
            r"|larger than the (?:available KV cache memory|maximum number of tokens that can be stored in KV cache)"
        ),
        meaning="the KV cache is too small for one request of maxModelLen tokens",
        why="the remaining NPU memory holds fewer tokens than maxModelLen; the line estimates the longest that fits",
        fix="lower engine.maxModelLen to the estimated length, raise gpuMemoryUtilization, or use more NPUs",
        source=f"{_VLLM}/v1/core/kv_cache_utils.py#L741",
    ),
)

_MODEL = (
    KnownError(
        pattern=r"ModelSlim Quantization Config Not Found|FileNotFoundError: .*quant_model_description\.json",
        meaning="the weights have no quant_model_description.json",
        why="quantization: ascend reads how each layer is quantized from this file of ModelSlim",
        fix="use weights that ModelSlim has quantized, with the file; or remove quantization",
        source=f"{_PLUGIN}/quantization/modelslim_config.py#L815",
    ),
    KnownError(
        pattern=(
            r"quantization is currently not supported in|Unknown quantization method"
            r"|vLLM Ascend doesn't support (?:quant_type=)?\S+ for"
        ),
        meaning="the NPU does not support the quantization of the weights",
        why="the plugin runs the methods of its table; awq and gptq, for example, are refused",
        fix="use weights that ModelSlim has quantized (quantization: ascend), or unquantized weights",
        source=f"{_VLLM}/platforms/interface.py#L727",
    ),
    KnownError(
        pattern=r"Quantization method specified in the model config .* does not match",
        meaning="quantization differs from the weights",
        why="config.json names another method of quantization than the stack file",
        fix="correct or remove quantization",
        source=f"{_VLLM}/config/model.py#L1070",
    ),
    KnownError(
        pattern=r"Model architectures? .* (?:are|is) not supported|Transformers does not recognize this architecture",
        meaning="this vLLM does not know the model's architecture",
        why="support depends on the release and on its transformers version",
        fix="use a newer image, or a model that the release supports (ascend-vllm models)",
        source=f"{_VLLM}/model_executor/models/registry.py#L1048",
    ),
    KnownError(
        pattern=(
            r"consider setting `trust_remote_code|set the option `trust_remote_code"
            r"|execute the configuration file in that repo|contains custom code"
        ),
        meaning="the model contains its own code",
        why="transformers runs this code only if it is trusted",
        fix="set engine.trustRemoteCode: true if you trust the model's files",
        source=f"{_VLLM}/transformers_utils/config.py#L289",
    ),
    KnownError(
        pattern=r"is greater than the derived max_model_len",
        meaning="maxModelLen exceeds the length of the model",
        why="config.json of the model has a shorter context",
        fix="lower engine.maxModelLen to the length in the line",
        source=f"{_VLLM}/config/model.py",
    ),
    KnownError(
        pattern=r"could not locate (?:\w+ )*think (?:start|end)|invalid (?:tool call|reasoning) parser",
        meaning="the parser does not belong to the model",
        why="a reasoning parser needs the tokens of its model, such as <think>",
        fix="correct server.reasoningParser or server.toolCallParser",
        source=f"{_VLLM}/entrypoints/openai/api_server.py#L507",
    ),
    KnownError(
        pattern=(
            r"Cannot find any model weights|does not appear to have a file named|Repo id must be"
            r"|couldn't connect to 'https|is not a local folder and is not a valid model"
            r"|Invalid repository ID or local directory|Can't load tokenizer"
        ),
        meaning="model.source has no usable model",
        why="if the directory lacks the files, vLLM searches for them on the internet",
        fix="correct model.source, and check that every node has the whole directory",
        source=f"{_VLLM}/transformers_utils/config.py",
    ),
)

_NPUS = (
    KnownError(
        pattern=r"libascend_hal\.so|libdrvdsmi|libdcmi\.so|dcmi\w* (?:init|model).*fail|dcmi module initialize failed",
        meaning="the container does not see the NPU driver",
        why="libascend_hal and dcmi belong to the node's driver, which is mounted from it",
        fix="correct cluster.platform.driver, or install the driver on the node",
        source=f"{_ISSUES}/1440",
    ),
    KnownError(
        pattern=r"libhccl\.so|libatb\.so|libascendcl\.so|No module named 'torch_npu'|Failed to infer device type",
        meaning="CANN is not set up in the container",
        why="the libraries of CANN are found only after the image's set_env.sh files were sourced",
        fix="use an image of the release; see docs/releases.md for the files that the launch script sources",
        source=f"{_ISSUES}/152",
    ),
    KnownError(
        pattern=(
            r"(?:libtorch_npu|libop_plugin_atb|libtbe_adapter|torch_npu\S*)\.so\S*: undefined symbol"
            r"|module 'torch_npu' has no attribute|AclSetCompileopt.*error code is 500001"
            r"|CANN package version.*(?:mismatch|not match)"
        ),
        meaning="torch_npu and CANN do not match",
        why="each release of the plugin needs its own torch_npu and CANN",
        fix="use the release's own image without changed packages; see docs/releases.md",
        source=f"{_ISSUES}/750",
    ),
    KnownError(
        pattern=(
            r"drv(?:Err|Ret)\w*\s*[=:(]|driver version .*(?:mismatch|not match)|Version mismatch.*driver"
            r"|\b-8020\b|EE1001"
        ),
        meaning="driver and CANN do not match, or the NPU does not answer",
        why="the CANN of the image needs a recent driver and a healthy NPU",
        fix="run npu-smi info on the node; install the driver that docs/releases.md names",
        source=f"{_ISSUES}/5468",
    ),
    KnownError(
        pattern=r"\b507033\b|\b107001\b|invalid device ?id|Resource_Busy|-8005",
        meaning="an NPU cannot be opened",
        why="the index is not one of the pod's NPUs, or another container holds the NPU",
        fix="remove visibleDevices; look for leftover processes with npu-smi info on the node",
        source=f"{_ISSUES}/9428",
    ),
    KnownError(
        pattern=r"listen on ip\[\S+\] and specific port\[\d+\] fail|EJ0003|EI0019",
        meaning="the port of the NPUs' communication is in use (HCCL)",
        why="two pods on the host network use the same port, or an old process still holds it",
        fix="set HCCL_IF_BASE_PORT under env, or look for leftover processes on the node",
        source=f"{_ISSUES}/1955",
    ),
    KnownError(
        pattern=(
            r"EI0006|EI0002|Getting socket times out|wait socket establish timeout|notify wait timeout"
            r"|\[ERROR\] HCCL.*time ?out"
        ),
        meaning="the NPUs did not connect to each other in time (HCCL)",
        why="a rank is missing or slow, or the NPU network does not connect them",
        fix=(
            "read the lines of the other ranks first; check /etc/hccn.conf and hccn_tool; raise"
            " HCCL_CONNECT_TIMEOUT under env"
        ),
        source=f"{_ISSUES}/5461",
    ),
    KnownError(
        pattern=r"EI0004|EI0005|EI0009|HcclCommInit\w*.*(?:fail|error)|hcclComm\w*.*fail|HCCL function error",
        meaning="the NPUs' communication did not start (HCCL)",
        why="another rank failed before, or an old process still uses an NPU",
        fix="read the lines of the other ranks; look for leftover processes with npu-smi info",
        source=f"{_ISSUES}/3162",
    ),
)

_SYSTEM = (
    KnownError(
        pattern=(
            r"No available shared memory broadcast block|Bus error"
            r"|unable to (?:open|write to) (?:shared memory|file </torch)"
        ),
        meaning="shared memory (/dev/shm) is too small, or a process of the engine hangs",
        why="the engine's processes exchange data through /dev/shm, whose size is resources.shm",
        fix="raise resources.shm; if it is large, read the earlier lines of the other processes",
        source=f"{_ISSUES}/3717",
    ),
    KnownError(
        pattern=r"Address already in use|\[Errno 98\]|EADDRINUSE",
        meaning="the port is in use",
        why="another process of the container listens on it, or one of the node if the pod uses the host network",
        fix="change server.port; do not use the host network",
        source=f"{_VLLM}/entrypoints/openai/api_server.py",
    ),
    KnownError(
        pattern=r"can't start new thread|pthread_create failed|Resource temporarily unavailable",
        meaning="no thread can be started",
        why="the process limit is reached, or the runtime's seccomp profile is older than the image's libc (clone3)",
        fix=(
            "write cluster.seccomp: Unconfined or update the node's container runtime; or raise the kubelet's"
            " podPidsLimit"
        ),
        source="https://github.com/moby/moby/issues/42680",
    ),
    KnownError(
        pattern=r"unrecognized arguments:|invalid choice: .*\(choose from",
        meaning="the image's vLLM does not know an argument",
        why="the image contains another release than engine.version",
        fix="use the image of that release, or correct engine.version",
        source=f"{_VLLM}/engine/arg_utils.py",
    ),
    KnownError(
        pattern=r"No space left on device",
        meaning="a disk is full",
        why="a cache, a log or a core dump filled the node's disk or /dev/shm",
        fix="free disk space on the node, or raise resources.shm",
        source=f"{_ISSUES}/3717",
    ),
    KnownError(
        pattern=r"FileNotFoundError: |: No such file or directory",
        meaning="a file is missing",
        why="the image, the node or the launch lacks the file that the line names",
        fix="correct the path in the stack file, or create the file there",
        source=f"{_VLLM}/engine/arg_utils.py",
    ),
    KnownError(
        pattern=r"(?:ModuleNotFoundError|ImportError): ",
        meaning="a Python module is missing in the image",
        why="the image was changed, or a library of CANN cannot be loaded",
        fix="use the release's own image without changed packages",
        source=f"{_ISSUES}/117",
    ),
    KnownError(
        pattern=r"Engine core initialization failed",
        meaning="the engine's process ended during its start",
        why="the cause is in an earlier line of the process EngineCore or Worker",
        fix="read the log from its beginning (kubectl logs), and look for the first error",
        source=f"{_VLLM}/v1/engine/utils.py#L1250",
    ),
)

KNOWN_ERRORS = (*_MEMORY, *_MODEL, *_NPUS, *_SYSTEM)
"""The known errors, the most specific first; the first one that occurs in the log is reported."""
