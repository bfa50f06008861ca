"""What vLLM, CANN and the driver say when a start fails, in words: a table, the most telling entries first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_VLLM = "https://github.com/vllm-project/vllm/blob/v0.6.3/vllm"
_ISSUES = "https://github.com/vllm-project/vllm-ascend/issues"
_FAQ = "https://support.huaweicloud.com/bestpractice-modelarts/modelarts_llm_infer_91237.html"


@dataclass(frozen=True)
class KnownError:
    """An error message and what it means."""

    pattern: str
    """Regular expression that finds it in a line, case ignored."""
    words: str
    """What happened."""
    why: str
    fix: str
    source: str
    """Where the message, its cause or its cure is told."""


KNOWN_ERRORS = (
    KnownError(
        r"(?:NPU|CUDA) out of memory|EL0004|aclrtMalloc\w* .*207001",
        "an NPU has too little memory",
        "weights, activations and KV cache together are more than the NPU has, or somebody else uses it",
        "lower engine.gpuMemoryUtilization, maxModelLen or maxNumSeqs, or use more NPUs; see ascend-vllm check -v",
        _FAQ,
    ),
    KnownError(
        r"No available memory for the cache blocks",
        "the weights leave no memory for the KV cache",
        "the engine's share of the NPU's memory (gpuMemoryUtilization) is used up by weights and activations",
        "raise engine.gpuMemoryUtilization, use more NPUs, or quantize; see ascend-vllm check -v",
        f"{_VLLM}/worker/worker.py",
    ),
    KnownError(
        r"max seq len \(\d+\) is larger than the maximum number of tokens",
        "the KV cache is smaller than one request of maxModelLen",
        "the memory that is left holds fewer tokens than maxModelLen",
        "lower engine.maxModelLen, raise gpuMemoryUtilization, or use more NPUs",
        f"{_VLLM}/worker/worker.py",
    ),
    KnownError(
        r"libascend_hal\.so|libdrvdsmi|libdcmi\.so|dcmi\w* (?:init|model).*fail|dcmi module initialize failed",
        "the container does not see the NPU driver",
        "libascend_hal and dcmi belong to the node's driver, which is mounted from it",
        "correct cluster.platform.driver, or install the driver on the node",
        f"{_ISSUES}/1440",
    ),
    KnownError(
        r"drv(?:Err|Ret)\w*\s*[=:(]|driver version .*(?:mismatch|not match)|Version mismatch.*driver|\b-8020\b|EE1001",
        "driver and CANN do not match, or the NPU does not answer",
        "the CANN of the image needs a driver that is new enough, and an NPU that is well",
        "see npu-smi info on the node; take the driver of the image's release (manual, Step 1)",
        f"{_ISSUES}/2698",
    ),
    KnownError(
        r"Failed to infer device type|libhccl\.so|libatb\.so|libascendcl\.so|No module named 'torch_npu'",
        "CANN is not set up in the container",
        "the libraries of CANN are found after its set_env.sh was sourced",
        "correct cluster.platform.initFile, the file of the image that the launch script sources, or the image",
        f"{_ISSUES}/262",
    ),
    KnownError(
        r"\b507033\b|\b107001\b|invalid device ?id|Resource_Busy|-8005",
        "an NPU cannot be opened",
        "the index is not one of the pod's NPUs, or another container holds the NPU",
        "leave visibleDevices out; see npu-smi info on the node for processes that were left",
        f"{_ISSUES}/9428",
    ),
    KnownError(
        r"EI0006|EI0002|HCCL_(?:CONNECT|EXEC)_TIMEOUT|hccl\w* .*time ?out|notify wait timeout|get socket timeout",
        "the NPUs did not find each other in time (HCCL)",
        "a rank is missing, was slow, or the NPU network does not connect them",
        "see the other ranks' lines first; check /etc/hccn.conf and hccn_tool; raise HCCL_CONNECT_TIMEOUT under env",
        _FAQ,
    ),
    KnownError(
        r"EJ0001|EI0004|EI0005|HcclCommInit\w*.*(?:fail|error)|hcclComm\w*.*fail|HCCL function error|hccl.*init.*fail",
        "the NPUs' communication did not start (HCCL)",
        "a bad rank table, a port that is taken (two pods on the host network), or NPUs left busy by a process before",
        "see npu-smi info for processes that were left; give HCCL_IF_BASE_PORT under env where pods share a network",
        f"{_ISSUES}/405",
    ),
    KnownError(
        r"No available shared memory broadcast block|Bus error"
        r"|unable to (?:open|write to) (?:shared memory|file </torch)",
        "shared memory (/dev/shm) is too small, or a process of the engine hangs",
        "the engine's processes hand each other data through /dev/shm, which has resources.shm",
        "raise resources.shm; if it is large, see what the other processes said before",
        f"{_ISSUES}/3717",
    ),
    KnownError(
        r"can't start new thread|pthread_create failed|Resource temporarily unavailable",
        "no thread can be started",
        "the limit of processes is reached, or the runtime's seccomp profile is older than the image's libc (clone3)",
        "write cluster.seccomp: Unconfined or update the node's container runtime; or raise the kubelet's podPidsLimit",
        "https://github.com/moby/moby/issues/42680",
    ),
    KnownError(
        r"Address already in use|\[Errno 98\]|error while attempting to bind on address",
        "the port is taken",
        "another process of the container, or of the node where pods share its network, listens there",
        "give another server.port; do not use the host's network",
        f"{_VLLM}/entrypoints/openai/api_server.py",
    ),
    KnownError(
        r"(?:trust[_-]remote[_-]code.{0,40}True|execute the configuration file in that repo|contains custom code)",
        "the model brings code of its own",
        "transformers runs it only when it is trusted",
        "set engine.trustRemoteCode: true, if you trust the model's files",
        f"{_VLLM}/transformers_utils/config.py",
    ),
    KnownError(
        r"unrecognized arguments:|invalid choice: .*\(choose from",
        "the image's vLLM does not know an argument",
        "the image holds another release than engine.version",
        "use the image of that release, or correct engine.version",
        f"{_VLLM}/engine/arg_utils.py",
    ),
    KnownError(
        r"Can't load tokenizer|Unable to load vocabulary|Tokenizer class \S+ does not exist|tokenizer\.\w+.*not found",
        "the tokenizer is missing or cannot be read",
        "tokenizer files lie beside the weights, and a class of its own needs the model's code",
        "complete the model's directory on every node, or set engine.trustRemoteCode: true",
        f"{_VLLM}/transformers_utils/tokenizer.py",
    ),
    KnownError(
        r"Cannot find any model weights|does not appear to have a file named|Repo id must be|couldn't connect to 'https"
        r"|is not a local folder and is not a valid model|Invalid repository ID or local directory|No safetensors",
        "the model is not where the stack says",
        "without the files in the directory vLLM would look for them on the internet",
        "correct model.source, and see that every node has the whole directory",
        f"{_VLLM}/model_executor/model_loader/loader.py",
    ),
    KnownError(
        r"Model architectures \[.*\] are not supported",
        "this vLLM does not know the model's architecture",
        "support depends on the release",
        "use a model of the release's list (ascend-vllm models), or a newer image",
        f"{_VLLM}/model_executor/models/registry.py",
    ),
    KnownError(
        r"rope_scaling.{0,40}must be a dictionary|has no attribute '_?init_rope",
        "the image's transformers does not suit the model",
        "the model's config.json is newer than transformers",
        "install the release that the FAQ names: transformers 4.43.1 for Llama 3.1, 4.42 for SmoothQuant",
        _FAQ,
    ),
    KnownError(
        r"torchair.*(?:error|fail|exception)|\bGE\w* .*(?:fail|error)|graph (?:compil|captur)\w*.*(?:fail|error)"
        r"|\bE[CZ][0-9]{4}\b",
        "a graph could not be compiled",
        "graph mode compiles the model for its batch sizes, and an operator, a gear or a stale cache does not fit",
        "remove SERVICE below graph.cache on the node, use fewer graph.gears, or try graph: eager",
        "https://docs.vllm.ai/projects/ascend/en/latest/faqs.html",
    ),
    KnownError(
        r"No space left on device",
        "a disk is full",
        "a cache, a log or a core dump filled the node's disk or /dev/shm",
        "make room on the node, or raise resources.shm",
        f"{_ISSUES}/3717",
    ),
    KnownError(
        r"FileNotFoundError|No such file or directory",
        "a file is missing",
        "the image, the node or the launch lacks what the line names",
        "correct the path in the stack file, or put the file where it says",
        f"{_VLLM}/engine/arg_utils.py",
    ),
    KnownError(
        r"ModuleNotFoundError|No module named|ImportError",
        "a Python module is missing in the image",
        "the image is not the release's, or a library of CANN cannot be loaded",
        "use the image that the release's manual builds",
        _FAQ,
    ),
)
"""The known errors; the first of the table that the last lines show is the one that is told."""


def known_error(lines: Sequence[str]) -> KnownError | None:
    """What the last lines of a container mean, if that is known."""
    text = "\n".join(lines)
    return next((known for known in KNOWN_ERRORS if re.search(known.pattern, text, re.IGNORECASE)), None)
