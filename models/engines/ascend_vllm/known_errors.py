"""Errors that vLLM, CANN and the driver log when a start fails, and what they mean."""

from __future__ import annotations

from models.engines.log_lines import KnownError

_VLLM = "https://github.com/vllm-project/vllm/blob/v0.6.3/vllm"
_ISSUES = "https://github.com/vllm-project/vllm-ascend/issues"
_FAQ = "https://support.huaweicloud.com/bestpractice-modelarts/modelarts_llm_infer_91237.html"

KNOWN_ERRORS = (
    KnownError(
        pattern=r"(?:NPU|CUDA) out of memory|EL0004|aclrtMalloc\w* .*207001",
        meaning="an NPU has too little memory",
        why="weights, activations and KV cache together exceed its memory, or another process uses it",
        fix="lower engine.gpuMemoryUtilization, maxModelLen or maxNumSeqs, or use more NPUs; see ascend-vllm check -v",
        source=_FAQ,
    ),
    KnownError(
        pattern=r"No available memory for the cache blocks",
        meaning="the weights leave no memory for the KV cache",
        why="weights and activations use all of the engine's share of the NPU memory (gpuMemoryUtilization)",
        fix="raise engine.gpuMemoryUtilization, use more NPUs, or quantize; see ascend-vllm check -v",
        source=f"{_VLLM}/worker/worker.py",
    ),
    KnownError(
        pattern=r"max seq len \(\d+\) is larger than the maximum number of tokens",
        meaning="the KV cache is too small for one request of maxModelLen tokens",
        why="the remaining NPU memory holds fewer tokens than maxModelLen",
        fix="lower engine.maxModelLen, raise gpuMemoryUtilization, or use more NPUs",
        source=f"{_VLLM}/worker/worker.py",
    ),
    KnownError(
        pattern=r"libascend_hal\.so|libdrvdsmi|libdcmi\.so|dcmi\w* (?:init|model).*fail|dcmi module initialize failed",
        meaning="the container does not see the NPU driver",
        why="libascend_hal and dcmi belong to the node's driver, which is mounted from it",
        fix="correct cluster.platform.driver, or install the driver on the node",
        source=f"{_ISSUES}/1440",
    ),
    KnownError(
        pattern=(
            r"drv(?:Err|Ret)\w*\s*[=:(]|driver version .*(?:mismatch|not match)|Version mismatch.*driver"
            r"|\b-8020\b|EE1001"
        ),
        meaning="driver and CANN do not match, or the NPU does not answer",
        why="the CANN of the image needs a recent driver and a healthy NPU",
        fix="run npu-smi info on the node; install the driver of the image's release (manual, Step 1)",
        source=f"{_ISSUES}/2698",
    ),
    KnownError(
        pattern=r"Failed to infer device type|libhccl\.so|libatb\.so|libascendcl\.so|No module named 'torch_npu'",
        meaning="CANN is not set up in the container",
        why="the libraries of CANN are found only after its set_env.sh was sourced",
        fix="correct the image, or cluster.platform.initFile, which the launch script sources",
        source=f"{_ISSUES}/262",
    ),
    KnownError(
        pattern=r"\b507033\b|\b107001\b|invalid device ?id|Resource_Busy|-8005",
        meaning="an NPU cannot be opened",
        why="the index is not one of the pod's NPUs, or another container holds the NPU",
        fix="remove visibleDevices; look for leftover processes with npu-smi info on the node",
        source=f"{_ISSUES}/9428",
    ),
    KnownError(
        pattern=(
            r"EI0006|EI0002|HCCL_(?:CONNECT|EXEC)_TIMEOUT|hccl\w* .*time ?out|notify wait timeout"
            r"|get socket timeout"
        ),
        meaning="the NPUs did not connect to each other in time (HCCL)",
        why="a rank is missing or slow, or the NPU network does not connect them",
        fix=(
            "read the lines of the other ranks first; check /etc/hccn.conf and hccn_tool; raise"
            " HCCL_CONNECT_TIMEOUT under env"
        ),
        source=_FAQ,
    ),
    KnownError(
        pattern=(
            r"EJ0001|EI0004|EI0005|HcclCommInit\w*.*(?:fail|error)|hcclComm\w*.*fail|HCCL function error"
            r"|hccl.*init.*fail"
        ),
        meaning="the NPUs' communication did not start (HCCL)",
        why=(
            "the rank table is wrong, a port is in use (two pods on the host network), or an old process still"
            " uses an NPU"
        ),
        fix="look for leftover processes with npu-smi info; set HCCL_IF_BASE_PORT under env if pods share a network",
        source=f"{_ISSUES}/405",
    ),
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
        pattern=r"Address already in use|\[Errno 98\]|error while attempting to bind on address",
        meaning="the port is in use",
        why="another process of the container listens on it, or one of the node if the pod uses the host network",
        fix="change server.port; do not use the host network",
        source=f"{_VLLM}/entrypoints/openai/api_server.py",
    ),
    KnownError(
        pattern=(
            r"(?:trust[_-]remote[_-]code.{0,40}True|execute the configuration file in that repo"
            r"|contains custom code)"
        ),
        meaning="the model contains its own code",
        why="transformers runs this code only if it is trusted",
        fix="set engine.trustRemoteCode: true if you trust the model's files",
        source=f"{_VLLM}/transformers_utils/config.py",
    ),
    KnownError(
        pattern=r"unrecognized arguments:|invalid choice: .*\(choose from",
        meaning="the image's vLLM does not know an argument",
        why="the image contains another release than engine.version",
        fix="use the image of that release, or correct engine.version",
        source=f"{_VLLM}/engine/arg_utils.py",
    ),
    KnownError(
        pattern=(
            r"Can't load tokenizer|Unable to load vocabulary|Tokenizer class \S+ does not exist"
            r"|tokenizer\.\w+.*not found"
        ),
        meaning="the tokenizer is missing or cannot be read",
        why="the tokenizer files belong to the model's directory, and a custom tokenizer class needs the model's code",
        fix="complete the model's directory on every node, or set engine.trustRemoteCode: true",
        source=f"{_VLLM}/transformers_utils/tokenizer.py",
    ),
    KnownError(
        pattern=(
            r"Cannot find any model weights|does not appear to have a file named|Repo id must be"
            r"|couldn't connect to 'https"
            r"|is not a local folder and is not a valid model|Invalid repository ID or local directory|No safetensors"
        ),
        meaning="model.source has no usable model",
        why="if the directory lacks the files, vLLM searches for them on the internet",
        fix="correct model.source, and check that every node has the whole directory",
        source=f"{_VLLM}/model_executor/model_loader/loader.py",
    ),
    KnownError(
        pattern=r"Model architectures \[.*\] are not supported",
        meaning="this vLLM does not know the model's architecture",
        why="support depends on the release",
        fix="use a model that the release supports (ascend-vllm models), or a newer image",
        source=f"{_VLLM}/model_executor/models/registry.py",
    ),
    KnownError(
        pattern=r"rope_scaling.{0,40}must be a dictionary|has no attribute '_?init_rope",
        meaning="the image's transformers version does not support the model",
        why="the model's config.json is newer than transformers",
        fix="install the version from the FAQ: transformers 4.43.1 for Llama 3.1, 4.42 for SmoothQuant",
        source=_FAQ,
    ),
    KnownError(
        pattern=(
            r"torchair.*(?:error|fail|exception)|\bGE\w* .*(?:fail|error)|graph (?:compil|captur)\w*.*(?:fail|error)"
            r"|\bE[CZ][0-9]{4}\b"
        ),
        meaning="a graph could not be compiled",
        why="graph mode compiles the model for its batch sizes; an operator, a gear or a stale cache prevents it",
        fix="remove the service's directory below graph.cache on the node, use fewer graph.gears, or try graph: eager",
        source="https://docs.vllm.ai/projects/ascend/en/latest/faqs.html",
    ),
    KnownError(
        pattern=r"No space left on device",
        meaning="a disk is full",
        why="a cache, a log or a core dump filled the node's disk or /dev/shm",
        fix="free disk space on the node, or raise resources.shm",
        source=f"{_ISSUES}/3717",
    ),
    KnownError(
        pattern=r"FileNotFoundError|No such file or directory",
        meaning="a file is missing",
        why="the image, the node or the launch lacks the file that the line names",
        fix="correct the path in the stack file, or create the file there",
        source=f"{_VLLM}/engine/arg_utils.py",
    ),
    KnownError(
        pattern=r"ModuleNotFoundError|No module named|ImportError",
        meaning="a Python module is missing in the image",
        why="the image belongs to another release, or a library of CANN cannot be loaded",
        fix="use the image from the manual of the release",
        source=_FAQ,
    ),
)
"""The known errors, the most specific first; the first one that occurs in the log is reported."""
