"""The first cause is found in long logs of several processes, and what is shown of them stays short."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from cluster.service import LINES_OF_ENDED, SHOWN, State, WatchedService, look
from cluster.status_text import state_text
from models.engines.releases import release
from models.engines.root_cause import find_cause
from models.manifests.metadata import VERSION_LABEL
from tests.cluster.objects import BUDGET, RESOURCE, container, deployment, ended, node, pod, snapshot, waiting
from tests.cluster.reader import FakeReader

pytestmark = pytest.mark.slow

NOISE = (
    "INFO 11-20 10:00:00 api_server.py:528] vLLM API server version 0.6.3",
    "INFO 11-20 10:00:00 api_server.py:529] args: Namespace(trust_remote_code=True, speculative_model=None)",
    'WARNING 11-20 10:00:01 [_custom_ops.py:20] Failed to import from vllm._C with ModuleNotFoundError("No module")',
    "/opt/py/torch_npu/transfer_to_npu.py:295: ImportWarning: torch.cuda.DtypeTensor are replaced",
    "Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:00<00:02]",
    "[INFO] HCCL(860,): [externalinput.cc:372] [860]HCCL_CONNECT_TIMEOUT set by default to [120]s",
)
CAUSES = (
    ("RuntimeError: NPU out of memory. Tried to allocate 3.47 GiB (NPU 0; 60.97 GiB total capacity)", "npu-memory"),
    ("ValueError: No available memory for the cache blocks.", "kv-memory"),
    (
        "EJ0003: [PID: 159] Failed to bind the IP port. Reason: The IP address and port have been bound already.",
        "hccl-port",
    ),
    ("RuntimeError: SetDevice:build/x.ts:1 NPU function error: SetDevice, error code is 507033", "device-index"),
    ("safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge", "weights-broken"),
)
OLD_END = "RuntimeError: Engine process failed to start"
NEW_END = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
WORKER = "RuntimeError: Worker failed with error 'x', please check the stack trace above for the root cause"


def traceback(frames: int, prefix: str = "") -> list[str]:
    """A traceback without its last line; the code that it quotes contains words of known errors."""
    lines = ["Traceback (most recent call last):"]
    for number in range(frames):
        lines += [
            f'  File "/opt/vllm/engine/multiprocessing/engine.py", line {number}, in run',
            '    raise ValueError("No space left on device: FileNotFoundError, EI0006")',
        ]
    return [prefix + line for line in lines]


def noise(chance: random.Random, count: int) -> list[str]:
    return [chance.choice(NOISE) for _ in range(count)]


@pytest.mark.parametrize("seed", range(15))
def test_the_cause_of_vllm_0_6_3_is_found_above_the_traceback_of_the_api_server(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # for test data
    line, id = chance.choice(CAUSES)
    above = noise(chance, chance.randrange(200))
    below = traceback(chance.randrange(10, 125))
    log = [*above, "Process SpawnProcess-1:", *traceback(8), line, *below, OLD_END, *noise(chance, 3)]

    cause = find_cause(log, release("0.6.3").known_errors)

    assert cause
    assert cause.known
    assert (cause.known.id, cause.line) == (id, line)


@pytest.mark.parametrize("seed", range(15))
def test_the_first_error_of_an_engine_process_is_the_cause(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # for test data
    line, id = chance.choice(CAUSES)
    first = "(Worker_TP0 pid=9) ERROR 08-20 10:00:00 [multiproc_executor.py:671] "
    other = "(Worker_TP1 pid=10) ERROR 08-20 10:00:02 [multiproc_executor.py:671] "
    engine = "(EngineCore_DP0 pid=8) ERROR 08-20 10:00:03 [core.py:708] "
    server = "(APIServer pid=1) "
    log = [
        *noise(chance, chance.randrange(100)),
        first + "WorkerProc failed to start.",
        *traceback(20, first),
        first + line,
        *traceback(20, other),
        other + "RuntimeError: HCCL function error: hcclCommInitRootInfoConfig, error code is 1",
        other + "EI0006: Getting socket times out. Reason: the remote rank did not connect",
        engine + "EngineCore failed to start.",
        *traceback(20, engine),
        engine + WORKER,
        *traceback(chance.randrange(10, 60), server),
        server + "OSError: [Errno 98] Address already in use",
        server + NEW_END,
    ]

    cause = find_cause(log, release("0.23.0").known_errors)

    assert cause
    assert cause.known
    assert (cause.known.id, cause.line) == (id, line)


def test_an_exception_that_nothing_describes_is_the_cause_rather_than_its_consequence() -> None:
    engine = "(EngineCore pid=8) ERROR 08-20 10:00:03 [core.py:708] "
    log = [
        "WARNING 05-14 01:44:20 [camem.py:66] Failed to import vllm_ascend_C: undefined symbol: aclrtCtxGet",
        *traceback(5, engine),
        engine + "ZeroDivisionError: division by zero",
        *traceback(5, "(APIServer pid=1) "),
        "(APIServer pid=1) " + NEW_END,
    ]

    cause = find_cause(log, release("0.23.0").known_errors)

    assert cause
    assert (cause.known, cause.line) == (None, "ZeroDivisionError: division by zero")


def test_a_log_of_a_start_that_succeeds_has_no_cause() -> None:
    for version in ("0.6.3", "0.23.0"):
        assert find_cause(NOISE, release(version).known_errors) is None


def state_with(lines: list[str], version: str = "0.6.3") -> State:
    status = {"state": waiting("CrashLoopBackOff"), "lastState": ended(1), "restartCount": 3}
    item: dict[str, Any] = pod("qwen", container(**status), phase="Running")
    item["metadata"]["labels"][VERSION_LABEL] = version
    item_snapshot = snapshot(item, nodes=[node()], deployments=[deployment("qwen", availableReplicas=0)])
    service = WatchedService("qwen", RESOURCE, BUDGET)
    _, states = asyncio.run(look(FakeReader([item_snapshot], lines), [service], wide=True))
    return states[0]


def test_the_line_of_the_cause_is_shown_above_the_last_lines() -> None:
    line = "RuntimeError: NPU out of memory. Tried to allocate 3.47 GiB"
    state = state_with([*NOISE, line, *traceback(120), OLD_END])

    assert state.finding
    assert state.finding.message.endswith(": an NPU has too little memory")
    assert state.log[:2] == (line, "...")
    assert state.log[-1] == OLD_END
    assert len(state.log) == SHOWN
    assert f"| {line}" in state_text(state)


def test_the_last_lines_alone_are_shown_if_they_contain_the_cause() -> None:
    line = "RuntimeError: NPU out of memory. Tried to allocate 3.47 GiB"
    state = state_with([*NOISE, *traceback(20), line, OLD_END])

    assert "..." not in state.log
    assert state.log[-2:] == (line, OLD_END)


def test_an_exception_is_named_without_its_credentials() -> None:
    line = "(EngineCore pid=8) ERROR 08-20 10:00:03 [core.py:7] FooError: bad url https://user:hunter2@host/x"
    state = state_with([line, *traceback(30), "(APIServer pid=1) " + NEW_END], "0.23.0")

    assert state.finding
    assert "FooError: bad url https://" in state.finding.message
    assert "hunter2" not in state_text(state)


def test_a_cause_above_the_bound_is_not_read() -> None:
    line = "RuntimeError: NPU out of memory. Tried to allocate 3.47 GiB"
    state = state_with([line, *["INFO 11-20 10:00:00 x"] * LINES_OF_ENDED])

    assert state.finding
    assert "memory" not in state.finding.message


def test_the_most_precise_line_of_a_message_is_the_cause() -> None:
    log = [
        "RuntimeError: create_config: HCCL function error: hcclCommInitRootInfoConfig, error code is 9",
        "[ERROR] 2025-10-10-17:15:01 (PID:1195, Device:0, RankID:-1) ERR02200 DIST call hccl api failed.",
        "EI0006: [PID: 1195] Getting socket times out. Reason: the remote rank did not connect",
    ]

    cause = find_cause(log, release("0.6.3").known_errors)

    assert cause
    assert cause.known
    assert cause.known.id == "hccl-timeout"


def test_a_rank_that_waited_for_another_one_is_not_the_cause() -> None:
    first = "(Worker_TP0 pid=9) ERROR 08-20 10:00:00 [multiproc_executor.py:671] "
    other = "(Worker_TP1 pid=10) ERROR 08-20 10:02:00 [multiproc_executor.py:671] "
    log = [
        *traceback(20, first),
        first + "ZeroDivisionError: division by zero",
        *traceback(20, other),
        other + "EI0006: [PID: 1195] Getting socket times out. Reason: the remote rank did not connect",
    ]

    cause = find_cause(log, release("0.23.0").known_errors)

    assert cause
    assert cause.line == "ZeroDivisionError: division by zero"


def test_an_npu_that_another_container_uses_is_named_below_the_line_of_the_driver() -> None:
    log = ["DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)", "dcmi module initialize failed. ret is -8005"]

    cause = find_cause(log, release("0.6.3").known_errors)

    assert cause
    assert cause.known
    assert cause.known.id == "device-busy"
