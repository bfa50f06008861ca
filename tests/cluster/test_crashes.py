"""Why the containers of a pod ended, init containers included."""

from __future__ import annotations

from typing import Any

import pytest

from models.manifests.metadata import VERSION_LABEL
from tests.cluster.judged import BACK_OFF, judged, with_event, with_log
from tests.cluster.objects import container, ended, pod, running, waiting


@pytest.mark.parametrize(
    ("status", "rule", "severity", "message", "reason"),
    [
        (
            {"state": BACK_OFF, "lastState": ended(1), "restartCount": 4},
            "crash-loop",
            "error",
            "the server ended with exit code 1, 4 times",
            "it backs off",
        ),
        (
            {"state": ended(1)},
            "crash",
            "warning",
            "the server ended with exit code 1",
            "once may be chance",
        ),
        (
            {"state": running(5), "lastState": ended(139), "restartCount": 2},
            "crash-loop",
            "error",
            "the server ended with exit code 139 (SIGSEGV), 2 times",
            "it crashed twice and runs for the third time",
        ),
        (
            {"state": ended(1), "lastState": ended(1), "restartCount": 1},
            "crash-loop",
            "error",
            "the server ended with exit code 1, 2 times",
            "twice, and it is just over",
        ),
        (
            {"state": running(5), "lastState": ended(255, lived=90_000), "restartCount": 3},
            "crash",
            "warning",
            "the server ended with exit code 255, 3 times",
            "it lived for a day: that is no crash at start",
        ),
        (
            {"state": BACK_OFF, "lastState": ended(137, "OOMKilled"), "restartCount": 2},
            "out-of-memory",
            "error",
            "the container ascend-vllm ran out of host memory and was killed, 2 times",
            "the kernel killed it",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value and "exit" not in value else "",
)
def test_a_container_that_ended_is_reported_with_the_number_of_times(
    status: dict[str, Any], rule: str, severity: str, message: str, reason: str
) -> None:
    finding = judged(pod("qwen", container(**status), phase="Running"))

    assert finding is not None, reason
    assert (finding.rule, finding.severity, finding.message) == (rule, severity, message), reason


@pytest.mark.parametrize(
    ("version", "fix"),
    [
        ("0.6.3", "raise resources.memory, or lower swapSpace under engine.extraArgs"),
        ("0.23.0", "raise resources.memory"),
    ],
)
def test_only_a_release_that_swaps_is_told_to_swap_less(version: str, fix: str) -> None:
    killed = container(state=BACK_OFF, lastState=ended(137, "OOMKilled"), restartCount=2)
    item = pod("qwen", killed, phase="Running")
    item["metadata"].setdefault("labels", {})[VERSION_LABEL] = version

    finding = judged(item)

    assert finding is not None
    assert finding.fix == fix


@pytest.mark.parametrize(
    ("probe", "rule", "message"),
    [
        ("startup", "startup-budget-spent", "the server did not answer within 12 min (startup) and was killed"),
        ("liveness", "liveness-killed", "the server stopped answering and was killed"),
    ],
)
def test_a_container_killed_by_a_probe_is_reported_as_such(probe: str, rule: str, message: str) -> None:
    item = pod("qwen", container(state=running(5), lastState=ended(137), restartCount=1), phase="Running")
    said = f"Container ascend-vllm failed {probe} probe, will be restarted"
    finding = judged(*with_event(item, ("Killing", said), ("Unhealthy", f"{probe} probe failed")))

    assert finding is not None
    assert (finding.rule, finding.message) == (rule, message)


def test_an_init_container_that_fails_is_named() -> None:
    failing = container("convert-eagle", state=BACK_OFF, lastState=ended(2), restartCount=3)
    item = pod("qwen", container(state=waiting("PodInitializing")), status={"initContainerStatuses": [failing]})
    finding = judged(item)

    assert finding is not None
    assert finding.rule == "init-failed"
    assert finding.message == "init container convert-eagle failed with exit code 2, 3 times"


FETCHED = "weights: fetched 28 % (41.2 GiB of 145.0 GiB, 320.0 MiB/s, 6 min left)"


@pytest.mark.parametrize(
    ("lines", "message", "why"),
    [
        (
            (FETCHED,),
            "init container fetch-model has been running for 65 s: fetched 28 %",
            "the server starts after it; 41.2 GiB of 145.0 GiB, 320.0 MiB/s, 6 min left",
        ),
        (
            (FETCHED, "weights: a.bin: the connection broke; trying again in 4 s"),
            "init container fetch-model has been running for 65 s: fetched 28 %",
            "the server starts after it; 41.2 GiB of 145.0 GiB, 320.0 MiB/s, 6 min left",
        ),
        (
            ("weights: waiting for pod qwen-7, whose turn it is to fetch qwen-0123456789",),
            "init container fetch-model has been running for 65 s: "
            "waiting for pod qwen-7, whose turn it is to fetch qwen-0123456789",
            "the server starts after it",
        ),
        (("something else",), "init container fetch-model has been running for 65 s", "the server starts after it"),
    ],
)
def test_fetching_weights_reports_its_progress(lines: tuple[str, ...], message: str, why: str) -> None:
    item = pod("qwen", status={"initContainerStatuses": [container("fetch-model", state=running(65))]})
    finding = judged(*with_log(item, *lines))

    assert finding is not None
    assert (finding.rule, finding.severity, finding.message, finding.why) == ("preparing", "warning", message, why)


def test_weights_that_cannot_be_fetched_are_reported_with_reason_and_fix() -> None:
    failing = container("fetch-model", state=BACK_OFF, lastState=ended(1), restartCount=3)
    item = pod("qwen", container(state=waiting("PodInitializing")), status={"initContainerStatuses": [failing]})
    line = "weights: error: there is no bucket models at obs.example.com (404); fix: correct model.source.bucket"
    finding = judged(*with_log(item, "weights: fetching 9 of 9 files, 145.0 GiB", line))

    assert finding is not None
    assert (finding.rule, finding.severity) == ("init-failed", "error")
    assert finding.message == (
        "init container fetch-model failed, 3 times: there is no bucket models at obs.example.com (404)"
    )
    assert finding.fix == "correct model.source.bucket"


def test_a_crash_with_a_known_error_in_its_log_is_explained() -> None:
    item = pod("qwen", container(state=BACK_OFF, lastState=ended(1), restartCount=2), phase="Running")
    finding = judged(*with_log(item, "Traceback:", "RuntimeError: NPU out of memory. Tried to allocate 2.00 GiB"))

    assert finding is not None
    assert finding.message.endswith("2 times: an NPU has too little memory")
    assert "gpuMemoryUtilization" in finding.fix
