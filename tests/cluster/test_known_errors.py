"""Errors in the logs of vLLM, CANN and the driver are explained, and credentials in them are hidden."""

from __future__ import annotations

import pytest

from models.credentials import masked
from models.engines.log_lines import KnownError
from models.engines.releases import DEFAULT_VERSION, release
from models.engines.root_cause import find_error

KNOWN_ERRORS = release(DEFAULT_VERSION).known_errors


def known_error(lines: list[str]) -> KnownError | None:
    return find_error(lines, KNOWN_ERRORS)


SAID = [
    (
        "RuntimeError: NPU out of memory. Tried to allocate 2.00 GiB (NPU 0; 60.97 GiB total capacity)",
        "an NPU has too little memory",
    ),
    (
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "the weights leave no memory for the KV cache",
    ),
    (
        "ValueError: The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in "
        "KV cache (15424).",
        "the KV cache is too small for one request of maxModelLen tokens",
    ),
    (
        "ImportError: libascend_hal.so: cannot open shared object file: No such file or directory",
        "the container does not see the NPU driver",
    ),
    ("dcmi module initialize failed. ret is -8005", "another container uses the NPU"),
    ("[Init][Device]drvRet=87, open device failed", "driver and CANN do not match, or the NPU does not answer"),
    ("drvErr=4, halGetDeviceInfo failed", "driver and CANN do not match, or the NPU does not answer"),
    ("RuntimeError: Failed to infer device type", "CANN is not set up in the container"),
    ("ImportError: libhccl.so: cannot open shared object file", "CANN is not set up in the container"),
    ("RuntimeError: SetDevice failed, error code is 507033", "an NPU cannot be opened"),
    (
        "EI0006: Getting socket times out. Reason: Remote Rank did not send the data",
        "the NPUs did not connect to each other",
    ),
    ("[ERROR] HCCL_CONNECT_TIMEOUT is set to 120s", "the NPUs did not connect to each other"),
    (
        "EJ0001: Failed to initialize the HCCP process.",
        "communication",
    ),
    ("hcclCommInitRootInfoConfig failed, error code: 7", "communication did not start"),
    ("No available shared memory broadcast block found in 60 second.", "shared memory (/dev/shm) is too small"),
    ("Bus error (core dumped)", "shared memory (/dev/shm) is too small"),
    ("RuntimeError: can't start new thread", "no thread can be started"),
    ("OpenBLAS blas_thread_init: pthread_create failed for thread 1 of 64", "no thread can be started"),
    ("OSError: [Errno 98] Address already in use", "the port is in use"),
    (
        "ValueError: Loading /mnt/models/x requires you to execute the configuration file in that repo on your local "
        "machine. Make sure you have read the code there, then set the option `trust_remote_code=True`",
        "the model contains its own code",
    ),
    ("api_server.py: error: unrecognized arguments: --no-enable-prefix-caching", "does not know an argument"),
    ("OSError: Can't load tokenizer for '/mnt/models/x'. If you were trying to load it", "the tokenizer is missing"),
    (
        "OSError: /mnt/models/x does not appear to have a file named config.json.",
        "model.source has no usable model",
    ),
    (
        "RuntimeError: Cannot find any model weights with `/mnt/models/Qwen2-7B-Instruct`",
        "model.source has no usable model",
    ),
    (
        "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name'",
        "model.source has no usable model",
    ),
    (
        "ValueError: Model architectures ['Qwen3ForCausalLM'] are not supported for now.",
        "this vLLM does not know the model's architecture",
    ),
    (
        "ValueError: `rope_scaling` must be a dictionary with two fields, `type` and `factor`",
        "the image's transformers version does not support the model",
    ),
    ("torchair.core._torchair: RuntimeError: Failed to compile", "a graph could not be compiled"),
    ("EZ9999: Inner Error!", "an operator failed on the NPU"),
    ("OSError: [Errno 28] No space left on device: '/root/.cache'", "a disk is full"),
    ("/home/run_vllm.sh: line 3: /home/ma-user/.bashrc: No such file or directory", "a file is missing"),
    ("ModuleNotFoundError: No module named 'vllm'", "a Python module is missing in the image"),
]


@pytest.mark.parametrize(("line", "words"), SAID, ids=[line[:40] for line, _ in SAID])
def test_an_error_of_the_engine_is_translated(line: str, words: str) -> None:
    known = known_error(["INFO 11-22 10:00:00 loading", line, "[ERROR] exiting"])

    assert known is not None
    assert words in known.meaning


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["INFO: Uvicorn running on http://0.0.0.0:8080"],
        ["INFO: 10.0.0.1:4711 - GET /health 200 OK"],
        ["Using torchair for graphs", "WARNING: CUDA graphs are not supported"],
    ],
)
def test_ordinary_log_lines_match_no_error(lines: list[str]) -> None:
    assert known_error(lines) is None


SECRET = "sk-abcDEF123456"


@pytest.mark.parametrize(
    "line",
    [
        "python -m vllm --api-key={} --port 8080",
        "python -m vllm --api-key {} --port 8080",
        "args: ['--api-key', '{}', '--port']",
        "args: Namespace(api_key='{}', port=8080)",
        "args: Namespace(api_key=['{}'], port=8080)",
        "VLLM_API_KEY={}",
        "export HF_TOKEN={}",
        '{{"api_key": "{}", "n": 1}}',
        "Authorization: Bearer {}",
        "authorization: basic {}",
        "header 'Bearer {}' is wrong",
        "GET /v1/models?token={}&x=1",
        "GET /v1/models?access_token={}",
        "password: {}",
        "pull https://user:{}@registry.example.com/v2/ failed",
    ],
)
def test_credentials_in_a_log_line_are_hidden(line: str) -> None:
    shown = masked(line.format(SECRET))

    assert SECRET not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "line",
    [
        "args: Namespace(api_key=None, port=8080)",
        "max_tokens=4096, tokenizer='/mnt/models/x', skip_special_tokens=True",
        "num_batched_tokens: 4096",
        "prompt throughput: 10.0 tokens/s",
        "GET http://qwen.inference.svc:8080/health",
    ],
)
def test_text_that_only_resembles_a_credential_is_shown(line: str) -> None:
    assert masked(line) == line
