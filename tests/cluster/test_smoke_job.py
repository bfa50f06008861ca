"""The Jobs of `smoke: true`: an update ends well when all have succeeded, and says what they found when one has not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cluster.api.errors import ClusterError
from cluster.api.outage import TOLERATED
from cluster.service import WatchedService
from cluster.snapshot import Object, Snapshot
from cluster.update.smoke_job import GRACE, NotProvedError, wait_until_proved
from tests.cluster.objects import BUDGET, RESOURCE, container, ended, event, pod, running, snapshot, waiting
from tests.cluster.reader import FORBIDDEN, GONE, FakeTime

JOB = "qwen-smoke-1"
WAITING, COMPLETE, FAILED = "", "Complete", "Failed"


def job(state: str, message: str = "") -> Object:
    conditions = [{"type": state, "status": "True", "message": message}] if state else []
    return {"kind": "Job", "metadata": {"name": JOB}, "status": {"conditions": conditions}}


def asks(state: dict[str, Any], phase: str = "Running") -> dict[str, Any]:
    """The Job's pod, with the state of its container."""
    return pod("smoke", container("smoke", state=state), npus=0, phase=phase)


def failed(message: str = "", **metadata: Any) -> dict[str, Any]:
    end = ended(1)["terminated"] | {"message": message}
    return pod("smoke", container("smoke", state={"terminated": end}), npus=0, phase="Failed", metadata=metadata)


ASKING = asks(running(3))


@dataclass
class JobReader:
    """A reader that returns one state of the Job after the other, then the last one again."""

    jobs: Sequence[Object | ClusterError | None]
    pods: Sequence[Object] = (ASKING,)
    events: Sequence[Object] = ()
    lines: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)

    async def named(self, kind: str, name: str) -> Object | None:
        assert kind == "Job"
        self.asked.append(name)
        now = self.jobs[min(len(self.asked), len(self.jobs)) - 1]
        if isinstance(now, ClusterError):
            raise now
        return now

    async def pods_of_job(self, job: str) -> Sequence[Object]:
        assert job == JOB
        return self.pods

    async def look(self, *, wide: bool) -> Snapshot:
        return snapshot(events=list(self.events))

    async def log(self, pod: str, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        assert (container, previous) == ("smoke", False)
        return self.lines


def wait(reader: JobReader, *names: str) -> tuple[list[str], float]:
    """The progress lines, and the seconds that passed."""
    said: list[str] = []
    time = FakeTime()
    jobs = {name: WatchedService("qwen", RESOURCE, BUDGET) for name in names or (JOB,)}
    asyncio.run(wait_until_proved(reader, jobs, lambda name, line: said.append(f"{name} {line}"), time.clock))
    return said, time.now


def refusal(reader: JobReader) -> str:
    with pytest.raises(NotProvedError) as problem:
        wait(reader)
    return str(problem.value)


def test_a_job_that_has_succeeded_is_read_once_without_a_progress_line() -> None:
    reader = JobReader([job(COMPLETE)])

    assert wait(reader)[0] == []
    assert reader.asked == [JOB]


def test_the_wait_reports_a_running_job_and_ends_with_it() -> None:
    said, seconds = wait(JobReader([job(WAITING), job(WAITING), job(COMPLETE)]))

    assert said == ["qwen smoke: a Job sends a request to the service"] * 2
    assert seconds < 5


def test_each_job_is_waited_for() -> None:
    reader = JobReader([job(COMPLETE), job(WAITING), job(COMPLETE)])
    wait(reader, "first", JOB)

    assert reader.asked == ["first", JOB, JOB]


def test_a_problem_of_the_jobs_pod_is_reported_as_progress() -> None:
    stuck = asks(waiting("ImagePullBackOff", "manifest unknown"), phase="Pending")
    said, _ = wait(JobReader([job(WAITING), job(COMPLETE)], [stuck], [event(stuck, "Failed", "manifest unknown")]))

    assert said == ["qwen smoke: the image registry.example.com/ascend-vllm:6.3.912 does not exist"]


def test_all_failures_of_a_job_are_in_the_error_with_its_last_lines() -> None:
    lines = "smoke: health: passed in 0.01 s\nsmoke: stream: FAILED: it does not end\nsmoke: too long: FAILED: 500"
    text = refusal(JobReader([job(WAITING), job(FAILED)], [failed(lines)]))

    assert text.startswith("error[smoke-failed]: qwen: the smoke test failed: stream: it does not end; too long: 500")
    assert f"the Job {JOB} sent requests" in text
    assert "     | smoke: health: passed in 0.01 s\n" in text


def test_the_log_is_read_if_the_status_has_no_lines() -> None:
    text = refusal(JobReader([job(FAILED)], [failed()], lines=("smoke: models: FAILED: lora is not served",)))

    assert "the smoke test failed: models: lora is not served" in text


def test_the_last_pod_of_a_job_counts() -> None:
    first = failed("smoke: health: FAILED: first", creationTimestamp="2026-11-22T11:00:00Z")
    last = failed("smoke: health: FAILED: last", creationTimestamp="2026-11-22T11:01:00Z")

    assert "health: last" in refusal(JobReader([job(FAILED)], [first, last]))
    assert "health: last" in refusal(JobReader([job(FAILED)], [last, first]))


def test_credentials_in_the_lines_are_hidden() -> None:
    assert "sk-canary" not in refusal(JobReader([job(FAILED)], [failed("args: --api-key=sk-canary\nno python")]))


@pytest.mark.parametrize(
    ("last", "pods", "words"),
    [
        (None, [], "somebody deleted it"),
        (
            job(FAILED, "it was active longer than its deadline"),
            [],
            "it was active longer than its deadline",
        ),
        (job(FAILED, "too often"), [failed("/bin/bash: no python")], "too often"),
        (job(FAILED), [], "it failed"),
    ],
)
def test_a_job_that_sent_no_request_is_reported_with_its_end(
    last: Object | None, pods: list[Object], words: str
) -> None:
    text = refusal(JobReader([job(WAITING), last], pods))

    assert text.startswith(f"error[smoke-failed]: qwen: the Job {JOB} could not send its requests: {words}")
    assert "fix: " in text


def test_a_job_that_does_not_end_fails_after_its_deadline() -> None:
    reader = JobReader([job(WAITING)])
    time = FakeTime()
    with pytest.raises(NotProvedError, match="it has not ended 60 s after its deadline of 12 min"):
        asyncio.run(
            wait_until_proved(reader, {JOB: WatchedService("qwen", RESOURCE, BUDGET)}, lambda *_: None, time.clock)
        )

    assert BUDGET + GRACE < time.now < BUDGET + GRACE + 10


def test_a_short_outage_of_the_api_server_is_survived() -> None:
    assert wait(JobReader([job(WAITING), GONE, GONE, job(COMPLETE)]))[1] < TOLERATED


@pytest.mark.parametrize(("problem", "seconds"), [(GONE, TOLERATED), (FORBIDDEN, 0)], ids=["for-long", "forbidden"])
def test_an_api_server_that_does_not_answer_ends_the_wait(problem: ClusterError, seconds: float) -> None:
    time = FakeTime()
    with pytest.raises(ClusterError):
        asyncio.run(
            wait_until_proved(JobReader([problem]), {JOB: WatchedService("qwen", RESOURCE, BUDGET)}, print, time.clock)
        )

    assert seconds <= time.now <= seconds + 10
