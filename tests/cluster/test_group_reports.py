"""What `status` reads in the log of a leader is what the leader writes."""

from __future__ import annotations

from cluster.groups.reports import Report, explained, last_report
from models.launch.scripts.member import Failure
from models.launch.scripts.member_connection import SILENT

LINES = ["INFO loading weights", "RuntimeError: EI0001: a port is wrong"]


def log(failure: Failure, attempt: int) -> list[str]:
    return ["group: rank 1 is connected", *failure.text(attempt, 5).splitlines()]


def test_the_last_failure_is_read_with_the_lines_of_its_server() -> None:
    first = log(Failure(0, "did not answer within 600 s", ["INFO"]), 1)
    second = log(Failure(2, "ended with code 1", LINES), 2)

    assert last_report([*first, "INFO starting", *second, "INFO starting again"]) == Report(
        rank=2,
        reason="ended with code 1",
        attempt=2,
        attempts=5,
        lines=tuple(LINES),
        gave_up=False,
    )


def test_a_group_that_gave_up_says_so() -> None:
    report = last_report([*log(Failure(1, "was lost", []), 5), "group: gave up after 5 attempts; the pods wait"])

    assert report
    assert report.gave_up


def test_a_lost_pod_is_no_failure_of_its_server() -> None:
    report = last_report(log(Failure(1, "was lost", []), 1))

    assert report
    finding = explained(report, None)
    assert finding.message == "the leader lost its pod (attempt 1 of 5)"
    assert finding.fix.startswith("bring the node of the pod or its network back")


def test_a_pod_that_hangs_is_no_failure_of_its_server() -> None:
    report = last_report(log(Failure(1, SILENT, []), 1))

    assert report
    finding = explained(report, None)
    assert finding.message == "its pod hung: the leader heard nothing from it for 20 s (attempt 1 of 5)"


def test_a_log_without_a_failure_has_no_report() -> None:
    assert last_report(["group: rank 1 is connected", "group: lost the connection to rank 1"]) is None
