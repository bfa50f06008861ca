"""Log lines of vLLM 0.18.0 and later, of the plugin and of CANN are explained, and ordinary lines are not."""

from __future__ import annotations

import pytest

from models.engines.log_lines import KnownError, find_phase
from models.engines.releases import VERSIONS, release
from models.engines.root_cause import find_error

KNOWN_ERRORS = release("0.23.0").known_errors
START_PHASES = release("0.23.0").start_phases
ENGINE = "(EngineCore pid=366) ERROR 08-20 10:00:00 [core.py:1099] "

FAILED = [
    (
        "RuntimeError: NPU out of memory. Tried to allocate 22.00 MiB (NPU 6; 60.97 GiB total capacity; 10.24 GiB "
        "already allocated; 19.79 MiB free)",
        "an NPU has too little memory",
    ),
    (
        "ValueError: Free memory on device (20.1/60.97 GiB) on startup is less than desired GPU memory utilization "
        "(0.92, 56.09 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.",
        "another process uses memory of the NPU",
    ),
    (
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "the weights leave no memory for the KV cache",
    ),
    (
        "ValueError: To serve at least one request with the models's max seq len (131072), (16.0 GiB KV cache is "
        "needed, which is larger than the available KV cache memory (9.97 GiB). Based on the available memory, the "
        "estimated maximum model length is 81664.",
        "the KV cache is too small for one request of maxModelLen tokens",
    ),
    (
        "ValueError: The model's max seq len (163840) is larger than the maximum number of tokens that can be stored "
        "in KV cache (13360).",
        "the KV cache is too small for one request of maxModelLen tokens",
    ),
    ("ERROR: ModelSlim Quantization Config Not Found", "the weights have no quant_model_description.json"),
    (
        "ValueError: awq quantization is currently not supported in npu.",
        "the NPU or the image's build does not support the quantization",
    ),
    (
        "NotImplementedError: Currently, vLLM Ascend doesn't support W4A16 for linear.",
        "the NPU does not support the quantization of the weights",
    ),
    (
        "ValueError: Quantization method specified in the model config (fp8) does not match the quantization method "
        "specified in the `quantization` argument (ascend).",
        "quantization differs from the weights",
    ),
    (
        "ValueError: Model architectures ['FooForCausalLM'] are not supported for now. Supported architectures:",
        "this vLLM does not know the model's architecture",
    ),
    (
        "ValueError: The checkpoint you are trying to load has model type `qwen9` but Transformers does not recognize "
        "this architecture.",
        "this vLLM does not know the model's architecture",
    ),
    (
        "RuntimeError: Failed to load the model config. If the model is a custom model not yet available in the "
        "HuggingFace transformers library, consider setting `trust_remote_code=True` in LLM",
        "the model contains its own code",
    ),
    (
        "ValueError: User-specified max_model_len (65536) is greater than the derived max_model_len (max_position",
        "maxModelLen exceeds the length of the model",
    ),
    (
        "RuntimeError: Qwen3ReasoningParser reasoning parser could not locate think start/end tokens in the tokenizer!",
        "the parser does not belong to the model or to this release",
    ),
    (
        "OSError: /mnt/models/Qwen3 does not appear to have a file named config.json.",
        "model.source has no usable model",
    ),
    ("ImportError: libascend_hal.so: cannot open shared object file", "the container does not see the NPU driver"),
    (
        "ImportError: libatb.so: cannot open shared object file: No such file or directory",
        "CANN is not set up in the container",
    ),
    (
        "OSError: /usr/local/python3/site-packages/torch_npu/lib/libop_plugin_atb.so: undefined symbol: _ZN3atb",
        "torch_npu and CANN do not match",
    ),
    (
        "RuntimeError: SetPrecisionMode:build/torch_npu.dir/compiler_depend.ts:156 NPU function error: "
        "at_npu::native::AclSetCompileopt(aclCompileOpt::ACL_PRECISION_MODE, precision_mode), error code is 500001",
        "torch_npu and CANN do not match",
    ),
    (
        "AttributeError: module 'torch_npu' has no attribute '_npu_flash_attention'",
        "torch_npu and CANN do not match",
    ),
    ("drvRet=87, driver version does not match", "driver and CANN do not match, or the NPU does not answer"),
    ("RuntimeError: NPU function error: aclrtSetDevice, error code is 507033", "an NPU cannot be opened"),
    (
        "[ERROR] HCCL(2717,python3): [hccl_socket.cc:100] socket type[1], listen on ip[192.168.20.160] and specific "
        "port[16666] fail. Please check the port status",
        "the port of the NPUs' communication is in use (HCCL)",
    ),
    (
        "[PID: 749] 2025-12-29-03:16:15.787.356 Get_Socket_Timeout(EI0006): Getting socket times out. Reason: 1. The "
        "remote does not initiate a connect request.",
        "the NPUs did not connect to each other in time (HCCL)",
    ),
    (
        "[ERROR] HCCL(106335,): [hccl_socket_manager.cc:796] wait socket establish timeout, role[0] timeout[120 s]",
        "the NPUs did not connect to each other in time (HCCL)",
    ),
    (
        "EI0009: [PID: 2225827] Transport init error. Reason: [Create][DestLink]Create Dest error!",
        "the NPUs' communication did not start (HCCL)",
    ),
    (
        "No available shared memory broadcast block found in 60 seconds.",
        "shared memory (/dev/shm) is too small, or a process of the engine hangs",
    ),
    ("OSError: [Errno 98] Address already in use", "the port is in use"),
    ("RuntimeError: can't start new thread", "no thread can be started"),
    (
        "vllm: error: unrecognized arguments: --num-scheduler-steps=8",
        "the image's vLLM does not know an argument",
    ),
    ("OSError: [Errno 28] No space left on device", "a disk is full"),
    ("bash: /opt/chat.jinja: No such file or directory", "a file is missing"),
    ("ModuleNotFoundError: No module named 'mooncake'", "a Python module is missing in the image"),
    (
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
        "the engine's process ended during its start",
    ),
]

ORDINARY = [
    "INFO 08-20 10:00:00 [__init__.py:207] Platform plugin ascend is activated",
    'WARNING 08-20 10:00:00 [_custom_ops.py:20] Failed to import from vllm._C with ModuleNotFoundError("No module '
    "named 'vllm._C'\")",
    "(APIServer pid=1) INFO [utils.py:233] non-default args: {'model': '/m', 'trust_remote_code': True, 'port': 8000}",
    "(EngineCore pid=9) INFO [core.py:104] Initializing a V1 LLM engine (v0.23.0) with config: trust_remote_code=True, "
    "quantization=ascend",
    "[INFO] HCCL(860,): [externalinput.cc:372] [860]HCCL_CONNECT_TIMEOUT set by default to [120]s",
    '(APIServer pid=1) INFO:     10.0.0.1:4711 - "GET /health HTTP/1.1" 200 OK',
]

PHASES = [
    ("(APIServer pid=1) INFO [utils.py:233] non-default args: {'model': '/m'}", "starting the engine"),
    ("(EngineCore pid=9) INFO [core.py:104] Initializing a V1 LLM engine (v0.23.0) with config", "starting the engine"),
    ("(Worker_TP0 pid=9) INFO [model_runner_v1.py:3718] Starting to load model /m...", "loading weights"),
    ("Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:00<00:02]", "loading weights (25 %)"),
    ("INFO [model_runner_v1.py:3794] Loading model weights took 14.2488 GB", "weights are loaded"),
    ("INFO [worker.py:594] Available KV cache memory: 38.51 GiB", "reserving the KV cache"),
    ("INFO [kv_cache_utils.py:1744] GPU KV cache size: 720,128 tokens", "reserving the KV cache"),
    ("Capturing CUDA graphs (decode, FULL):  57%|#####     | 4/7", "capturing graphs (57 %)"),
    ("INFO [vllm.py:1055] Enforce eager set, disabling torch.compile and CUDAGraphs.", ""),
    ("INFO [gpu_model_runner.py:6586] Graph capturing finished in 21 secs, took 0.40 GiB", "compiling graphs"),
    ("INFO [core.py:314] init engine (profile, create kv cache, warmup model) took 40.20 s", "starting the server"),
    ("(APIServer pid=1) INFO:     Application startup complete.", "serving"),
]


def known_error(line: str) -> KnownError | None:
    return find_error(["INFO 08-20 loading", line, "[ERROR] exiting"], KNOWN_ERRORS)


@pytest.mark.parametrize(("line", "meaning"), FAILED, ids=[line[:40] for line, _ in FAILED])
def test_an_error_is_translated(line: str, meaning: str) -> None:
    for text in (line, ENGINE + line):
        known = known_error(text)
        assert known
        assert known.meaning == meaning


def test_the_cause_is_reported_before_the_end_of_the_engine() -> None:
    last = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
    exceptions = [(line, meaning) for line, meaning in FAILED if not line.startswith("bash:")]
    for line, meaning in exceptions:
        known = find_error([line, last], KNOWN_ERRORS)
        assert known
        assert known.meaning == meaning


@pytest.mark.parametrize("line", ORDINARY)
def test_a_line_of_every_start_is_no_error(line: str) -> None:
    assert known_error(line) is None


@pytest.mark.parametrize(("line", "phase"), PHASES)
def test_a_log_line_shows_the_phase_of_the_start(line: str, phase: str) -> None:
    assert find_phase([line], START_PHASES) == phase


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_every_release_of_the_plugin_knows_these_errors(version: str) -> None:
    assert release(version).known_errors == KNOWN_ERRORS
    assert release(version).start_phases == START_PHASES
