"""The wait of `up` ends when all services are ready, when one has definitely failed, or at a timeout."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from cluster.api.errors import ClusterError
from cluster.api.outage import TOLERATED
from cluster.service import WatchedService
from cluster.snapshot import Object, Snapshot
from cluster.update.wait import LOOK, Awaited, NotReadyError, patiently, wait_until_ready
from tests.cluster.objects import (
    BUDGET,
    RESOURCE,
    container,
    deployment,
    ended,
    event,
    node,
    pod,
    replica_set,
    running,
    snapshot,
    waiting,
)
from tests.cluster.reader import FORBIDDEN, GONE, FakeReader, FakeTime

UNREADY = {"availableReplicas": 0}
TIMEOUT = 900


def awaited(*names: str, timeout: int = TIMEOUT) -> list[Awaited]:
    return [Awaited(WatchedService(name, RESOURCE, BUDGET), timeout) for name in names or ("qwen",)]


def cluster(*pods: dict[str, Any], ready: tuple[str, ...] = (), **kinds: Any) -> Snapshot:
    """A cluster in which the services of these pods are not ready, and the others are."""
    names = [item["metadata"]["labels"]["app.kubernetes.io/instance"] for item in pods]
    made = [deployment(name, **UNREADY) for name in dict.fromkeys(names)] + [deployment(name) for name in ready]
    kinds = {"deployments": made, "nodes": [node()], **kinds}
    return snapshot(*pods, **kinds)


STARTING = pod("qwen", container(state=running(30)), phase="Running")
CRASHED_ONCE = pod("qwen", container(state=running(5), lastState=ended(1), restartCount=1), phase="Running")
CRASHING = pod("qwen", container(state=running(5), lastState=ended(1), restartCount=2), phase="Running")
BACKING_OFF = pod("qwen", container(state=waiting("CrashLoopBackOff"), lastState=ended(1), restartCount=1))
READY = cluster(ready=("qwen", "llava"))


def wait(reader: FakeReader, services: list[Awaited] | None = None) -> tuple[list[str], float]:
    """The progress lines, and the seconds that passed."""
    lines: list[str] = []
    time = FakeTime()
    asyncio.run(
        wait_until_ready(
            reader,
            awaited() if services is None else services,
            lambda n, text: lines.append(f"{n}: {text}"),
            time.clock,
        )
    )
    return lines, time.now


def failing(reader: FakeReader, services: list[Awaited] | None = None) -> tuple[str, float]:
    """The error, and the seconds that passed."""
    time = FakeTime()
    with pytest.raises(NotReadyError) as failed:
        asyncio.run(wait_until_ready(reader, services or awaited(), lambda *_: None, time.clock))
    return str(failed.value), time.now


def test_ready_services_cost_one_call_without_a_progress_line() -> None:
    reader = FakeReader([READY])

    assert wait(reader, awaited("qwen", "llava")) == ([], 0)
    assert reader.calls == ["deployments"]


def test_no_service_costs_no_call() -> None:
    reader = FakeReader([READY])
    wait(reader, [])

    assert reader.calls == []


def test_progress_is_reported_when_something_changes() -> None:
    pulling = pod("qwen", container(state=waiting("ContainerCreating")))
    look = cluster(pulling, events=[event(pulling, "Pulling", "Pulling image")])
    reader = FakeReader([*[look] * 8, *[cluster(STARTING)] * 8, READY])
    lines, seconds = wait(reader)

    assert lines == [
        "qwen: 0/1 pulling the image for 5 s",
        "qwen: 0/1 starting (30 s of 12 min)",
        "qwen: ready",
    ]
    assert seconds == 16


def test_unchanged_progress_is_reported_once_a_minute() -> None:
    lines, _ = wait(FakeReader([*[cluster(STARTING)] * 130, READY]))

    assert len(lines) == 4


def test_a_node_that_is_lost_while_a_pod_starts_is_reported() -> None:
    lost = cluster(STARTING, nodes=[node(ready="Unknown")])
    lines, _ = wait(FakeReader([*[cluster(STARTING)] * 60, *[lost] * 60, READY]))

    assert any(line.startswith("qwen: 0/1 the node node-1 has not been ready") for line in lines)


def test_pods_are_read_less_often_than_deployments_and_nodes_rarely_once_all_pods_have_one() -> None:
    nowhere = pod("qwen", node="")
    reader = FakeReader([*[cluster(nowhere)] * 5, *[cluster(STARTING)] * 10, READY])
    wait(reader)

    assert reader.calls.count("deployments") == 16
    assert [call for call in reader.calls if call != "deployments"] == ["wide", "wide", "wide", "narrow", "narrow"]

    long = FakeReader([*[cluster(STARTING)] * 100, READY])
    wait(long)

    assert [call for call in long.calls if call != "deployments"].count("wide") == 4


@pytest.mark.parametrize(
    ("item", "rule"),
    [
        (CRASHING, "crash-loop"),
        (BACKING_OFF, "crash-loop"),
        (
            pod(
                "qwen", container(state=waiting("CrashLoopBackOff"), lastState=ended(137, "OOMKilled"), restartCount=2)
            ),
            "out-of-memory",
        ),
        (
            pod(
                "qwen",
                status={"initContainerStatuses": [container(state=waiting("CrashLoopBackOff"), lastState=ended(1))]},
            ),
            "init-failed",
        ),
    ],
)
def test_a_repeated_crash_ends_the_wait_immediately_with_its_last_lines(item: dict[str, Any], rule: str) -> None:
    text, seconds = failing(FakeReader([cluster(item)], lines=["RuntimeError: boom"]))

    assert seconds < LOOK
    assert text.startswith(f"qwen cannot start\n\nerror[{rule}]: qwen: ")
    assert "| RuntimeError: boom" in text


def test_a_single_crash_does_not_end_the_wait() -> None:
    lines, _ = wait(FakeReader([*[cluster(CRASHED_ONCE)] * 30, READY]))

    assert lines[-1] == "qwen: ready"


MOUNT = 'MountVolume.SetUp failed for volume "hccn" : hostPath type check failed: /etc/hccn.conf is not a file'
CREATING = pod("qwen", container(state=waiting("ContainerCreating")))
REFUSED = {"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"}


@pytest.mark.parametrize(
    ("look", "rule"),
    [
        (cluster(pod("qwen", container(state=waiting("ErrImagePull", "not found")))), "image-not-found"),
        (cluster(pod("qwen", container(state=waiting("ErrImagePull", "401 Unauthorized")))), "image-unauthorized"),
        (cluster(pod("qwen", container(state=waiting("InvalidImageName")))), "image-name"),
        (cluster(pod("qwen", container(state=waiting("CreateContainerConfigError", "no key")))), "container-config"),
        (cluster(CREATING, events=[event(CREATING, "FailedMount", MOUNT)]), "failed-mount"),
        (
            snapshot(deployments=[deployment(**UNREADY)], replica_sets=[replica_set(conditions=[REFUSED])]),
            "pod-security",
        ),
    ],
)
def test_an_error_that_needs_a_change_ends_the_wait_after_twenty_seconds(look: Snapshot, rule: str) -> None:
    text, seconds = failing(FakeReader([look]))

    assert 20 <= seconds <= 20 + LOOK
    assert f"error[{rule}]: qwen: " in text


def test_an_error_that_disappears_within_twenty_seconds_is_forgotten() -> None:
    bad = cluster(pod("qwen", container(state=waiting("ErrImagePull", "not found"))))
    lines, _ = wait(FakeReader([*[bad] * 18, *[cluster(STARTING)] * 4, *[bad] * 18, READY]))

    assert lines[-1] == "qwen: ready"


@pytest.mark.parametrize(
    ("look", "rule"),
    [
        (cluster(STARTING), "slow-start"),
        (cluster(pod("qwen", npus=8, node=""), holders=[pod("llava", npus=8)]), "no-free-npus"),
        (cluster(pod("qwen", container(state=waiting("ErrImagePull", "no such host")))), "image-registry"),
    ],
)
def test_an_error_that_may_disappear_lasts_until_the_timeout_of_the_service(look: Snapshot, rule: str) -> None:
    text, seconds = failing(FakeReader([look]))

    assert TIMEOUT <= seconds <= TIMEOUT + 1
    assert text.startswith("qwen not ready after 15 min")
    assert f"[{rule}]: qwen: " in text


def test_each_service_has_its_own_timeout_and_all_unready_ones_are_reported() -> None:
    slow = pod("llava", container(state=running(30)), phase="Running")
    services = [*awaited("qwen", timeout=60), *awaited("llava", timeout=600), *awaited("other")]
    text, seconds = failing(FakeReader([cluster(STARTING, slow, ready=("other",))]), services)

    assert 60 <= seconds <= 61
    assert text.startswith("qwen not ready after 60 s")
    assert "llava: starting" in text
    assert "other" not in text


def test_a_restart_of_the_api_server_is_waited_for() -> None:
    lines, seconds = wait(FakeReader([cluster(STARTING), *[GONE] * 100, READY]))

    assert lines[1:] == [
        "qwen: unknown, the API server has not answered for 0 s",
        "qwen: unknown, the API server has not answered for 60 s",
        "qwen: ready",
    ]
    assert seconds == 101


def test_a_long_outage_of_the_api_server_ends_the_wait() -> None:
    time = FakeTime()
    with pytest.raises(ClusterError, match="does not answer"):
        asyncio.run(wait_until_ready(FakeReader([GONE]), awaited(), lambda *_: None, time.clock))

    assert TOLERATED <= time.now <= TOLERATED + 2


def test_two_short_outages_do_not_add_up() -> None:
    minute = [GONE] * 80
    lines, _ = wait(FakeReader([*minute, *[cluster(STARTING)] * 4, *minute, READY]))

    assert lines[-1] == "qwen: ready"


def test_missing_permission_is_not_an_outage() -> None:
    time = FakeTime()
    with pytest.raises(ClusterError, match="not allowed"):
        asyncio.run(wait_until_ready(FakeReader([FORBIDDEN]), awaited(), lambda *_: None, time.clock))

    assert time.now == 0


def test_a_deployment_that_somebody_deletes_meanwhile_is_reported() -> None:
    text, seconds = failing(FakeReader([snapshot()]))

    assert "error[not-deployed]: qwen: " in text
    assert seconds < 60


class GrowingReader(FakeReader):
    """A reader during whose first answer another service is registered."""

    services: list[Awaited]

    async def deployments(self) -> Sequence[Object]:
        answer = await super().deployments()
        if len(self.calls) == 1:
            self.services += awaited("llava")
        return answer


def test_a_service_that_is_added_during_the_wait_is_read_again() -> None:
    reader = GrowingReader([READY])
    reader.services = awaited("qwen")
    wait(reader, reader.services)

    assert reader.calls.count("deployments") == 2, "the first answer may be older than the update of the new service"


def test_a_read_waits_for_the_end_of_an_outage() -> None:
    time = FakeTime()
    answers = iter([GONE, GONE, "an answer"])

    async def read() -> str:
        answer = next(answers)
        if isinstance(answer, ClusterError):
            raise answer
        return str(answer)

    assert asyncio.run(patiently(read, time.clock)) == "an answer"
    assert time.now == 2


@pytest.mark.parametrize(("problem", "seconds"), [(GONE, TOLERATED), (FORBIDDEN, 0)], ids=["for-long", "forbidden"])
def test_a_read_gives_up_after_a_long_outage_and_at_once_without_permission(
    problem: ClusterError, seconds: float
) -> None:
    time = FakeTime()

    async def read() -> str:
        raise problem

    with pytest.raises(ClusterError, match=problem.message):
        asyncio.run(patiently(read, time.clock))
    assert seconds <= time.now <= seconds + 2
